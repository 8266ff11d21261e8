"""What a person gets wrong, each with the exact message and exit code, and that nothing was changed."""

from __future__ import annotations

import json

import pytest
from desk import APP, GUILD, GUILD_2, OTHER_APP, Desk, token

COMMANDS = "commands"


def refused(ran, *told, code=1):
    """A run that said exactly this, did nothing, and showed no traceback."""
    assert (ran.code, ran.told) == (code, list(told)), ran
    assert "Traceback" not in ran.out + ran.err


# Which environment


def test_a_missing_profile_is_named_with_the_nearest_one(desk: Desk):
    """A mistyped environment is told apart from one without a near name."""
    refused(desk.inv("deploy", "--env", "dve"), 'profiles/dve.yaml: no profile "dve"; did you mean "dev"?')
    refused(desk.inv("deploy", "--env", "zzz"), 'profiles/zzz.yaml: no profile "zzz"; there are: dev')


@pytest.mark.parametrize("task", ["deploy", "apply", "diff", "drift", "rollback", "status", "history", "audit.verify"])
def test_no_environment_is_never_a_default_one(desk: Desk, task):
    """Without --env nothing is guessed; the choices are listed."""
    desk.profile("stage", application_id=OTHER_APP)
    refused(desk.inv(task), "no environment given; say --env, one of: dev, stage")


def test_a_project_without_profiles_says_so(desk: Desk):
    """An empty profiles folder is not `all valid`."""
    (desk.folder / "profiles/dev.yaml").unlink()
    refused(desk.inv("validate"), "profiles: there is no profile; write one for each environment")


def test_a_command_line_that_cannot_be_read_is_one_line(desk: Desk):
    """Unknown tasks and options and a number that is none never end in a traceback, and --json stays JSON."""
    help_ = "; ./inv --list shows the tasks, ./inv --help TASK its options"
    for arguments, what in (
        (["deplyo"], "No idea what 'deplyo' is"),
        (["deploy", "--bogus"], "No idea what '--bogus' is"),
        (["deploy", "--env", "dev", "--allow-delete", "x"], "'x' is not a whole number"),
        (["-D", "x", "deploy"], "'x' is not a whole number"),
        (["deploy", "dev"], "No idea what 'dev' is"),
    ):
        refused(desk.inv(*arguments), what + help_)
    document = desk.inv("deploy", "--json", "--allow-delete", "x").document
    assert document["problems"] == ["'x' is not a whole number" + help_]


# The profile


def test_every_problem_of_a_profile_is_told_at_once(desk: Desk):
    """Unknown fields come with the nearest known one, wrong types with what was found instead."""
    desk.profile(
        **{"global": "yes"},
        guilds=4,
        enabled_commands="foo",
        command_overrides=[1],
        owner_guild_ids=[12, "abc"],
        commands={"folder": 7, "unmanaged": "burn", "folders": "x", "requests_per_second": 99},
        manifest_path=5,
        production="true",
        state="git",
    )
    where = "profiles/dev.yaml: "
    ran = desk.inv("validate", "--env", "dev")
    assert (ran.code, sorted(ran.told)) == (
        1,
        sorted(
            where + told
            for told in (
                'global: must be true or false, not "yes"',
                'enabled_commands: must be a list, not "foo"',
                "command_overrides: must be a mapping, not a list",
                "manifest_path: must be text, not 5",
                'production: must be true or false, not "true"',
                'owner_guild_ids.0: must be a Discord id of 15 to 20 digits, not "12"',
                'owner_guild_ids.1: must be a Discord id of 15 to 20 digits, not "abc"',
                "commands.folder: must be text, not 7",
                "commands.unmanaged: must be 'keep', 'delete' or 'refuse', not \"burn\"",
                "commands.requests_per_second: must be at most 50, not 99",
                'commands.folders: unknown field; did you mean "folder"?',
                "state: must be 'folder', not \"git\"",
                'guilds: unknown field; did you mean "guild_ids"?',
            )
        ),
    ), ran


