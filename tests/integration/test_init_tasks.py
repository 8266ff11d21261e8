"""`init`: writes what a new environment needs, loses nothing that is there, and asks on a terminal."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys

import pytest
import yaml
from clients import node
from desk import APP, GUILD, ROOT, Desk, refused
from test_terminals import on_a_terminal, until

PACKAGE = '{"dependencies": {"discord.js": "^14"}}'
MODULE = "exports.data = { name: 'ping', description: 'Pong' };\nexports.execute = () => {};\n"
BOT = (
    "import discord\nfrom discord import app_commands\nclient = discord.Client(intents=discord.Intents.none())\n"
    "tree = app_commands.CommandTree(client)\n"
    "@tree.command(description='Pong')\nasync def ping(interaction: discord.Interaction): ...\n"
)


@pytest.fixture
def fresh(tmp_path):
    """A project as it is cloned, its samples in git, and the bot's repository beside it."""
    (tmp_path / "ship").mkdir()
    made = Desk(tmp_path / "ship", {})
    for name in ("profiles/prod.yaml", "profiles/stage.yaml", ".env.example"):
        shutil.copy(ROOT / name, made.folder / name)
    git(made.folder, "init", "-q")
    git(made.folder, "add", ".")
    git(made.folder, "commit", "-qm", "one")
    (tmp_path / "bot").mkdir()
    return made


def git(folder, *arguments):
    """Runs git."""
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def bot(desk, **texts):
    """Writes files of the bot; `__` stands for `/`, a single `_` for the dot before the ending."""
    for name, text in texts.items():
        stem, _, ending = name.replace("__", "/").rpartition("_")
        desk.write(f"../bot/{stem}.{ending}", text)


def init(desk, env, *arguments):
    """The document of an init that went well."""
    ran = desk.inv("init", "--env", env, "--repo", "../bot", "--json", *arguments)
    assert ran.code == 0, ran
    return ran.document


def profile(desk, env):
    """The profile as it was written."""
    return yaml.safe_load((desk.folder / f"profiles/{env}.yaml").read_text())


def tree(folder):
    """Every file below a folder but git's own and caches, with what is in it."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not {".git", ".botswain"} & {*path.parts}
    }


# What it writes


def test_production_for_a_bot_with_a_remote(fresh: Desk):
    """The sample is replaced, production is global and shares its records, and what is missing is listed."""
    git(fresh.folder / "../bot", "init", "-q")
    git(fresh.folder / "../bot", "remote", "add", "origin", "ssh://example.invalid/bot.git")
    document = init(fresh, "prod")
    assert document["files"] == ["inventories/prod/hosts.yml", "profiles/prod.yaml", "../bot/commands/"]
    assert profile(fresh, "prod") == {
        "environment": "prod", "production": True, "global": True, "repo": "../bot", "state": "git",
        "commands": {"source": "folder", "folder": "commands", "unmanaged": "keep"},
    }  # fmt: skip
    assert document["toFillIn"] == [
        "application_id: is required in production; name it, or set DISCORD_PROD_APPLICATION_ID"
    ]
    assert "./inv import --env prod" in " ".join(document["next"])
    assert document["next"][0].startswith("install -m 600 .env.example .env, and set DISCORD_PROD_TOKEN")
    assert (fresh.folder / ".env.example").read_text() == (ROOT / ".env.example").read_text()
    assert not (fresh.folder / ".env").exists()
    assert fresh.inv("validate", "--env", "prod").code == 0


def test_what_is_given_is_written(fresh: Desk):
    """Ids, guilds and production; a new environment's variables are added to .env.example, nothing else is touched."""
    before = tree(fresh.folder)
    document = init(
        fresh, "eu-2", "--application-id", APP, "--guild-ids", f"{GUILD},200000000000000002", "--production"
    )  # fmt: skip
    written = profile(fresh, "eu-2")
    assert (written["application_id"], written["guild_ids"]) == (APP, [GUILD, "200000000000000002"])
    assert (written["production"], "global" in written) == (True, False)
    assert (document["toFillIn"], written["state"]) == ([], "folder")
    after = tree(fresh.folder)
    assert {name for name in after if after[name] != before.get(name)} == {
        ".env.example", "inventories/eu-2/hosts.yml", "profiles/eu-2.yaml",
    }  # fmt: skip
    assert after[".env.example"].startswith(before[".env.example"])
    assert after[".env.example"].endswith(
        b"#DISCORD_EU_2_TOKEN=\n#DISCORD_EU_2_CLIENT_SECRET=\n#DISCORD_EU_2_APPLICATION_ID=\n#DISCORD_EU_2_GUILD_IDS=\n"
    )
    assert fresh.inv("validate", "--env", "eu-2").code == 0


