"""What a profile wants: which commands, changed how, in which scope."""

from __future__ import annotations

import pytest
from desk import GUILD, GUILD_2

from botswain.deployment.wanted import wanted
from botswain.errors import InvalidInput
from botswain.profile.load import load
from botswain.secrets import environment

GLOBAL = "global"


@pytest.fixture(autouse=True)
def here(desk, monkeypatch):
    """Works in the folder of `desk`."""
    monkeypatch.chdir(desk.folder)
    environment._dotenv.cache_clear()


def want(name="dev"):
    """Command names by scope."""
    scopes = wanted(load(name)).scopes
    return {scope: sorted(one["name"] for one in commands.values()) for scope, commands in scopes.items()}


def problems(name="dev"):
    """What is wrong."""
    with pytest.raises(InvalidInput) as error:
        wanted(load(name))
    return [str(problem) for problem in error.value.problems]


def test_every_guild_has_all_commands(desk):
    """A guild-scoped profile repeats its commands in each guild, and shares what it holds of them."""
    desk.command("a")
    desk.command("b")
    desk.profile(guild_ids=[GUILD, GUILD_2])
    assert want() == {GUILD: ["a", "b"], GUILD_2: ["a", "b"]}
    scopes = wanted(load("dev")).scopes
    assert scopes[GUILD] is scopes[GUILD_2]


def test_development_only_commands_never_reach_production(desk):
    """Neither in its global scope nor in the owner's guilds."""
    desk.command("a")
    desk.command("reload", developmentOnly=True)
    desk.command("debug", developmentOnly=True, ownerOnly=True)
    desk.profile(owner_guild_ids=[GUILD])
    assert want() == {GUILD: ["a", "debug", "reload"]}
    desk.production()
    assert want("prod") == {GLOBAL: ["a"]}
    desk.production(enabled_commands=["a", "reload"])
    assert want("prod") == {GLOBAL: ["a"]}


def test_an_override_cannot_take_development_only_to_production(desk):
    """It can say so about a command, and it can only unsay it on purpose."""
    desk.command("a")
    desk.command("b", developmentOnly=True)
    desk.production(command_overrides={"a": {"developmentOnly": True}})
    assert want("prod") == {GLOBAL: []}
    desk.production(command_overrides={"b": {"developmentOnly": False}})
    assert want("prod") == {GLOBAL: ["a", "b"]}


def test_owner_only_commands_are_in_the_owner_s_guilds_only(desk):
    """Beside what else is there, and for administrators only, whatever the definition says."""
    desk.command("a", default_member_permissions=["kick_members"])
    desk.command("fleet", ownerOnly=True, default_member_permissions=["kick_members"])
    desk.profile(guild_ids=[GUILD, GUILD_2], owner_guild_ids=[GUILD_2, "200000000000000003"])
    assert want() == {GUILD: ["a"], GUILD_2: ["a", "fleet"], "200000000000000003": ["fleet"]}
    scopes = wanted(load("dev")).scopes
    for scope in (GUILD_2, "200000000000000003"):
        assert scopes[scope]["chat_input/fleet"]["default_member_permissions"] == "0"
    assert scopes[GUILD_2]["chat_input/a"]["default_member_permissions"] == "2"
    desk.production(owner_guild_ids=[GUILD_2])
    assert want("prod") == {GLOBAL: ["a"], GUILD_2: ["fleet"]}


def test_owner_only_without_the_owner_s_guilds(desk):
    """The command is neither left out quietly nor shown to everybody."""
    desk.command("fleet", ownerOnly=True)
    assert problems() == [
        (
            "profiles/dev.yaml: owner_guild_ids: is empty, but fleet is ownerOnly; list the bot owner's guilds, or"
            " leave the command out"
        )
    ]
    desk.profile(enabled_commands=["!fleet"])
    assert want() == {GUILD: []}


def test_enabled_commands(desk):
    """Globs over names; `!` leaves out; a glob that matches nothing is a mistake, `*` never is."""
    for name in ("ban", "kick", "mod-a", "mod-b"):
        desk.command(name)
    for enabled, names in (
        (["*"], ["ban", "kick", "mod-a", "mod-b"]),
        (["mod-*", "ban"], ["ban", "mod-a", "mod-b"]),
        (["*", "!mod-*"], ["ban", "kick"]),
        (["!ban"], ["kick", "mod-a", "mod-b"]),
        ([], []),
    ):
        desk.profile(enabled_commands=enabled)
        assert want() == {GUILD: names}, enabled
    desk.profile(enabled_commands=["bann", "!mud-*"])
    assert problems() == [
        'profiles/dev.yaml: enabled_commands.0: "bann" matches no command; did you mean "ban"?',
        'profiles/dev.yaml: enabled_commands.1: "!mud-*" matches no command; did you mean "mod-b"?',
    ]


