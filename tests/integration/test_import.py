"""`import`: what is live becomes definitions and records; Discord is not written, and the next diff is empty."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import yaml
from desk import APP, GUILD, GUILD_2, Desk, refused, steady
from test_terminals import on_a_terminal, until

from botswain.deployment import adopt, newfiles
from botswain.discord.enums import LOCALES
from botswain.state import atomic

PING = {"name": "ping", "description": "Is it awake? no: #1"}
BAN = {
    "name": "ban", "description": "Bans", "default_member_permissions": "4",
    "name_localizations": {locale: f"ban-{locale.lower()}" for locale in LOCALES},
    "options": [
        {"type": 1, "name": "user", "description": "Somebody", "options": [
            {"type": 4, "name": "days", "description": "For", "required": True, "min_value": 0, "choices": [
                {"name": "on", "value": 1, "name_localizations": {"no": "no"}}, {"name": "1e3", "value": 1000}]},
            {"type": 7, "name": "where", "description": "0x1F", "channel_types": [0, 15]},
            {"type": 10, "name": "how", "description": "~", "max_value": 1.5}]}],
}  # fmt: skip
MENUS = [{"name": "Report", "type": 2}, {"name": "report", "type": 2}, {"name": "Report", "type": 3}]
PLACED = {"name": "roll", "description": "x", "contexts": [0, 2], "integration_types": [1], "nsfw": True}
EVERYTHING = [PING, BAN, *MENUS]
NOBODY = 65534


def make(desk, *commands, scope=GUILD, environment="dev"):
    """Other hands make commands."""
    for command in commands:
        desk.edit("create", scope, environment, command=command)


def empty_folder(desk):
    """The project as it is before the first import: there is no folder of definitions."""
    (desk.folder / "commands").rmdir()


@pytest.fixture
def live(desk: Desk):
    """Commands that another tool deployed to the one guild; nothing is defined or recorded."""
    empty_folder(desk)
    make(desk, *EVERYTHING)
    return desk


def files(desk):
    """What is in the folder of definitions, by name."""
    folder = desk.folder / "commands"
    return {path.name: path.read_text() for path in folder.iterdir()} if folder.is_dir() else {}


def imported(desk, *arguments, env="dev"):
    """The document of an import that went well."""
    ran = desk.inv("import", "--env", env, "--json", *arguments)
    assert ran.code == 0, ran
    return ran.document


def in_step(desk, env="dev"):
    """The next diff is empty, and the next deployment writes nothing."""
    ran = desk.inv("diff", "--env", env, "--check")
    assert ran.code == 0, ran
    document = desk.inv("deploy", "--env", env, "--yes", "--json").document
    assert (document["outcome"], document["requests"].get("PUT")) == ("unchanged", None)


# What it does


def test_what_is_live_becomes_definitions_and_records(live: Desk):
    """Files by name and kind, nothing written to Discord, ids as they were, and from then on no difference."""
    before = live.live()
    document = imported(live)
    assert (document["outcome"], document["deployment"]["kind"]) == ("done", "import")
    assert document["requests"].get("PUT") is None
    assert live.live() == before
    names = ["ban.yaml", "ping.yaml", "report-2.user.yaml", "report.message.yaml", "report.user.yaml"]
    assert sorted(files(live)) == names
    assert sorted(document["files"]) == [f"commands/{name}" for name in names]
    assert yaml.safe_load(files(live)["report-2.user.yaml"]) == {"name": "report", "type": "user"}
    in_step(live)
    manifest = json.loads((live.folder / "manifests/dev.json").read_text())
    assert {*manifest["commandIds"][GUILD].values()} >= {one["id"] for one in before.values()}
    assert live.inv("audit.verify", "--env", "dev").code == 0


def test_it_says_what_it_does_and_what_is_next(live: Desk):
    """Each file, how many commands, the way back, and that the files want to be committed."""
    out = steady(live.inv("import", "--env", "dev").out)
    what = '/ping, /ban, user command "Report", user command "report", message command "Report"'
    assert out.splitlines() == [
        f"guild {GUILD}  5 live commands to adopt ({what})",
        "  + commands/ping.yaml",
        "  + commands/ban.yaml",
        "  + commands/report.user.yaml",
        "  + commands/report-2.user.yaml",
        "  + commands/report.message.yaml",
        "Adopts 5 commands and 5 files; writes nothing to Discord.",
        "note: next: commit these files (git -C . add commands && git -C . commit), then look at ./inv diff --env dev",
        "import ID: done in N s",
        f"  now       5 commands in guild {GUILD}, as of ID",
        "  rollback  nothing to go back to yet",
    ]


def test_after_an_import_there_is_nothing_to_go_back_to(live: Desk):
    """It changed nothing on Discord; but its state can be restored after the next deployment."""
    identity = imported(live)["deployment"]["deploymentId"]
    ran = live.inv("rollback", "--env", "dev", "--yes")
    assert (ran.code, ran.told[0].partition(":")[2][:31]) == (1, " there is nothing to go back to")
    live.write("commands/ping.yaml", "name: ping\ndescription: Edited\n")
    assert live.inv("deploy", "--env", "dev").code == 0
    assert live.live()["ping"]["description"] == "Edited"
    assert live.inv("rollback", "--env", "dev", "--to", identity, "--yes").code == 0
    assert live.live()["ping"]["description"] == PING["description"]


def test_a_global_scope_with_its_entry_point(desk: Desk):
    """Contexts and install types are named as they are live, the handler too; dm_permission beside contexts is not."""
    empty_folder(desk)
    (desk.folder / "profiles/dev.yaml").unlink()
    desk.production(api="sandbox", application_id=APP)
    old = {"name": "old", "description": "x", "dm_permission": False}
    make(desk, PING, PLACED, {"name": "Launch", "type": 4, "handler": 2}, old, scope="global", environment="prod")
    imported(desk, "--yes", env="prod")
    assert sorted(files(desk)) == ["launch.entry-point.yaml", "old.yaml", "ping.yaml", "roll.yaml"]
    assert "handler: discord_launch_activity" in files(desk)["launch.entry-point.yaml"]
    roll = yaml.safe_load(files(desk)["roll.yaml"])
    assert (roll["contexts"], roll["integration_types"]) == (["guild", "private_channel"], ["user_install"])
    assert "contexts: [guild, bot_dm, private_channel]" in files(desk)["ping.yaml"]
    assert "dm_permission" not in files(desk)["roll.yaml"]
    in_step(desk, "prod")


def test_the_entry_point_of_a_profile_of_guilds(live: Desk):
    """With commands.entry_point it is adopted, and the other global commands are not this profile's."""
    make(live, {"name": "Launch", "type": 4, "handler": 1}, {**PING, "name": "everywhere"}, scope="global")
    live.profile(commands={"entry_point": True})
    document = imported(live)
    assert document["adopted"]["global"] == ["primary_entry_point/Launch"]
    assert "everywhere.yaml" not in files(live)
    assert any("1 live command belong" in note for note in document["notes"])
    in_step(live)