def test_the_environment_in_a_file_is_the_file_s_name(desk: Desk):
    """A copied profile whose name was not changed would write over the other environment's records."""
    desk.profile("dev", environment="prod")
    told = 'profiles/dev.yaml: environment: says "prod" in a file called dev.yaml; they must agree'
    refused(desk.inv("deploy", "--env", "dev"), told)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("environment: [dev\n", "line 2, column 1: not valid YAML: did not find expected ',' or ']'"),
        ("environment: dev\nenvironment: dev\n", 'line 2, column 1: the key "environment" is written twice'),
        ("environment: dev\n---\nenvironment: dev\n", "holds 2 YAML documents; a profile is one"),
        ("- dev\n", "must be a mapping of fields, not a list"),
        ("", "environment: is missing"),
    ],
)
def test_a_profile_that_is_no_profile(desk: Desk, text, told):
    """A broken file is told with line and column."""
    desk.write("profiles/dev.yaml", text)
    refused(desk.inv("validate", "--env", "dev"), f"profiles/dev.yaml: {told}")


def test_a_profile_that_cannot_be_read(desk: Desk):
    """What is no text file is a problem of that file, and only of that environment."""
    (desk.folder / "profiles/other.yaml").mkdir()
    (desk.folder / "profiles/latin.yaml").write_bytes(b"environment: caf\xe9\n")
    refused(desk.inv("validate", "--env", "other"), "profiles/other.yaml: cannot be read: Is a directory")
    told = "profiles/latin.yaml: is not UTF-8 text (unexpected end of data at byte 16)"
    ran = desk.inv("validate", "--env", "latin")
    assert ran.code == 1
    assert ran.told[0].startswith("profiles/latin.yaml: is not UTF-8 text ("), told
    assert desk.inv("validate", "--env", "dev").code == 0


def test_two_profiles_of_one_environment(desk: Desk):
    """dev.yaml beside dev.yml: neither is quietly the one."""
    desk.write("profiles/dev.yml", (desk.folder / "profiles/dev.yaml").read_text())
    told = "profiles/dev.yml: is a second profile of dev beside profiles/dev.yaml; remove one"
    refused(desk.inv("deploy", "--env", "dev"), told)


def test_a_profile_without_a_place(desk: Desk):
    """Not global and no guild is nothing to deploy to, not everything."""
    desk.profile(guild_ids=None)
    refused(
        desk.inv("deploy", "--env", "dev"),
        "profiles/dev.yaml: guild_ids: this profile is not global and names no guild; list some, or set"
        " DISCORD_DEV_GUILD_IDS",
    )


def test_global_is_for_production(desk: Desk):
    """Every user of the bot would see it; a profile has to say that it means it."""
    desk.profile(guild_ids=None, **{"global": True})
    refused(
        desk.inv("deploy", "--env", "dev"),
        "profiles/dev.yaml: global: this profile is not production; use guild_ids, or say `allow_global: true`"
        " if you mean it",
    )
    desk.profile(guild_ids=None, allow_global=True, **{"global": True})
    assert desk.inv("validate").code == 0


def test_addresses(desk: Desk):
    """Tokens go over https; a production profile never talks to this machine."""
    desk.profile(api="http://discord.example/api/v10")
    refused(
        desk.inv("deploy", "--env", "dev"),
        "profiles/dev.yaml: api: plain http is only for this machine (127.0.0.1, localhost); use https",
    )
    desk.profile(api="discord.com")
    refused(
        desk.inv("deploy", "--env", "dev"),
        'profiles/dev.yaml: api: must be "sandbox" or a URL such as https://discord.com/api/v10',
    )
    desk.production(api="http://127.0.0.1:1/api/v10")
    refused(
        desk.inv("deploy", "--env", "prod"),
        "profiles/prod.yaml: api: http://127.0.0.1:1/api/v10 is this machine; a production profile needs Discord's"
        " address",
    )


def test_one_guild_belongs_to_one_environment(desk: Desk):
    """Two environments in one guild of one application would undo each other."""
    desk.profile("stage", guild_ids=[GUILD_2, GUILD])
    refused(
        desk.inv("deploy", "--env", "dev"),
        f"profiles/dev.yaml: guild_ids: guild {GUILD} is also in profiles/stage.yaml, for the same application; take it"
        " out of one",
    )