def test_a_discord_js_bot_is_read_at_once(fresh: Desk, monkeypatch):
    """From package.json to a validated profile without a word in between."""
    found = node.find()
    assert found is not None, "requirements/dev.txt brings a node"
    monkeypatch.setenv("PATH", f"{found[0].parent}{os.pathsep}{os.environ['PATH']}")
    bot(fresh, package_json=PACKAGE, src__commands__ping_js=MODULE)
    assert init(fresh, "dev2")["source"] == "discord.js"
    ran = fresh.inv("validate", "--env", "dev2")
    assert (ran.code, ran.out) == (0, "dev2: 1 command, all valid (from 1 file)\n"), ran


@pytest.mark.slow
def test_a_discord_py_bot_is_read_at_once(fresh: Desk):
    """The same, with the bot's code below src and a Python that has discord.py."""
    bot(fresh, requirements_txt="discord.py\n", src__pirate__main_py=BOT)
    fresh.write("../bot/src/pirate/__init__.py", "")
    (fresh.folder / "../bot/.venv").symlink_to(sys.prefix)
    assert init(fresh, "dev2")["source"] == "discord.py"
    assert profile(fresh, "dev2")["commands"]["object"] == "pirate.main:tree"
    ran = fresh.inv("validate", "--env", "dev2")
    assert (ran.code, ran.out) == (0, "dev2: 1 command, all valid (from 1 file)\n"), ran


@pytest.mark.parametrize(
    ("files", "source"),
    [
        ({"requirements_txt": "disnake"}, "folder"),
        ({"go_mod": "discordgo", "commands__ping_go": ""}, "folder"),
        ({}, "folder"),
    ],
)
def test_any_other_bot_has_a_profile_that_is_valid(fresh: Desk, files, source):
    """A folder for its definitions is made where there is none; ./inv import can fill it."""
    bot(fresh, **files)
    document = init(fresh, "dev2", "--guild-ids", GUILD)
    assert document["source"] == source
    ran = fresh.inv("validate", "--env", "dev2")
    assert (ran.code, ran.out) == (
        0,
        "dev2: no command yet; `./inv import --env dev2` writes what is live into the folder\n",
    )


def test_a_second_init_has_the_bot_of_the_first(fresh: Desk):
    """One bot, several environments: what one profile names is proposed for the next."""
    init(fresh, "prod")
    assert fresh.inv("init", "--env", "beta", "--json").document["repo"] == "../bot"


@pytest.mark.parametrize(("env", "production"), [("live", True), ("production", True), ("beta", False)])
def test_what_is_production_by_its_name(fresh: Desk, env, production):
    """Nobody has to say it for an environment that is called so."""
    init(fresh, env)
    assert (profile(fresh, env).get("production", False), profile(fresh, env).get("global", False)) == (production,) * 2


def test_records_do_not_go_where_botswain_came_from(fresh: Desk):
    """The remote of this very checkout is not the bot's, so records are not proposed to be pushed there."""
    git(fresh.folder, "remote", "add", "origin", "ssh://example.invalid/botswain.git")
    assert fresh.inv("init", "--env", "beta", "--repo", ".").code == 0
    assert profile(fresh, "beta")["state"] == "folder"


# What is there already