# Again


def test_a_second_import_has_nothing_to_do(live: Desk):
    """No further entry in the history, no file touched."""
    imported(live)
    before = live.state(), files(live)
    document = imported(live)
    assert (document["outcome"], document["deployment"], document["files"]) == ("unchanged", None, [])
    assert "nothing to adopt" in document["notes"][-1]
    assert (live.state(), files(live)) == before


def test_a_second_import_adopts_what_other_hands_made(live: Desk):
    """Only that: an edit of a managed command stays drift, and one taken out of the folder does not come back."""
    imported(live)
    (live.folder / "commands/report.message.yaml").unlink()
    live.edit("patch", command={"description": "By hand"}, name="ping")
    make(live, {"name": "new", "description": "x"})
    document = imported(live)
    assert (document["files"], document["adopted"][GUILD]) == (["commands/new.yaml"], ["chat_input/new"])
    plan = live.inv("diff", "--env", "dev", "--json").document["plan"]["scopes"][0]["commands"]
    assert [(one["command"], one["action"], one["drift"]) for one in plan] == [
        ("chat_input/ping", "update", True),
        ("message/Report", "delete", False),
    ]


def test_what_other_hands_renamed_is_no_stranger(live: Desk):
    """It is ours under another name, so it is not adopted a second time; the diff shows the rename."""
    imported(live)
    live.edit("patch", command={"name": "pong"}, name="ping")
    assert imported(live)["deployment"] is None
    assert "pong.yaml" not in files(live)
    (command,) = live.inv("diff", "--env", "dev", "--json").document["plan"]["scopes"][0]["commands"]
    assert (command["command"], command["action"], command["drift"]) == ("chat_input/ping", "rename", True)