def test_one_guild_in_two_environments_is_found_by_their_tokens_too(desk: Desk):
    """Profiles need not name their application; Discord says whose token it is."""
    desk.profile("dev", application_id=None)
    desk.profile("stage", application_id=None)
    desk.environment.update(DISCORD_DEV_TOKEN=token(), DISCORD_STAGE_TOKEN=token())
    refused(
        desk.inv("deploy", "--env", "dev"),
        f"profiles/dev.yaml: guild_ids: guild {GUILD} is also in profiles/stage.yaml, for the same application {APP};"
        " each guild belongs to one environment; take it out of one of them",
        code=3,
    )


def test_production_s_application_is_production_s(desk: Desk):
    """A development profile with production's application id would write to production."""
    desk.production(application_id=APP)
    refused(
        desk.inv("deploy", "--env", "dev"),
        f"profiles/dev.yaml: application_id: {APP} is the production application of profiles/prod.yaml; every other"
        " environment needs an application of its own",
    )


def test_production_names_its_application(desk: Desk):
    """Otherwise nothing could tell that another environment holds production's credentials."""
    desk.production(application_id=None)
    refused(
        desk.inv("deploy", "--env", "prod", "--yes"),
        "profiles/prod.yaml: application_id: is required in production; name it, or set DISCORD_PROD_APPLICATION_ID",
    )


# Credentials


def real(desk: Desk, **fields):
    """A profile that would talk over the network, to a port of this machine where nobody listens."""
    desk.profile(api="http://127.0.0.1:9/api/v10", **fields)
    desk.command()


def test_no_credentials(desk: Desk):
    """A missing token never falls back to the sandbox."""
    desk.profile(api="https://discord.com/api/v10")
    desk.command()
    refused(
        desk.inv("deploy", "--env", "dev"),
        "environment: DISCORD_DEV_TOKEN: is not set; export it, or put DISCORD_DEV_TOKEN=… in .env, or set"
        ' "api: sandbox" in profiles/dev.yaml',
    )


def test_an_empty_variable_is_a_lost_secret(desk: Desk):
    """Set but empty is an error, whoever set it, and is told with where it stands."""
    real(desk)
    desk.environment["DISCORD_DEV_TOKEN"] = " "
    told = "DISCORD_DEV_TOKEN: is set but empty; give it a value or unset it"
    refused(desk.inv("deploy", "--env", "dev"), f"environment: {told}")
    desk.environment.clear()
    for line in ("DISCORD_DEV_TOKEN=\n", "DISCORD_DEV_TOKEN\n"):
        desk.write(".env", line)
        refused(desk.inv("deploy", "--env", "dev"), f".env: {told}")
    (desk.folder / ".env").unlink()
    desk.environment["DISCORD_DEV_GUILD_IDS"] = ""
    told = "environment: DISCORD_DEV_GUILD_IDS: is set but empty; give it a value or unset it"
    refused(desk.inv("deploy", "--env", "dev"), told)


def test_ids_in_variables(desk: Desk):
    """Variables replace the profile's values and are checked as they are, all at once."""
    desk.environment.update(DISCORD_DEV_APPLICATION_ID="12", DISCORD_DEV_GUILD_IDS=f"1, {GUILD_2}")
    refused(
        desk.inv("validate", "--env", "dev"),
        'environment: DISCORD_DEV_APPLICATION_ID: must hold Discord ids of 15 to 20 digits, not "12"',
        'environment: DISCORD_DEV_GUILD_IDS: must hold Discord ids of 15 to 20 digits, not "1"',
    )


@pytest.mark.parametrize("value", ["abc", "Bot ", "Bot x.y.z", "x" * 70, token().replace(".", " ")])
def test_a_malformed_token(desk: Desk, value):
    """What is no bot token is not sent to anybody, and not shown."""
    real(desk)
    desk.environment["DISCORD_DEV_TOKEN"] = value
    told = "environment: DISCORD_DEV_TOKEN: is no bot token; copy it again from the Bot page of the application"
    refused(desk.inv("deploy", "--env", "dev"), told)


def test_a_token_of_another_application(desk: Desk):
    """Discord says whose token it is, and that has to be the profile's application."""
    desk.command()
    desk.environment["DISCORD_DEV_TOKEN"] = token(OTHER_APP)
    refused(
        desk.inv("deploy", "--env", "dev"),
        f"profiles/dev.yaml: DISCORD_DEV_TOKEN belongs to application {OTHER_APP}, but this profile is for {APP};"
        " use that application's token, or correct application_id",
        code=3,
    )
    assert desk.live() == {}


