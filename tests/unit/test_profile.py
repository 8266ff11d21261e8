"""Profiles: what a file may say, the variables over it, and what editors are told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from desk import APP, GUILD, GUILD_2, OTHER_APP, ROOT, token

from botswain.errors import InvalidInput
from botswain.profile import schema
from botswain.profile.load import load, names, others
from botswain.profile.model import ProfileFile
from botswain.profile.settings import Profile, Source, State
from botswain.secrets import environment


@pytest.fixture(autouse=True)
def here(desk, monkeypatch):
    """Works in the folder of `desk`, with no variables of this machine."""
    monkeypatch.chdir(desk.folder)
    for name in ("DISCORD_DEV_TOKEN", "DISCORD_DEV_APPLICATION_ID", "DISCORD_DEV_GUILD_IDS"):
        monkeypatch.delenv(name, raising=False)
    environment._dotenv.cache_clear()
    yield
    environment._dotenv.cache_clear()


def problems(name="dev"):
    """What is wrong with a profile."""
    with pytest.raises(InvalidInput) as error:
        load(name)
    return [str(problem) for problem in error.value.problems]


def test_the_fields_of_a_file(desk):
    """Every field arrives; ids may be written as numbers, and the defaults are those of the documentation."""
    desk.profile(
        guild_ids=[int(GUILD), GUILD_2],
        owner_guild_ids=[GUILD],
        repo="../bot",
        commands={
            "folder": "defs",
            "unmanaged": "refuse",
            "leave": ["old-*"],
            "entry_point": True,
            "requests_per_second": 30,
        },
        enabled_commands=["*", "!x"],
        command_overrides={"ping": {"description": "y"}},
        manifest_path="records/dev.json",
    )
    assert load("dev") == Profile(
        name="dev",
        file="profiles/dev.yaml",
        production=False,
        global_=False,
        guild_ids=(GUILD, GUILD_2),
        owner_guild_ids=(GUILD,),
        application_id=APP,
        api="sandbox",
        source=Source("folder", Path("../bot"), "defs"),
        unmanaged="refuse",
        leave=("old-*",),
        entry_point=True,
        requests_per_second=30,
        enabled_commands=("*", "!x"),
        command_overrides={"ping": {"description": "y"}},
        manifest_path=Path("records/dev.json"),
        state=State("folder", "origin", "refs/botswain/dev"),
    )
    desk.profile(api=None)
    plain = load("dev")
    assert (plain.api, plain.source.path, plain.unmanaged) == ("https://discord.com/api/v10", Path("commands"), "keep")
    assert (plain.enabled_commands, plain.requests_per_second) == (("*",), 20)
    assert plain.manifest_path == Path("manifests/dev.json")


def test_any_environment_name_will_do(desk):
    """Names are words in small letters; the variables' names follow from them."""
    desk.profile("my-env_2", application_id=OTHER_APP)
    assert load("my-env_2").name == "my-env_2"
    assert environment.prefix("my-env_2") == "DISCORD_MY_ENV_2_"
    desk.profile("Up")
    assert problems("Up") == ['profiles/Up.yaml: environment: must be like dev or my-env, not "Up"']


def test_two_names_with_the_same_variables_are_refused(desk):
    """a-b and a_b would share a token."""
    desk.profile("a-b", application_id=OTHER_APP)
    desk.profile("a_b", application_id="100000000000000003")
    assert problems("a-b") == ["profiles/a-b.yaml: environment: a_b uses the same variables DISCORD_A_B_…; rename one"]


def test_variables_replace_the_file_s_values(desk, monkeypatch):
    """The application and the guilds may come from the environment, separated by commas or spaces."""
    monkeypatch.setenv("DISCORD_DEV_APPLICATION_ID", OTHER_APP)
    monkeypatch.setenv("DISCORD_DEV_GUILD_IDS", f"{GUILD_2}, {GUILD} 200000000000000003")
    profile = load("dev")
    assert profile.application_id == OTHER_APP
    assert profile.guild_ids == (GUILD_2, GUILD, "200000000000000003")


def test_dotenv_is_beneath_the_environment(desk, monkeypatch):
    """`.env` is read, and never overrides what is really set."""
    desk.write(".env", f"DISCORD_DEV_APPLICATION_ID={OTHER_APP}\nDISCORD_DEV_GUILD_IDS='{GUILD_2}'\n")
    monkeypatch.setenv("DISCORD_DEV_APPLICATION_ID", "100000000000000007")
    profile = load("dev")
    assert (profile.application_id, profile.guild_ids) == ("100000000000000007", (GUILD_2,))


def test_guilds_of_a_global_profile(desk, monkeypatch):
    """A global profile has no guilds, neither in the file nor in a variable."""
    desk.production()
    monkeypatch.setenv("DISCORD_PROD_GUILD_IDS", GUILD)
    assert problems("prod") == [
        "environment: DISCORD_PROD_GUILD_IDS: is set, but profiles/prod.yaml is global; unset it"
    ]
    desk.production(guild_ids=[GUILD])
    assert problems("prod") == [
        "profiles/prod.yaml: guild_ids: a global profile has none; remove them or set `global: false`"
    ]