def test_what_was_taken_out_of_the_folder_does_not_come_back_by_another_guild(live: Desk):
    """A guild that joins the profile later still has the command; that makes it a deletion there, and no file."""
    imported(live)
    (live.folder / "commands/ping.yaml").unlink()
    live.profile(guild_ids=[GUILD, GUILD_2])
    make(live, *EVERYTHING, scope=GUILD_2)
    document = imported(live)
    assert (document["files"], len(document["adopted"][GUILD_2])) == ([], 5)
    scopes = live.inv("diff", "--env", "dev", "--json").document["plan"]["scopes"]
    assert [[(one["command"], one["action"]) for one in scope["commands"]] for scope in scopes] == [
        [("chat_input/ping", "delete")],
        [("chat_input/ping", "delete")],
    ]


def test_drift_of_what_discord_had_chosen_is_not_swallowed(desk: Desk):
    """A managed command whose contexts other hands changed still shows that after an import beside it."""
    (desk.folder / "profiles/dev.yaml").unlink()
    desk.production(api="sandbox", application_id=APP)
    desk.command()
    assert desk.inv("deploy", "--env", "prod", "--yes").code == 0
    desk.edit("patch", "global", "prod", command={"contexts": [0]}, name="ping")
    make(desk, {"name": "new", "description": "x"}, scope="global", environment="prod")
    imported(desk, "--yes", env="prod")
    plan = desk.inv("diff", "--env", "prod", "--json").document["plan"]["scopes"][0]["commands"]
    assert [(one["command"], one["drift"]) for one in plan] == [("chat_input/ping", True)]


# What is there already


def test_what_the_folder_defines_is_left_alone(live: Desk):
    """Its own definition stands, whatever the file is called; the diff shows the difference, as one that is meant."""
    live.write("commands/mine.yaml", "name: ping\ndescription: Mine\n")
    live.write("commands/ban.yaml", "name: other\ndescription: x\n")
    document = imported(live)
    assert "commands/ban-2.yaml" in document["files"]
    assert not any("ping" in name for name in document["files"])
    assert files(live)["mine.yaml"] == "name: ping\ndescription: Mine\n"
    assert files(live)["ban.yaml"] == "name: other\ndescription: x\n"
    assert any("the next deploy would change /ping" in note for note in document["notes"])
    plan = live.inv("diff", "--env", "dev", "--json").document["plan"]["scopes"][0]["commands"]
    assert sorted((one["command"], one["action"], one["drift"]) for one in plan) == [
        ("chat_input/other", "create", False),
        ("chat_input/ping", "update", False),
    ]


def test_what_the_folder_says_just_so_is_recorded_as_it_says_it(desk: Desk):
    """A definition that leaves contexts to Discord still does after the import, so nothing is written."""
    (desk.folder / "profiles/dev.yaml").unlink()
    desk.production(api="sandbox", application_id=APP)
    make(desk, PING, scope="global", environment="prod")
    desk.definition("ping.json", PING)
    assert imported(desk, "--yes", env="prod")["files"] == []
    in_step(desk, "prod")


def test_commands_that_the_profile_does_not_enable_stay_strangers(live: Desk):
    """They are defined, and not ours, or the first deployment would delete them."""
    live.profile(enabled_commands=["!ban"])
    document = imported(live)
    assert "commands/ban.yaml" in document["files"]
    assert "chat_input/ban" not in document["adopted"][GUILD]
    assert document["notes"][0] == "enabled_commands leave out /ban, so what is live of it stays as it is"
    in_step(live)
    assert "ban" in live.live()


def test_a_broken_definition_is_told_before_anything_is_done(live: Desk):
    """With all problems; no file, no record."""
    live.write("commands/bad.yaml", "name: Bad Name\ndescription: x\n")
    ran = live.inv("import", "--env", "dev")
    assert ran.code == 1
    assert ran.told[0].startswith("commands/bad.yaml: /Bad Name: ")
    assert list(files(live)) == ["bad.yaml"]
    assert not (live.folder / "manifests/dev.json").exists()