def test_an_empty_folder_is_an_empty_set(desk):
    """With the usual enabled_commands it is for the plan to say what that may do."""
    assert want() == {GUILD: []}


def test_command_overrides(desk):
    """Merged per command: mappings deeply, lists replaced, null removing, and checked like any definition."""
    options = [{"type": "string", "name": "x", "description": "y"}]
    desk.command("ping", description_localizations={"de": "Hallo", "fr": "Salut"}, options=options)
    desk.profile(
        command_overrides={"ping": {"description": "Mine", "description_localizations": {"de": None}, "options": []}}
    )
    ping = wanted(load("dev")).scopes[GUILD]["chat_input/ping"]
    assert (ping["description"], ping["description_localizations"]) == ("Mine", {"fr": "Salut"})
    assert "options" not in ping
    desk.profile(command_overrides={"ping": {"description": "d" * 101}, "pong": {}})
    assert problems() == [
        "profiles/dev.yaml: command_overrides.ping: /ping: description has 101 characters; at most 100",
        'profiles/dev.yaml: command_overrides.pong: there is no such command; did you mean "ping"?',
    ]


def test_an_entry_point_is_global(desk):
    """A guild profile leaves it out and says so, unless it is told to manage it."""
    desk.command("a")
    desk.definition("launch.json", {"type": "primary_entry_point", "name": "launch", "description": "x", "handler": 2})
    assert want() == {GUILD: ["a"]}
    assert wanted(load("dev")).notes == (
        (
            "launch (commands/launch.json) is an entry point, which is global; this profile leaves it out"
            " (commands.entry_point: true in profiles/dev.yaml manages it)"
        ),
    )
    desk.profile(commands={"entry_point": True})
    assert want() == {GLOBAL: ["launch"], GUILD: ["a"]}
    assert wanted(load("dev")).notes == ()
    desk.production()
    assert want("prod") == {GLOBAL: ["a", "launch"]}


def test_an_entry_point_cannot_be_the_owner_s(desk):
    """There is one for everybody."""
    desk.definition("launch.json", {"type": 4, "name": "launch", "handler": 2, "ownerOnly": True})
    desk.profile(owner_guild_ids=[GUILD])
    told = (
        "commands/launch.json: primary_entry_point/launch: is ownerOnly, which an entry point cannot be: it is global"
    )
    assert told in problems()


def test_a_scope_is_counted_with_the_owner_s_commands(desk):
    """100 and one of the owner's are too many for a guild that has both."""
    desk.definition("all.json", [{"name": f"c{index}", "description": "x"} for index in range(100)])
    desk.command("fleet", ownerOnly=True)
    desk.profile(owner_guild_ids=[GUILD])
    assert problems() == ["commands: 101 chat input commands in one scope; at most 100"]


def test_an_unchanged_folder_is_not_read_again(desk, monkeypatch):
    """An edit is seen at once; without one neither YAML nor models are needed."""
    desk.command("ping", "One")
    assert wanted(load("dev")).scopes[GUILD]["chat_input/ping"]["description"] == "One"
    monkeypatch.setattr("botswain.deployment.wanted._sets", lambda _: pytest.fail("it was read again"))
    wanted(load("dev"))
    monkeypatch.undo()
    monkeypatch.chdir(desk.folder)
    desk.command("ping", "Two")
    assert wanted(load("dev")).scopes[GUILD]["chat_input/ping"]["description"] == "Two"


def test_a_changed_profile_selects_anew(desk):
    """What is remembered depends on the profile too."""
    desk.command("a")
    desk.command("b")
    assert want() == {GUILD: ["a", "b"]}
    desk.profile(enabled_commands=["a"])
    assert want() == {GUILD: ["a"]}
    desk.profile(enabled_commands=["z"], command_overrides={"a": {"name": "z"}})
    assert want() == {GUILD: ["z"]}