def test_a_profile_that_is_there_is_not_lost(fresh: Desk):
    """Only the sample goes by itself; --replace goes for what git has just so."""
    init(fresh, "prod", "--application-id", APP)
    before = tree(fresh.folder)
    told = "profiles/prod.yaml: is there already; edit it, or say --replace (git has to have it)"
    refused(fresh.inv("init", "--env", "prod", "--repo", "../bot"), told, code=3)
    told = "profiles/prod.yaml: would be lost: git does not have it as it is; commit it first, or move it away"
    refused(fresh.inv("init", "--env", "prod", "--repo", "../bot", "--replace"), told, code=3)
    assert tree(fresh.folder) == before
    git(fresh.folder, "add", "."), git(fresh.folder, "commit", "-qm", "two")
    document = init(fresh, "prod", "--replace", "--source", "program")
    assert (profile(fresh, "prod")["application_id"], document["source"]) == (APP, "program")
    assert "inventories/prod/hosts.yml is there already, and is left as it is" in document["notes"]


def test_a_sample_with_records_is_a_profile_in_use(fresh: Desk):
    """Where something was deployed by it, it is no sample any more; with --replace its records stay its own."""
    text = (
        (fresh.folder / "profiles/stage.yaml")
        .read_text()
        .replace("environment: stage", "environment: stage\napi: sandbox")
    )
    fresh.write(
        "profiles/stage.yaml", f"{text}application_id: '{APP}'\nguild_ids: ['{GUILD}']\nmanifest_path: here.json\n"
    )
    fresh.write("examples/commands/fleet.yaml", "name: fleet\ndescription: x\nownerOnly: true\n")
    fresh.write("examples/commands/ping.yaml", "name: ping\ndescription: x\n")
    assert fresh.inv("deploy", "--env", "stage").code == 0
    assert fresh.inv("init", "--env", "stage", "--repo", "../bot").code == 3
    git(fresh.folder, "add", "."), git(fresh.folder, "commit", "-qm", "two")
    git(fresh.folder / "../bot", "init", "-q")
    git(fresh.folder / "../bot", "remote", "add", "origin", "ssh://example.invalid/bot.git")
    document = init(fresh, "stage", "--replace")
    assert (profile(fresh, "stage")["manifest_path"], profile(fresh, "stage")["state"]) == ("here.json", "folder")
    assert (
        document["notes"][-1] == "the old profile also said enabled_commands; git show HEAD:profiles/stage.yaml has it"
    )


def test_a_dry_run_writes_nothing(fresh: Desk):
    """Not even a folder; it says what there would be, and what would be refused."""
    before = tree(fresh.folder / "..")
    document = init(fresh, "prod", "--dry-run")
    assert document["files"] == ["inventories/prod/hosts.yml", "profiles/prod.yaml", "../bot/commands/"]
    assert tree(fresh.folder / "..") == before
    assert not (fresh.folder / "../bot/commands").exists()


# What is refused


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--env", "Prod!"], '--env: "Prod!" cannot name an environment; small letters, digits, - and _, such as prod'),
        (
            ["--env", "x", "--source", "yaml"],
            '--source: must be one of folder, discord.js, discord.py, program, not "yaml"',
        ),
        (["--env", "x", "--application-id", "7"], '--application-id: must be a Discord id of 15 to 20 digits, not "7"'),
        (["--env", "x", "--guild-ids", "7"], '--guild-ids: must be a Discord id of 15 to 20 digits, not "7"'),
        (
            ["--env", "x", "--repo", "nowhere"],
            "--repo nowhere: there is no such folder; name the folder of the bot's repository",
        ),
        ([], "no environment given; say --env and its name, such as prod, stage or dev"),
    ],
)
def test_what_cannot_be_used_is_told(fresh: Desk, arguments, told):
    """One line, and nothing is written."""
    before = tree(fresh.folder / "..")
    refused(fresh.inv("init", *arguments), told)
    assert tree(fresh.folder / "..") == before