# Guilds


@pytest.fixture
def two(desk: Desk):
    """Two guilds: one has /ping and /ban, the other another /ping."""
    empty_folder(desk)
    desk.profile(guild_ids=[GUILD, GUILD_2])
    make(desk, PING, BAN)
    make(desk, {**PING, "description": "Another"}, scope=GUILD_2)
    return desk


def test_guilds_that_differ_are_refused(two: Desk):
    """Nothing is chosen for anybody: it says which guild differs in what, and does nothing."""
    ran = two.inv("import", "--env", "dev")
    refused(
        ran,
        "profiles/dev.yaml: guild_ids: the guilds differ, and a profile deploys one set to all of them:"
        f" /ping is another in guild {GUILD_2} than in guild {GUILD}; /ban is not in guild {GUILD_2};"
        " say --guild ID to choose whose commands become the files; the next diff shows what the others have",
        code=3,
    )
    assert files(two) == {}
    assert not (two.folder / "manifests/dev.json").exists()
    dry = two.inv("import", "--env", "dev", "--dry-run", "--json")
    assert dry.code == 0
    assert dry.document["notes"][0].startswith("without --dry-run it would be refused: profiles/dev.yaml: guild_ids")


@pytest.mark.parametrize(
    ("guild", "written", "plan"),
    [
        (GUILD, ["ban.yaml", "ping.yaml"], {GUILD_2: [("chat_input/ban", "create"), ("chat_input/ping", "update")]}),
        (GUILD_2, ["ping.yaml"], {GUILD: [("chat_input/ban", "delete"), ("chat_input/ping", "update")]}),
    ],
)
def test_one_guild_is_chosen_and_the_diff_shows_the_others(two: Desk, guild, written, plan):
    """What is live elsewhere is ours too, so what is too much there is a deletion, and nothing of it is drift."""
    document = imported(two, "--guild", guild)
    assert sorted(files(two)) == written
    (other,) = plan
    assert any("the next deploy would" in note and other in note for note in document["notes"])
    scopes = two.inv("diff", "--env", "dev", "--json").document["plan"]["scopes"]
    found = {one["scope"]: sorted((c["command"], c["action"]) for c in one["commands"]) for one in scopes}
    assert found == {guild: [], **plan}
    assert not any(command["drift"] for one in scopes for command in one["commands"])


def test_a_guild_that_is_none_of_the_profile_is_no_choice(two: Desk):
    """One line with those that there are."""
    told = f"--guild: 123456789012345678 is no guild of this profile; its guilds: {GUILD}, {GUILD_2}"
    refused(two.inv("import", "--env", "dev", "--guild", "123456789012345678"), told)


def test_guilds_that_agree_need_no_choice(desk: Desk):
    """Their ids and versions differ, and that is no difference."""
    desk.profile(guild_ids=[GUILD, GUILD_2])
    for guild in (GUILD, GUILD_2):
        make(desk, *EVERYTHING, scope=guild)
    assert len(imported(desk)["files"]) == 5
    in_step(desk)


def test_a_guild_without_the_bot_is_skipped(live: Desk):
    """The others are adopted; the result is partial, as of a deployment, and the next import takes in the rest."""
    live.profile(guild_ids=[GUILD, GUILD_2])
    make(live, *EVERYTHING, scope=GUILD_2)
    at(live, GUILD_2, "forbidden")
    ran = live.inv("import", "--env", "dev", "--json")
    assert (ran.code, ran.document["outcome"]) == (1, "partial")
    assert any(note.startswith(f"skipped guild {GUILD_2}: ") for note in ran.document["notes"])
    assert list(ran.document["adopted"]) == [GUILD]
    at(live, GUILD_2, "open")
    assert len(imported(live)["adopted"][GUILD_2]) == len(files(live)) == 5
    in_step(live)


def test_a_chosen_guild_without_the_bot_is_no_choice(two: Desk):
    """Rather than take an empty set for its commands."""
    at(two, GUILD_2, "missing")
    ran = two.inv("import", "--env", "dev", "--guild", GUILD_2)
    assert (ran.code, ran.told[0].startswith(f"guild {GUILD_2}: cannot be read")) == (1, True), ran
    assert files(two) == {}