@pytest.mark.parametrize("production_variable", [token("100000000000000005"), f"Bot {token('100000000000000005')}"])
def test_production_credentials_elsewhere(desk: Desk, production_variable):
    """The same token as production's is refused before anything is sent, however it is written."""
    real(desk, application_id=None)
    desk.production()
    desk.environment.update(DISCORD_DEV_TOKEN=token("100000000000000005"), DISCORD_PROD_TOKEN=production_variable)
    refused(
        desk.inv("deploy", "--env", "dev"),
        "profiles/dev.yaml: DISCORD_DEV_TOKEN holds production credentials: they belong to profiles/prod.yaml; give dev"
        " an application and a token of its own",
        code=3,
    )


def test_production_credentials_are_known_by_their_application(desk: Desk):
    """Another token of production's application, such as one from before a reset, is production's too."""
    real(desk, application_id=None)
    desk.production()
    desk.environment["DISCORD_DEV_TOKEN"] = token(OTHER_APP)
    refused(
        desk.inv("deploy", "--env", "dev"),
        "profiles/dev.yaml: DISCORD_DEV_TOKEN holds production credentials: they belong to profiles/prod.yaml; give dev"
        " an application and a token of its own",
        code=3,
    )


# Commands


def option(name, **fields):
    """An option of a slash command."""
    return {"type": "string", "name": name, "description": "x", **fields}


@pytest.mark.parametrize(
    ("definition", "told"),
    [
        (
            {"name": "Ping", "description": "x"},
            '/Ping: name "Ping" has capitals; Discord wants "ping"',
        ),
        (
            {"name": "ping", "description": "x", "options": [option("a"), option("b", required=True)]},
            '/ping b: is required but comes after "a", which is optional; required options come first',
        ),
        (
            {"name": "ping", "description": "x", "name_localizations": {"de-DE": "ping"}},
            '/ping: name_localizations has the unknown locale "de-DE"; did you mean "de"?',
        ),
        (
            {"name": "ping", "description": "x", "descripton": "x"},
            '/ping.descripton: unknown field; did you mean "description"?',
        ),
    ],
)
def test_a_command_against_discord_s_rules(desk: Desk, definition, told):
    """Told with file, command path and remedy, offline, before anything is asked of Discord."""
    desk.definition("bad.json", definition)
    refused(desk.inv("deploy", "--env", "dev"), f"commands/bad.json: {told}")
    assert not (desk.folder / "manifests").exists()


def test_a_command_of_too_many_characters(desk: Desk):
    """8,001 characters in one command, each part of it within its own limit."""
    choices = [{"name": f"{index:02}" + "n" * 98, "value": f"{index:02}" + "v" * 98} for index in range(25)]
    options = [option(f"o{index}", choices=choices) for index in range(1)]
    rest = 8001 - len("big") - 1 - len("o0") - 1 - 25 * 200
    filler = []
    while rest > 0:
        size = min(rest, 132)
        filler.append(option(f"f{len(filler):02}".ljust(32, "x"), description="d" * (size - 32)))
        rest -= size
    desk.definition("big.json", {"name": "big", "description": "x", "options": options + filler})
    refused(
        desk.inv("deploy", "--env", "dev"),
        "commands/big.json: /big: 8,001 characters in names, descriptions and choice values; at most 8,000",
    )


def test_duplicate_names(desk: Desk):
    """Two files with one command of one kind: both are named."""
    desk.definition("a.json", {"name": "ping", "description": "x"})
    desk.definition("b.json", {"name": "ping", "description": "y"})
    told = "commands/b.json: chat_input/ping: is defined already in commands/a.json; names are unique per kind"
    refused(desk.inv("deploy", "--env", "dev"), told)


def test_too_many_commands(desk: Desk):
    """The limit is of a scope: 101 slash commands are one too many."""
    desk.definition("all.json", [{"name": f"c{index}", "description": "x"} for index in range(101)])
    told = "commands: 101 chat input commands in one scope; at most 100"
    refused(desk.inv("deploy", "--env", "dev"), told)


