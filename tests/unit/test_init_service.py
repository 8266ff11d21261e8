"""What `init` proposes for running a bot: the token's variable, what is built once, and data that releases share."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from botswain.profile.init.data import data_of
from botswain.profile.init.service import propose_service
from botswain.profile.init.tokens import token_of


@pytest.fixture
def tree(tmp_path):
    """Writes a repository whose files git has, but those that .gitignore names."""

    def make(texts: dict[str, str]) -> Path:
        for name, text in texts.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for command in (["init", "-q"], ["add", "."]):
            subprocess.run(["git", *command], cwd=tmp_path, check=True)
        return tmp_path

    return make


TOKENS = {
    "passed to login": ("client.login(process.env.BOT_KEY)", "BOT_KEY"),
    "through a variable": ("const t = process.env['SECRET_OF_BOT'];\nclient.login(t);", "SECRET_OF_BOT"),
    "destructured": ("const { BOT_TOKEN, GITHUB_TOKEN } = process.env;\nclient.login(BOT_TOKEN)", "BOT_TOKEN"),
    "a property of a configuration": ("module.exports = { token: process.env.DISCORD_KEY }", "DISCORD_KEY"),
    "a literal is no variable": ("throw new Error('INVALID_TOKEN'); client.login(process.env.THE_TOKEN)", "THE_TOKEN"),
    "os.environ": ("import os\nbot.run(os.environ['PIRATE'])", "PIRATE"),
    "os.getenv": ("KEY = os.getenv('BOTKEY', '')\nbot.run(KEY)", "BOTKEY"),
    "decouple": ("TOKEN = config('MY_BOT')\nbot.run(TOKEN)", "MY_BOT"),
    "environs": ("bot.run(env.str('SHIP_TOKEN'))", "SHIP_TOKEN"),
    "not the token of another service": ("x = os.environ['GITHUB_TOKEN']", None),
    "nothing is read": ("TOKEN = 'DISCORD_TOKEN'", None),
}


@pytest.mark.parametrize(("code", "name"), TOKENS.values(), ids=TOKENS)
def test_the_token_variable_is_what_is_read_from_the_environment_and_logged_in_with(tree, code, name):
    """A word in capitals is no variable; one that is read and passed to login or run is."""
    assert token_of(tree({}), [code]).variable == name


def test_the_token_variable_of_an_example_file(tree):
    """What the example variables call a token counts where the code reads them all at once."""
    assert token_of(tree({".env.example": "PREFIX=!\nCLIENT_TOKEN=\nTOPGG_TOKEN=\n"}), []).variable == "CLIENT_TOKEN"


CONFIGS = {
    "git ignores it": {".gitignore": "config.json\n", "config.json": '{"token": "x"}'},
    "only its example is there": {"config-example.json": '{"token": "x"}'},
    "in a folder": {".gitignore": "/config/config.json\n", "config/config.json": '{"client": {"token": "x"}}'},
}


@pytest.mark.parametrize("files", CONFIGS.values(), ids=CONFIGS)
def test_a_git_ignored_file_with_the_token_is_proposed_as_shared(tree, files):
    """Releases share it, since a commit does not bring it, and the profile says how it gets there."""
    found = propose_service(tree({"package.json": "{}", "index.js": "require('./config/config.json')", **files}))
    name = "config/config.json" if "config/config.json" in files else "config.json"
    assert found.fields["shared"] == [name]
    assert "token" not in found.fields
    assert any(one.startswith(f"{name} holds the token and is not in git") for one in found.comments)


def test_a_config_in_git_or_without_a_token_is_not_proposed(tree):
    """What a commit brings, or what holds no token, is no secret file."""
    files = {"package.json": "{}", "index.js": "require('./config.json')", "config.json": '{"token": "x"}'}
    assert "shared" not in propose_service(tree(files)).fields
    files |= {".gitignore": "config.json", "config.json": '{"prefix": "!"}'}
    assert "shared" not in propose_service(tree(files)).fields


SCRIPTS = {
    "npm start that builds": (
        {"start": "npm run build && node --enable-source-maps dist/main.js", "build": "tsc"},
        {"build": ["npm install", "npm run build"], "run": "node --enable-source-maps dist/main.js"},
        "builds at every start",
    ),
    "through another script": (
        {"start": "npm run start:bot", "start:bot": "npm run build && node dist/main.js", "build": "tsc"},
        {"build": ["npm install", "npm run build"], "run": "node dist/main.js"}, "builds at every start",
    ),
    "prestart": (
        {"prestart": "tsc", "start": "node dist/main.js"},
        {"build": ["npm install", "npx tsc"], "run": "node dist/main.js"}, "builds at every start",
    ),
    "a registration before it": (
        {"start": "node deploy-commands.js && node index.js"},
        {"build": ["npm install --omit=dev"], "run": "node index.js"}, "also runs `node deploy-commands.js`",
    ),
    "variables before it": (
        {"start": "cross-env NODE_ENV=production node index.js"},
        {"build": ["npm install --omit=dev"], "run": "node index.js", "environment": {"NODE_ENV": "production"}}, "",
    ),
    "a loader that only developing needs": (
        {"start": "ts-node index.ts"},
        {"build": ["npm install"], "run": "node_modules/.bin/ts-node index.ts"}, "",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("scripts", "fields", "comment"), SCRIPTS.values(), ids=SCRIPTS)
def test_what_the_start_script_builds_is_built_once(tree, scripts, fields, comment):
    """A release is built when it is made; `run` only starts the bot, as directly as can be said."""
    import json

    package = json.dumps({"scripts": scripts, "devDependencies": {"ts-node": "10"}})
    found = propose_service(tree({"package.json": package}))
    assert (found.fields, found.missing) == (fields, ())
    assert comment in " ".join(found.comments)


@pytest.mark.parametrize("test", ["node bot.js", "npm start"])
def test_a_test_script_that_starts_the_bot_is_not_proposed(tree, test):
    """It would log in beside the bot that runs, with the network and the token of whatever it is given."""
    found = propose_service(tree({"package.json": f'{{"scripts": {{"start": "node bot.js", "test": "{test}"}}}}'}))
    assert (found.fields["run"], "test" in found.fields) == ("node bot.js", False)


COMPOSE = "services:\n  bot:\n    build: .\n    volumes:\n{}\nvolumes:\n  kept:\n"
DATA = {
    "a bind mount": ({"compose.yaml": COMPOSE.format("      - ./saves:/bot/saves")}, ["saves/"]),
    "a named volume": (
        {"docker-compose.yml": COMPOSE.format("      - kept:/srv/bot/var"), "Dockerfile": "WORKDIR /srv/bot\n"},
        ["var/"],
    ),
    "the long form": (
        {"compose.yml": COMPOSE.format("      - {type: bind, source: ./state, target: /x}")}, ["state/"]),
    "read-only, logs and sockets are no data": (
        {"compose.yaml": COMPOSE.format(
            "      - ./conf:/x:ro\n      - ./bot.log:/bot/bot.log\n      - /var/run/docker.sock:/var/run/docker.sock"
        )}, [],
    ),
    "a database of another service": (
        {"compose.yaml": "services:\n  bot:\n    build: .\n  db:\n    image: postgres\n    volumes: [pg:/var/lib/x]\n"},
        [],
    ),
    "VOLUME": ({"Dockerfile": 'WORKDIR /app\nVOLUME ["/app/keep", "/elsewhere"]\n'}, ["keep/"]),
    "what git ignores": ({".gitignore": "node_modules\n/data/\n*.db\n", "bot.db": ""}, ["data/", "bot.db"]),
    "a path in code": ({"bot.py": 'sqlite3.connect("store/ship.db")'}, ["store/ship.db"]),
    "a path put together": ({"bot.py": 'Path("data") / "ship.sqlite3"'}, ["data/ship.sqlite3"]),
    "a URL": ({".env.example": "DATABASE_URL=sqlite+aiosqlite:///./ship.db\n"}, ["ship.db"]),
    "Prisma": ({"prisma/schema.prisma": 'datasource db { url = "file:./dev.db" }'}, ["prisma/dev.db"]),
    "a database in a folder that is shared": (
        {"bot.py": 'sqlite3.connect("data/ship.db")', ".gitignore": "data/"}, ["data/"]),
    "one beside code that git has": (
        {"compose.yaml": COMPOSE.format("      - ./database:/bot/database"), "database/schema.sql": "create",
         "bot.py": 'f"{here}/database/database.db"'}, ["database/database.db"],
    ),
    "a server": ({".env.example": "DATABASE_URL=postgresql://x/y.db\n"}, []),
}  # fmt: skip


@pytest.mark.parametrize(("files", "shared"), DATA.values(), ids=DATA)
def test_data_that_lies_in_a_release_is_proposed_as_shared(tree, files, shared):
    """Volumes, ignored folders and databases in files are shared; what git has never is."""
    repo = tree(files)
    assert list(data_of(repo, [(path, path.read_text()) for path in repo.glob("*.py")]).shared) == shared


def test_data_among_files_of_the_commit_is_to_be_named(tree):
    """A folder that cannot be shared as a whole is not passed over in silence."""
    files = {"compose.yaml": COMPOSE.format("      - ./data:/bot/data"), "data/words.json": "[]", "bot.py": ""}
    (told,) = [one for one in propose_service(tree(files)).missing if "shared" in one]
    assert told == (
        "service.shared: compose.yaml keeps data/, which holds files of the commit, too; name what is data in it"
    )