def at(desk, guild, state):
    """Puts a guild into a state."""
    double = desk.sandbox()
    try:
        double.set_guild(guild, state)
    finally:
        double.close()


# Code


def test_a_source_of_code_gets_no_files(desk: Desk):
    """What is live is recorded alone, so that the first diff shows just what the code says otherwise."""
    program = [sys.executable, "-c", f"print({json.dumps(json.dumps([{**PING, 'description': 'Edited'}, PLACED]))})"]
    desk.profile(commands={"source": "program", "run": program})
    make(desk, PING, BAN, {k: v for k, v in PLACED.items() if k not in ("contexts", "integration_types")})
    document = imported(desk)
    assert (document["files"], files(desk)) == ([], {})
    assert len(document["adopted"][GUILD]) == 3
    plan = desk.inv("diff", "--env", "dev", "--json").document["plan"]["scopes"][0]["commands"]
    assert [(one["command"], one["action"], one["drift"]) for one in plan] == [
        ("chat_input/ping", "update", False),
        ("chat_input/ban", "delete", False),
    ]


def test_code_that_leaves_contexts_to_discord_is_no_difference(desk: Desk):
    """Most bots do; what Discord filled in is recorded as its choice, and what was pinned once as pinned."""
    (desk.folder / "profiles/dev.yaml").unlink()
    program = [sys.executable, "-c", f"print({json.dumps(json.dumps([PING, {'name': 'roll', 'description': 'x'}]))})"]
    desk.production(api="sandbox", application_id=APP, commands={"source": "program", "run": program})
    make(desk, PING, {**PLACED, "nsfw": False}, scope="global", environment="prod")
    imported(desk, "--yes", env="prod")
    (change,) = desk.inv("diff", "--env", "prod", "--json").document["plan"]["scopes"][0]["commands"]
    assert change["command"] == "chat_input/roll"
    assert sorted(field["path"] for field in change["fields"]) == ["contexts", "integration_types"]


def test_code_that_fails_does_not_keep_what_is_live_from_being_recorded(desk: Desk):
    """The import says why the code could not be read."""
    desk.profile(commands={"source": "program", "run": [sys.executable, "-c", "raise SystemExit(3)"]})
    make(desk, PING)
    document = imported(desk)
    assert document["adopted"] == {GUILD: ["chat_input/ping"]}
    assert "the source could not be read, so what is live is recorded just as it is" in document["notes"][0]
    told = "--guild: with source program no definition is written, so there is no guild to choose; leave it out"
    refused(desk.inv("import", "--env", "dev", "--guild", GUILD), told)


# Refusals, questions, commits


def test_production_asks(live: Desk):
    """Off a terminal it needs --yes, although Discord is not written; and without it nothing is done."""
    (live.folder / "profiles/dev.yaml").unlink()
    live.production(api="sandbox", application_id=APP)
    make(live, PING, scope="global", environment="prod")
    told = (
        "this would record 1 live command of prod (production) and write 1 file, and there is no terminal to ask on;"
        " if you mean it, say --yes"
    )
    refused(live.inv("import", "--env", "prod"), told, code=3)
    assert files(live) == {}
    assert not (live.folder / "manifests/prod.json").exists()
    dry = live.inv("import", "--env", "prod", "--dry-run", "--json").document
    assert dry["notes"] == [f"without --dry-run it would be refused: {told}"]
    imported(live, "--yes", env="prod")
    in_step(live, "prod")


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "code"), [(b"n\n", 3), (b"y\n", 0)])
def test_production_asks_on_a_terminal(live: Desk, answer, code):
    """What is shown comes first; no is no."""
    (live.folder / "profiles/dev.yaml").unlink()
    live.production(api="sandbox", application_id=APP)
    make(live, PING, scope="global", environment="prod")
    with on_a_terminal(live, "import", "--env", "prod") as (process, ours):
        shown = until(ours, "[y/N] ")
        assert "+ commands/ping.yaml" in shown
        assert shown.endswith("This would record 1 live command of prod (production) and write 1 file. Go on? [y/N] ")
        os.write(ours, answer)
        rest = until(ours, None)
        assert process.wait(20) == code, rest
    assert bool(files(live)) == (live.folder / "manifests/prod.json").exists() == (code == 0)