def test_malformed_definitions(desk: Desk):
    """Broken YAML and JSON are told with line and column, those of all files at once."""
    desk.write("commands/a.yaml", "name: ping\ndescription: [x\n")
    desk.write("commands/b.json", '{"name": "pong",}')
    ran = desk.inv("deploy", "--env", "dev")
    refused(
        ran,
        "commands/a.yaml: line 3, column 1: not valid YAML: did not find expected ',' or ']'",
        "commands/b.json: line 1, column 17: not valid JSON: "
        + ran.told[-1].rpartition("JSON: ")[2],  # Python's words, which change
    )


def test_a_commands_folder_that_is_not_there(desk: Desk):
    """A wrong path is never an empty set of commands."""
    desk.profile(commands={"folder": "comands"})
    told = (
        "comands: there is no such folder; create it, or set commands.folder in the profile to the folder with the"
        " command files"
    )
    refused(desk.inv("deploy", "--env", "dev", "--yes", "--allow-delete", "99"), told)


# Nothing left to deploy


@pytest.fixture
def ten(desk: Desk):
    """Ten commands that were deployed and are live, and then an empty commands folder."""
    desk.commands(10)
    assert desk.inv("deploy", "--env", "dev").code == 0
    desk.forget_commands()
    return desk


CLEARS = f"it clears guild {GUILD} (10 commands)"
COVERS = "; --yes does not cover that"
MEANT = "; check commands.folder and enabled_commands; if you mean it, say "
DELETES = (
    "this would delete 10 commands with their permission overwrites in dev, and there is no terminal to ask on; if you"
    " mean it, say --yes"
)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ([], CLEARS + MEANT + "--yes --allow-delete 10"),
        (["--yes"], CLEARS + COVERS + MEANT + "--allow-delete 10"),
        (["--yes", "--force"], CLEARS + COVERS + MEANT + "--allow-delete 10"),
        (["--yes", "--allow-delete", "9"], CLEARS + COVERS + MEANT + "--allow-delete 10, not 9"),
        (["--yes", "--allow-delete", "-10"], CLEARS + COVERS + MEANT + "--allow-delete 10, not -10"),
        (["--allow-delete", "10"], DELETES),
        (["--allow-delete", "11", "--force"], DELETES),
    ],
)
@pytest.mark.parametrize("task", ["deploy", "apply"])
def test_an_empty_commands_folder_clears_nothing_by_itself(ten: Desk, task, flags, told):
    """Only --yes and --allow-delete for all ten together do, and one of them is not enough."""
    before = ten.state()
    refused(ten.inv(task, "--env", "dev", *flags), told, code=3)
    assert len(ten.live()) == 10
    assert ten.state() == before


@pytest.mark.parametrize("allowed", ["10", "11"])
def test_an_empty_commands_folder_clears_the_scope_when_told_so(ten: Desk, allowed):
    """The way to clear a scope on purpose."""
    ran = ten.inv("deploy", "--env", "dev", "--yes", "--allow-delete", allowed)
    assert ran.code == 0, ran
    assert ten.live() == {}


def strangers(desk: Desk, policy):
    """Ten live commands that Botswain never deployed, an empty folder, and a policy."""
    for number in range(10):
        desk.edit("create", command={"name": f"s{number}", "description": "x"})
    desk.profile(commands={"unmanaged": policy})


def test_strangers_are_kept(desk: Desk):
    """`unmanaged: keep`: an empty folder is nothing to do, whatever flags are given."""
    strangers(desk, "keep")
    for flags in ([], ["--yes", "--allow-delete", "10"], ["--force"]):
        ran = desk.inv("deploy", "--env", "dev", *flags)
        assert (ran.code, len(desk.live())) == (0, 10), ran


def test_strangers_are_deleted_only_when_allowed(desk: Desk):
    """`unmanaged: delete` is no consent: ten deletions are asked for like any others."""
    strangers(desk, "delete")
    refused(desk.inv("deploy", "--env", "dev", "--yes"), CLEARS + COVERS + MEANT + "--allow-delete 10", code=3)
    ran = desk.inv("deploy", "--env", "dev", "--yes", "--allow-delete", "9")
    refused(ran, CLEARS + COVERS + MEANT + "--allow-delete 10, not 9", code=3)
    assert len(desk.live()) == 10
    assert desk.inv("deploy", "--env", "dev", "--yes", "--allow-delete", "10").code == 0
    assert desk.live() == {}


