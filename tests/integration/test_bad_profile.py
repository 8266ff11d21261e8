"""Profiles and command lines with mistakes in them: the exact line, and the exit code."""

from __future__ import annotations

import pytest
from desk import APP, GUILD, GUILD_2, OTHER_APP, Desk, refused, token

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
    help_ = "./inv --list shows the tasks, ./inv --help TASK its options"
    for arguments, what in (
        (["deplyo"], "No idea what 'deplyo' is; did you mean \"deploy\"?"),
        (["run", "--env", "dev"], "No idea what 'run' is; did you mean \"backup.run\"?"),
        (["restrat"], "No idea what 'restrat' is; did you mean \"service.restart\"?"),
        (["xyzzy"], f"No idea what 'xyzzy' is; {help_}"),
        (["deploy", "--bogus"], f"No idea what '--bogus' is; {help_}"),
        (["deploy", "--alow-delete", "3"], "No idea what '--alow-delete' is; did you mean \"--allow-delete\"?"),
        (["deploy", "--env", "dev", "--allow-delete", "x"], f"'x' is not a whole number; {help_}"),
        (["-D", "x", "deploy"], f"'x' is not a whole number; {help_}"),
        (["deploy", "dev"], "No idea what 'dev' is; an environment is named with --env dev"),
    ):
        refused(desk.inv(*arguments), what)
    document = desk.inv("deploy", "--json", "--allow-delete", "x").document
    assert document["problems"] == [f"'x' is not a whole number; {help_}"]


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
        state="cloud",
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
                "state.kind: must be 'folder' or 'git', not \"cloud\"",
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


def test_validate_tells_what_is_still_to_be_filled_in(desk: Desk):
    """A profile waiting for its ids is no mistake; one with a mistake still fails, and the others are told too."""
    desk.command()
    desk.production(application_id=None)
    ran = desk.inv("validate")
    valid = "1 command, all valid (from 1 file)\n"
    assert (ran.code, ran.out) == (0, f"dev: {valid}prod: {valid}")
    assert ran.err == (
        "to fill in before profiles/prod.yaml can be deployed: application_id: is required in production; name it, or"
        " set DISCORD_PROD_APPLICATION_ID\n"
    )
    desk.production(nonsense=1)
    assert desk.inv("validate").out == "dev: 1 command, all valid (from 1 file)\n"


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


def test_an_id_with_a_leading_zero_is_no_id(desk: Desk):
    """Discord knows no such id: in a profile, a variable and an answer it is refused."""
    desk.write(
        "profiles/dev.yaml", "environment: dev\napi: sandbox\nguild_ids: [0200000000000000001, '0200000000000000002']\n"
    )
    told = desk.inv("validate", "--env", "dev").told
    assert [one.partition(": must")[0] for one in told] == [
        "profiles/dev.yaml: guild_ids.0",
        "profiles/dev.yaml: guild_ids.1",
    ]
    assert told[0].endswith('15 to 20 digits, not "0200000000000000001"')
    desk.profile()
    desk.environment["DISCORD_DEV_GUILD_IDS"] = "0200000000000000001"
    assert desk.inv("validate", "--env", "dev").told == [
        'environment: DISCORD_DEV_GUILD_IDS: must hold Discord ids of 15 to 20 digits, not "0200000000000000001"'
    ]
    init = desk.inv("init", "--env", "x", "--guild-ids", "0200000000000000001")
    assert init.told == ['--guild-ids: must be a Discord id of 15 to 20 digits, not "0200000000000000001"']