def test_nothing_live_is_nothing_to_adopt(desk: Desk):
    """No record, no folder."""
    empty_folder(desk)
    assert imported(desk)["deployment"] is None
    assert files(desk) == {}
    assert not (desk.folder / "manifests/dev.json").exists()


def test_a_dry_run_writes_nothing(live: Desk):
    """It says which files there would be."""
    before = live.state()
    document = imported(live, "--dry-run")
    assert (document["outcome"], len(document["files"])) == ("planned", 5)
    assert (live.state(), files(live)) == (before, {})


def test_the_record_names_the_commit_below(live: Desk):
    """The files are in none yet, so it is `<sha>+dirty`; with nothing to write it is the commit."""

    def git(*arguments):
        identity = ["-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false"]
        done = subprocess.run(
            ["git", *identity, *arguments], cwd=live.folder, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    git("init", "-q")
    git("add", "profiles")
    git("commit", "-qm", "one")
    sha = git("rev-parse", "HEAD")
    assert imported(live)["deployment"]["gitSha"] == f"{sha}+dirty"
    git("add", "commands")
    git("commit", "-qm", "two")
    make(live, {"name": "new", "description": "x"})
    live.write("commands/new.yaml", "name: new\ndescription: x\n")
    git("add", "commands")
    git("commit", "-qm", "three")
    assert imported(live)["deployment"]["gitSha"] == git("rev-parse", "HEAD")


def test_a_secret_does_not_become_a_file(desk: Desk):
    """A live command that holds the token is refused by its name, and the token is not shown."""
    secret = "MTAwMDAwMDAwMDAwMDAwMDAx.GplntD.kQ3v-Zr8_Yw2xT6mB1nC5dF9hJ4gL7pS0aEu"
    desk.environment["DISCORD_DEV_TOKEN"] = secret
    make(desk, {"name": "ping", "description": f"x {secret}"})
    ran = desk.inv("import", "--env", "dev")
    assert (ran.code, ran.told[0].partition(";")[0]) == (3, "/ping: holds a secret, which would be written to a file")
    assert secret not in str(ran)
    assert files(desk) == {}


# Failing half-way


class Full:
    """A disk on which the so-and-so-many-th write fails."""

    def __init__(self, monkeypatch, after):
        self.left, real = after, atomic.write_all

        def write(descriptor, data):
            self.left -= 1
            if self.left < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            real(descriptor, data)

        monkeypatch.setattr(atomic, "write_all", write)


def everything_in(folder):
    """Every name below a folder, hidden ones too."""
    return sorted(path.name for path in folder.rglob("*")) if folder.exists() else []


@pytest.mark.parametrize("after", range(5))
def test_a_full_disk_leaves_no_file(live: Desk, monkeypatch, after):
    """All definitions or none, without leftovers; when there is room again, the same command does it."""
    real = adopt.create_files

    def create(files):
        Full(patch, after)
        return real(files)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adopt, "create_files", create)
        ran = live.inv("import", "--env", "dev")
    assert ran.code == 1, ran
    assert "the disk is full; free some space" in ran.told[0]
    assert everything_in(live.folder / "commands") == []
    assert not (live.folder / "commands").exists()
    assert not (live.folder / "manifests/dev.json").exists()
    imported(live)
    in_step(live)


def test_records_that_cannot_be_written_take_the_files_along(live: Desk, monkeypatch):
    """A failure says nothing was done, and nothing is there."""
    real = newfiles.create_files

    def create(files):
        folders = real(files)
        Full(patch, 0)
        return folders

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adopt, "create_files", create)
        ran = live.inv("import", "--env", "dev")
    assert ran.code == 1, ran
    assert files(live) == {}
    imported(live)
    in_step(live)


@pytest.fixture
def ordinary():
    """A project of a user whom permissions bind: this one, or nobody in root's place."""
    place = Path(tempfile.mkdtemp(prefix="botswain-test-"))
    place.chmod(0o755)
    made = Desk(place, {"HOME": str(place)})
    made.profile()
    make(made, *EVERYTHING)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, place)
        if os.geteuid() == 0:
            for path in [place, *place.rglob("*")]:
                os.chown(path, NOBODY, NOBODY)
            os.seteuid(NOBODY)
            stack.callback(os.seteuid, 0)
        yield made