def test_a_guild_listed_twice(desk):
    """Told rather than deployed to twice."""
    desk.profile(guild_ids=[GUILD, GUILD])
    assert problems() == [f"profiles/dev.yaml: guild_ids: {GUILD} is listed twice"]


def test_guilds_of_another_application_may_be_shared(desk):
    """The bots of dev and stage may sit in one guild when they are two applications."""
    desk.profile("stage", application_id=OTHER_APP)
    assert load("dev").guild_ids == load("stage").guild_ids


def test_a_conflict_through_a_variable_is_found(desk, monkeypatch):
    """What counts is what the environments really use."""
    desk.profile("stage", application_id=OTHER_APP)
    monkeypatch.setenv("DISCORD_STAGE_APPLICATION_ID", APP)
    twice = f"guild {GUILD} is also in profiles/stage.yaml, for the same application; take it out of one"
    assert problems() == [f"profiles/dev.yaml: guild_ids: {twice}"]


def test_a_broken_profile_stops_only_its_own_environment(desk):
    """Nobody's deployment waits for somebody else's file."""
    desk.write("profiles/stage.yaml", "environment: [")
    assert load("dev").name == "dev"
    assert [other.name for other in others(load("dev"))] == []
    assert names() == ["dev", "stage"]


def test_what_reaches_discord(desk):
    """Only the sandbox and addresses of this machine are a rehearsal."""
    for api, sandbox, rehearsal in (
        ("sandbox", True, True),
        ("http://127.0.0.1:8080/api/v10", False, True),
        ("http://localhost:8080/api/v10", False, True),
        ("http://[::1]:8080/api/v10", False, True),
        ("https://discord.com/api/v10", False, False),
        ("https://127.0.0.1.example.com/api/v10", False, False),
    ):
        desk.profile(api=api)
        profile = load("dev")
        assert (profile.sandbox, profile.rehearsal) == (sandbox, rehearsal), api


@pytest.mark.parametrize(
    "api", ["http://10.0.0.1/api", "https://user:pw@discord.com/api", "ftp://x/api", "https://", "discord.com", ""]
)
def test_addresses_that_would_leak_a_token(desk, api):
    """Plain http beyond this machine, credentials in the URL, other schemes."""
    desk.profile(api=api)
    assert [problem.partition(": api: ")[0] for problem in problems()] == ["profiles/dev.yaml"]


def test_a_profile_is_remembered_until_it_changes(desk, monkeypatch):
    """An unchanged file costs neither YAML nor pydantic; a changed one is read again."""
    load("dev")
    monkeypatch.setattr("botswain.profile.load._validated", lambda *_: pytest.fail("it was read again"))
    assert load("dev").guild_ids == (GUILD,)
    monkeypatch.undo()
    monkeypatch.chdir(desk.folder)
    desk.profile(guild_ids=[GUILD_2])
    assert load("dev").guild_ids == (GUILD_2,)


def test_a_profile_with_a_secret_is_not_remembered(desk):
    """The cache is a file like any other."""
    from botswain.secrets import redaction

    redaction.register(token(), "DISCORD_DEV_TOKEN")
    desk.profile(command_overrides={"ping": {"description": f"see {token()}"}})
    load("dev")
    kept = [path.read_text() for path in (desk.folder / ".botswain").rglob("*.json")]
    assert not any(token() in text for text in kept)


def test_bare_tokens():
    """Some put `Bot ` before the token, as the header wants it."""
    assert environment.bare(f" Bot  {token()}\n") == token()
    assert environment.bare("Botulinum.x.y") == "Botulinum.x.y"
    assert environment.bare("Bot ") == ""


# Editors


def test_the_schema_for_editors_is_current():
    """profiles/profile.schema.json is what the model says; `./inv dev.schema` writes it."""
    assert (ROOT / schema.FILE).read_text() == schema.text()


@pytest.mark.parametrize("file", sorted(path.name for path in (ROOT / "profiles").glob("*.yaml")))
def test_the_shipped_profiles_are_valid_for_editors_too(file):
    """An editor marks nothing in them."""
    import jsonschema

    document = json.loads(schema.text())
    jsonschema.Draft202012Validator.check_schema(document)
    jsonschema.validate(yaml.safe_load((ROOT / "profiles" / file).read_text()), document)


def test_the_schema_refuses_what_the_model_refuses():
    """An unknown field, a wrong type, a malformed id and a wrong word are marked while typing."""
    import jsonschema

    validator = jsonschema.Draft202012Validator(json.loads(schema.text()))
    for wrong in (
        {"guild": [GUILD]},
        {"global": "yes"},
        {"guild_ids": ["abc"]},
        {"commands": {"unmanaged": "burn"}},
        {"environment": "Dev"},
    ):
        assert not validator.is_valid({"environment": "dev", **wrong}), wrong
    assert validator.is_valid({"environment": "dev", "guild_ids": [int(GUILD), GUILD]})


def test_every_field_tells_editors_what_it_means():
    """A field without a description is one that has to be looked up."""
    sections = [ProfileFile, ProfileFile.model_fields["commands"].annotation]
    silent = [
        name
        for section in sections
        for name, field in section.model_fields.items()
        if not field.description and name != "commands" and "description" not in repr(field.metadata)
    ]
    assert silent == []