def test_strangers_are_refused(desk: Desk):
    """`unmanaged: refuse` stops with their names."""
    strangers(desk, "refuse")
    names = ", ".join(f"chat_input/s{number} in guild {GUILD}" for number in range(10))
    refused(
        desk.inv("deploy", "--env", "dev", "--yes", "--allow-delete", "10"),
        f"profiles/dev.yaml: commands.unmanaged: live commands that Botswain did not deploy: {names}; add them to the"
        " sources, or set it to keep or delete",
        code=3,
    )
    assert len(desk.live()) == 10


# The manifest

RESTORE = "./inv manifest.restore --env dev brings it back from the history"


@pytest.fixture
def deployed(desk: Desk):
    """One deployment of one command."""
    desk.command()
    assert desk.inv("deploy", "--env", "dev").code == 0
    return desk


def broken_json(text):
    """What Python says about it."""
    try:
        json.loads(text)
    except ValueError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("task", ["deploy", "diff", "drift", "status", "rollback"])
def test_a_damaged_manifest_stops_everything_and_can_be_brought_back(deployed: Desk, task):
    """Half a manifest is never taken for none: nothing is planned without what is recorded."""
    path = deployed.folder / "manifests/dev.json"
    whole = path.read_text()
    half = whole[: len(whole) // 2]
    for text, what in (
        (half, f"is no whole JSON document ({broken_json(half)})"),
        ("no JSON", f"is no whole JSON document ({broken_json('no JSON')})"),
        ("[]", "is no manifest: it has no version"),
        (whole.replace('"environment": "dev"', '"environment": "prod"'), "is the manifest of prod, not of dev"),
        (json.dumps({**json.loads(whole), "commands": []}), None),
    ):
        path.write_text(text)
        ran = deployed.inv(task, "--env", "dev")
        if what is None:
            assert ran.told[0].startswith("manifests/dev.json: is damaged: KeyError "), ran
            assert ran.told[0].endswith(RESTORE)
        else:
            refused(ran, f"manifests/dev.json: {what}; {RESTORE}")
        assert deployed.inv("manifest.restore", "--env", "dev").code == 0
        assert path.read_text() == whole


def test_a_manifest_of_a_newer_version(deployed: Desk):
    """A format that this version cannot know is left alone; bringing an old one back is not the advice."""
    path = deployed.folder / "manifests/dev.json"
    path.write_text(path.read_text().replace('"version": "1.0.0"', '"version": "2.0.0"'))
    refused(
        deployed.inv("deploy", "--env", "dev"),
        "manifests/dev.json: has format 2.0.0; this Botswain reads 1.0.0; use the Botswain that wrote it",
    )


def test_a_lost_manifest_with_an_empty_history(desk: Desk):
    """There is nothing to bring back, and that is said."""
    desk.command()
    refused(
        desk.inv("manifest.restore", "--env", "dev"),
        "manifests/dev.json: no deployment in the history has a manifest to restore; move the file away and deploy to"
        " start anew",
    )


def test_a_manifest_of_another_application(deployed: Desk):
    """The records of one application are never applied to another."""
    path = deployed.folder / "manifests/dev.json"
    path.write_text(path.read_text().replace(APP, OTHER_APP))
    refused(
        deployed.inv("deploy", "--env", "dev"),
        f"manifests/dev.json: was deployed to application {OTHER_APP}, and the token belongs to {APP}; use that"
        " application's token, or move the manifest away to start anew",
        code=3,
    )


def test_rollback_without_a_way_back(desk: Desk):
    """Before the first deployment there is nothing to undo; a wrong id lists the right ones."""
    refused(
        desk.inv("rollback", "--env", "dev"),
        "manifests/dev.json: there is nothing to go back to: no deployment on record has a change that still stands;"
        " ./inv history shows them all",
    )
    told = "no deployment 20260101-000000-abcdef whose state could be restored; there are: none"
    refused(desk.inv("rollback", "--env", "dev", "--to", "20260101-000000-abcdef"), told)
    refused(
        desk.inv("drift", "--env", "dev"), "nothing is recorded yet, so there is nothing to drift from; deploy first"
    )


def test_a_lock_is_broken_for_a_reason(desk: Desk):
    """The reason goes into the audit log."""
    refused(desk.inv("lock.break", "--env", "dev"), 'a lock is broken for a reason; say it: --why "…"')


# What a person stumbles over


def test_a_manifest_that_is_gone_is_not_nothing_deployed(desk: Desk):
    """Without it our own commands would be strangers; the way to mend it is told, and works."""
    desk.command()
    assert desk.inv("deploy", "--env", "dev").code == 0
    (desk.folder / "manifests/dev.json").unlink()
    told = (
        "manifests/dev.json: is gone, although the history has deployments; ./inv manifest.restore --env dev brings it"
        " back from the history; to start anew, move the folder beside it away"
    )
    for task in ("deploy", "diff", "status", "rollback"):
        refused(desk.inv(task, "--env", "dev"), told)
    assert desk.inv("manifest.restore", "--env", "dev").code == 0
    assert desk.inv("diff", "--env", "dev", "--check").code == 0


def test_records_can_be_read_whatever_the_profile_lacks(desk: Desk):
    """History and status are for the day on which something is wrong, in the profile too."""
    desk.command()
    assert desk.inv("deploy", "--env", "dev").code == 0
    desk.profile(guild_ids=None)
    assert desk.inv("deploy", "--env", "dev").code == 1
    for task in ("history", "status", "audit.verify"):
        assert desk.inv(task, "--env", "dev").code == 0, task


def test_validate_tells_what_is_still_to_be_filled_in(desk: Desk):
    """A profile waiting for its ids is no mistake; one with a mistake still fails, and the others are told too."""
    desk.command()
    desk.production(application_id=None)
    ran = desk.inv("validate")
    assert (ran.code, ran.out) == (0, "dev: 1 command, all valid\nprod: 1 command, all valid\n")
    assert ran.err == (
        "to fill in before profiles/prod.yaml can be deployed: application_id: is required in production; name it, or"
        " set DISCORD_PROD_APPLICATION_ID\n"
    )
    desk.production(nonsense=1)
    assert desk.inv("validate").out == "dev: 1 command, all valid\n"


def test_an_unreadable_line_of_dotenv_is_named(desk: Desk):
    """Not passed over: the token may have been in it."""
    desk.command()
    desk.write(".env", "A=1\nDISCORD DEV TOKEN\n")
    refused(desk.inv("deploy", "--env", "dev"), ".env: line 2: is not NAME=value")


def test_a_variable_of_dotenv_is_named_with_its_file(desk: Desk):
    """Whoever mends it opens the right file."""
    real(desk)
    desk.write(".env", "DISCORD_DEV_TOKEN=abc\n")
    told = ".env: DISCORD_DEV_TOKEN: is no bot token; copy it again from the Bot page of the application"
    refused(desk.inv("deploy", "--env", "dev"), told)


def test_a_port_that_is_none(desk: Desk):
    """One line, not an internal error."""
    told = "--port: 99999 is no port; choose one up to 65535, or 0 for a free one"
    refused(desk.inv("sandbox", "--port", "99999"), told)


def test_an_api_address_ends_where_discord_s_does(desk: Desk):
    """Else every request would be a 404."""
    desk.profile(api="http://127.0.0.1:8080/")
    desk.command()
    told = 'profiles/dev.yaml: api: must end in /api/v10, like "http://127.0.0.1:8080/api/v10"'
    refused(desk.inv("deploy", "--env", "dev"), told)


def test_a_misspelt_field_hides_no_other_problem(desk: Desk):
    """All problems of a file at once, those that Discord's rules find too."""
    option = {"name": "Who", "type": "user", "descripton": "x"}
    desk.definition("ban.json", {"name": "Ban", "descripton": "x", "options": [option]})
    told = desk.inv("deploy", "--env", "dev").told
    assert 'commands/ban.json: /Ban.descripton: unknown field; did you mean "description"?' in told
    assert 'commands/ban.json: /Ban: name "Ban" has capitals; Discord wants "ban"' in told
    assert any(line.startswith('commands/ban.json: /Ban Who: name "Who" has capitals') for line in told), told