def test_a_folder_that_is_read_only(ordinary: Desk):
    """One line with the place and what to do; no record."""
    (ordinary.folder / "commands").chmod(0o555)
    ran = ordinary.inv("import", "--env", "dev")
    told = "commands/ping.yaml: cannot write it: permission denied; let this user write to commands"
    refused(ran, told)
    assert not (ordinary.folder / "manifests/dev.json").exists()
    (ordinary.folder / "commands").chmod(0o755)
    in_step_after_all = imported(ordinary)["files"]
    assert len(in_step_after_all) == 5


def test_records_that_are_read_only_leave_no_files(ordinary: Desk):
    """Refused, and the folder of definitions is as it was."""
    (ordinary.folder / "manifests/dev").mkdir(parents=True)
    (ordinary.folder / "manifests").chmod(0o555)
    ran = ordinary.inv("import", "--env", "dev")
    (ordinary.folder / "manifests").chmod(0o755)
    assert (ran.code, ran.told) == (
        3,
        ["manifests: cannot record anything in it: permission denied; let this user write to manifests"],
    )
    assert files(ordinary) == {}


def test_a_file_that_appears_meanwhile_is_not_overwritten(live: Desk, monkeypatch):
    """Whoever made it wins; the others are taken back."""
    real = adopt.create_files

    def create(pairs):
        live.write("commands/ban.yaml", "name: mine\ndescription: x\n")
        return real(pairs)

    monkeypatch.setattr(adopt, "create_files", create)
    ran = live.inv("import", "--env", "dev")
    told = "commands/ban.yaml: appeared meanwhile, and existing files are left alone; run the same command again"
    refused(ran, told)
    assert files(live) == {"ban.yaml": "name: mine\ndescription: x\n"}


def test_file_systems_without_links(live: Desk, monkeypatch):
    """Some disks have none; the files come all the same."""

    def no_link(path, target):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(newfiles.Path, "hardlink_to", no_link)
    assert len(imported(live)["files"]) == 5
    in_step(live)


KILLED = """
import os, signal, sys
from pathlib import Path
real, left, name = Path.hardlink_to, int(sys.argv[1]), sys.argv[2]
def link(path, target):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), getattr(signal, name))
    real(path, target)
Path.hardlink_to = link
sys.argv = ["inv", "import", "--env", "dev"]
from botswain.cli.__main__ import main
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("left", [0, 2, 4])
@pytest.mark.parametrize("name", ["SIGKILL", "SIGINT", "SIGTERM"])
def test_cut_off_between_two_files(live: Desk, left, name):
    """Ctrl-C leaves nothing; after SIGKILL what is there is whole and harmless. The next import completes it."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(left), name], capture_output=True, text=True, check=False, timeout=60,
        **live.where(),
    )  # fmt: skip
    assert done.returncode == (-signal.SIGKILL if name == "SIGKILL" else 1), done.stderr
    assert len(files(live)) == 0 or name == "SIGKILL"
    assert not (live.folder / "manifests/dev.json").exists()
    if name == "SIGKILL":
        assert len([one for one in files(live) if not one.startswith(".")]) == left
        assert live.inv("validate", "--env", "dev").code == 0
    else:
        assert "botswain: stopped; nothing was changed" in done.stderr
    imported(live)
    assert len(everything_in(live.folder / "commands")) == 5
    in_step(live)


@pytest.mark.slow
def test_two_imports_at_once(live: Desk):
    """One wins; the other waits for nobody, or finds nothing left to do."""
    runs = [
        subprocess.Popen(
            live.argv("import", "--env", "dev"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, **live.where()
        )
        for _ in range(3)
    ]
    ends = [(run.communicate(timeout=60), run.returncode) for run in runs]
    assert {code for _, code in ends} <= {0, 3}, ends
    assert len(files(live)) == 5
    in_step(live)
    history = live.inv("history", "--env", "dev", "--json").document["deployments"]
    assert [entry["kind"] for entry in history] == ["import"]