def test_an_environment_that_another_excludes_is_told(fresh: Desk):
    """A guild of another environment, the production application, the same variables: nothing is written then."""
    init(fresh, "prod", "--application-id", APP)
    before = tree(fresh.folder)
    ran = fresh.inv("init", "--env", "beta", "--repo", "../bot", "--application-id", APP, "--guild-ids", GUILD)
    assert (ran.code, "is the production application of profiles/prod.yaml" in ran.told[0]) == (1, True)
    init(fresh, "my-bot", "--guild-ids", GUILD)
    ran = fresh.inv("init", "--env", "my_bot", "--repo", "../bot", "--guild-ids", "200000000000000009")
    assert (ran.code, "my-bot uses the same variables DISCORD_MY_BOT_" in ran.told[0]) == (1, True)
    assert {name for name in tree(fresh.folder) if name not in before} == {
        "inventories/my-bot/hosts.yml", "profiles/my-bot.yaml",
    }  # fmt: skip


# On a terminal


@pytest.mark.slow
def test_questions_on_a_terminal(fresh: Desk):
    """Each with a proposal that Enter takes; a bad answer is asked for again."""
    bot(fresh, package_json=PACKAGE, src__commands__ping_js=MODULE)
    with on_a_terminal(fresh, "init", "--env", "prod") as (process, ours):
        until(ours, "The folder of the bot's repository [../bot]: ")
        os.write(ours, b"nowhere\n")
        until(ours, "nowhere is no folder\r\nThe folder of the bot's repository [../bot]: ")
        os.write(ours, b"\n")
        shown = until(ours, "Where its commands are defined (folder, discord.js, discord.py, program) [discord.js]: ")
        assert "../bot: a discord.js bot with command modules in src/commands" in shown
        os.write(ours, b"\n")
        until(ours, "Is this production (y or n) [y]: ")
        os.write(ours, b"\n")
        until(ours, "The application's id (Enter: fill it in later) []: ")
        os.write(ours, b"12\n")
        until(ours, 'must be a Discord id of 15 to 20 digits, not "12"')
        os.write(ours, APP.encode() + b"\n")
        until(ours, "The servers that get the commands, by id, with commas, or global [global]: ")
        os.write(ours, b"\n")
        rest = until(ours, None)
        assert process.wait(20) == 0, rest
    written = profile(fresh, "prod")
    assert (written["application_id"], written["global"], written["repo"]) == (APP, True, "../bot")
    assert written["commands"]["folder"] == "src/commands"


@pytest.mark.slow
@pytest.mark.parametrize("end", ["eof", "ctrl-c"])
def test_questions_that_are_not_answered(fresh: Desk, end):
    """Nothing is written."""
    before = tree(fresh.folder / "..")
    with on_a_terminal(fresh, "init", "--env", "prod", "--repo", "../bot") as (process, ours):
        until(ours, "[folder]: ")
        if end == "eof":
            os.write(ours, b"\x04")
        else:
            os.killpg(process.pid, signal.SIGINT)
        rest = until(ours, None)
        assert process.wait(20) == (3 if end == "eof" else 1), rest
    assert "nothing was changed" in rest
    assert tree(fresh.folder / "..") == before


@pytest.mark.slow
def test_yes_takes_what_is_proposed(fresh: Desk):
    """On a terminal too."""
    with on_a_terminal(fresh, "init", "--env", "prod", "--repo", "../bot", "--yes") as (process, ours):
        assert process.wait(20) == 0, until(ours, None)
    assert profile(fresh, "prod")["production"] is True


def test_without_a_repository_it_does_not_adopt_the_project_itself(fresh: Desk):
    """The bot is elsewhere, nearly always; whoever forgets --repo gets no profile that they then cannot replace."""
    before = tree(fresh.folder)
    ran = fresh.inv("init", "--env", "beta")
    told = "--repo: . is the project of Botswain itself; name the folder of your bot, such as ../my-bot"
    assert (ran.code, ran.told) == (1, [f"{told}; --repo . if the bot does live here"]), ran
    assert tree(fresh.folder) == before
