"""A release of this machine stands alone: what lies in the checkout and above it is found by no tool of the bot."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from desk import Desk
from shipyard import BOT, Yard, yard

from botswain.state import places

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent
PLANTED = (
    ".env", ".git", "pyproject.toml", "package.json", "node_modules", ".venv", ".npmrc", ".tool-versions",
    "tsconfig.json", ".eslintrc.json", ".prettierrc", "poetry.toml", "Pipfile", "mise.toml", ".yarnrc.yml",
)  # fmt: skip
FENCED = (".env", ".git")
"""What is not found even where it lies right above the releases."""
PROBE = """
import json, os, subprocess, sys
from pathlib import Path
from dotenv import find_dotenv, load_dotenv

def said(*argv):
    done = subprocess.run(argv, capture_output=True, text=True)
    return [done.returncode, (done.stdout + done.stderr).strip()]

def seen(phase):
    before = set(os.environ)
    load_dotenv()
    node = "try {{ console.log(require('planted')) }} catch (error) {{ console.log(error.code) }}"
    found = {{
        "new": sorted(set(os.environ) - before), "dotenv": find_dotenv(), "variables": dict(os.environ),
        "above": [str(one / name) for one in Path.cwd().parents for name in {planted} if (one / name).exists()],
        "git": said("git", "rev-parse", "--show-toplevel"), "hooks": said("git", "config", "core.hooksPath", "x"),
        "node": said("node", "-e", node), "npm": said("npm", "config", "get", "planted", "--offline"),
        "prefix": said("npm", "prefix", "--offline"),
        "pytest": said(sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_ok.py"),
        "ruff": said({bin!r} + "/ruff", "check", "--no-cache", "test_ok.py"),
        "uv": said({bin!r} + "/uv", "pip", "install", "--offline", "--no-index", "planted"),
    }} if phase != "run" else {{
        "new": sorted(set(os.environ) - before), "dotenv": find_dotenv(), "variables": dict(os.environ),
        "git": said("git", "rev-parse", "--show-toplevel"),
    }}
    Path(f"seen-{{phase}}.json").write_text(json.dumps(found))
"""
TELL = """
import json, os, sys
from pathlib import Path
Path(os.environ["SEEN"]).write_text(json.dumps(os.getcwd()))
print(json.dumps([{"name": "ping", "description": "Pong"}]))
"""


def plant(folder: Path, names: tuple[str, ...] = PLANTED) -> None:
    """Puts there what a tool that looks upward would use."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        ".env": "DISCORD_PROD_TOKEN=planted-and-never-read\n", "package.json": '{"name": "planted", "type": "module"}',
        ".npmrc": "planted=yes\n", "tsconfig.json": "{", ".eslintrc.json": "{",
        "pyproject.toml": '[tool.pytest.ini_options]\nminversion = "99"\n[tool.ruff.lint]\nselect = ["ALL"]\n',
    }  # fmt: skip
    for name in names:
        if name == ".git":
            subprocess.run(["git", "init", "-q", folder], check=True)
        elif name == "node_modules":
            (folder / name / "planted").mkdir(parents=True)
            (folder / name / "planted/index.js").write_text("module.exports = 'planted'\n")
        elif name == ".venv":
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / name], check=True)
        else:
            (folder / name).write_text(texts.get(name, ""))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    """A bot deployed from a checkout full of settings; its build, its test and it itself tell what they see."""
    folder = tmp_path_factory.mktemp("alone")
    probe = f"import sys; sys.path.insert(0, '.'); import probe; probe.seen(%r)"  # noqa: F541 - % comes later
    with pytest.MonkeyPatch.context() as patch, yard(folder, build=[[sys.executable, "-c", probe % "build"]],
              test=[[sys.executable, "-c", probe % "test"]]) as made:  # fmt: skip
        made.environment |= {
            "VIRTUAL_ENV": sys.prefix, "PYTHONPATH": str(folder), "UV_PROJECT_ENVIRONMENT": sys.prefix,
            "GIT_DIR": str(folder / ".git"), "GIT_WORK_TREE": str(folder), "NODE_PATH": str(folder / "node_modules"),
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder / "home"),
        }  # fmt: skip
        made.write("bot/probe.py", PROBE.format(planted=PLANTED, bin=str(BIN)))
        made.write("bot/test_ok.py", "def test_ok():\n    assert True\n")
        made.write("bot/bot.py", f"import probe; probe.seen('run')\n{BOT}")
        made.commit()
        for one in (folder, folder / ".botswain", folder / ".botswain/service"):
            plant(one)
        patch.chdir(folder)
        state = places.keep()
        for one in (state.parent, state, state / "service"):
            plant(one, FENCED)
        plant(state / "service/dev", (".git",))
        ran = made.deploy()
        assert ran.code == 0, ran
        yield made


def seen(made: Yard, phase: str) -> dict[str, Any]:
    """What a phase of the live release saw."""
    found: dict[str, Any] = json.loads((made.place / f"current/seen-{phase}.json").read_text())
    return found


PHASES = ("build", "test")


@pytest.mark.parametrize("phase", [*PHASES, "run"])
def test_load_dotenv_reads_nothing_of_ours(alone, phase):
    """README: no token and nothing else of yours."""
    found = seen(alone, phase)
    assert found["new"] == []
    assert found["dotenv"] == str(alone.place / ".env")
    assert Path(found["dotenv"]).read_bytes() == b""


@pytest.mark.parametrize("phase", [*PHASES, "run"])
def test_git_finds_no_repository(alone, phase):
    """Neither by looking upward nor by a variable."""
    code, told = seen(alone, phase)["git"]
    assert (code, "not a git repository" in told) == (128, True), told


@pytest.mark.parametrize("phase", PHASES)
def test_a_prepare_script_writes_into_no_repository(alone, phase):
    """`git config core.hooksPath` fails, as on a host."""
    assert seen(alone, phase)["hooks"][0] == 128
    for one in (alone.folder, alone.place, alone.place.parents[1]):
        said = subprocess.run(["git", "-C", one, "config", "--local", "core.hooksPath"], check=False, timeout=60)
        assert said.returncode == 1


@pytest.mark.parametrize("phase", PHASES)
def test_pytest_and_ruff_take_no_settings_of_ours(alone, phase):
    """A minversion and select = ALL would fail."""
    found = seen(alone, phase)
    assert found["pytest"][0] == 0, found["pytest"]
    assert found["ruff"][0] == 0, found["ruff"]


@pytest.mark.parametrize("phase", PHASES)
def test_uv_finds_no_environment_of_ours(alone, phase):
    """It says that there is none, rather than to install into the next one above."""
    code, told = seen(alone, phase)["uv"]
    assert (code, "No virtual environment found" in told) == (2, True), told


@pytest.mark.parametrize("phase", PHASES)
def test_node_and_npm_find_no_modules_and_settings_of_ours(alone, phase):
    """Neither node_modules, nor .npmrc, nor a package.json above."""
    found = seen(alone, phase)
    assert found["node"] == [0, "MODULE_NOT_FOUND"]
    assert found["npm"][1].splitlines()[-1] == "undefined"
    assert Path(found["prefix"][1].splitlines()[-1]) == (alone.place / "current").resolve()


@pytest.mark.parametrize("phase", PHASES)
def test_nothing_of_a_checkout_lies_above_a_release(alone, phase):
    """Whatever a tool looks for, it walks through folders that are none of a project."""
    found = seen(alone, phase)["above"]
    inside = [one for one in found if Path(one).is_relative_to(alone.folder)]
    assert inside == []
    assert {Path(one).name for one in found} <= {*FENCED}  # those that were planted right above


@pytest.mark.parametrize("phase", [*PHASES, "run"])
def test_variables_of_our_own_environment_are_not_handed_on(alone, phase):
    """VIRTUAL_ENV and the like name another project; an activated .venv's programs would install into it."""
    found = seen(alone, phase)["variables"]
    others = {"VIRTUAL_ENV", "PYTHONPATH", "UV_PROJECT_ENVIRONMENT", "GIT_DIR", "GIT_WORK_TREE", "NODE_PATH"}
    given = {name: found[name] for name in others & {*found}}
    # A sandbox profile's preload is the one thing that is put there, for the bot alone.
    assert [name for name, value in given.items() if phase != "run" or not value.endswith("/preload/python")] == []
    assert str(BIN) not in found["PATH"].split(os.pathsep)
    assert found["GIT_CEILING_DIRECTORIES"] == str(alone.place / "releases")


def test_what_the_bot_prints_is_in_its_log_at_once(alone):
    """Python holds back what it prints to a file, unless it is told not to."""
    assert seen(alone, "run")["variables"]["PYTHONUNBUFFERED"] == "1"


def test_print_reaches_the_log_before_a_buffer_is_full(tmp_path):
    """A bot that prints a line and goes on is heard."""
    with yard(tmp_path) as made:
        made.write("bot/bot.py", BOT.replace('"starts", flush=True)', '"starts")'))
        made.commit()
        assert made.deploy().code == 0
        assert "bot one starts" in made.inv("logs", "--env", "dev").out


def test_an_earlier_commit_is_read_outside_of_every_project(tmp_path):
    """`detect --since` makes a checkout, and code of the bot runs in it."""
    desk, repo = Desk(tmp_path, {}), tmp_path / "bot"
    repo.mkdir()
    commands = {
        "source": "program",
        "run": [sys.executable, "tell.py"],
        "isolation": "none",
    }  # else it could not tell us
    desk.profile(repo="bot", commands={**commands, "environment": {"SEEN": str(tmp_path / "seen.json")}})
    desk.write("bot/tell.py", TELL)
    for arguments in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "x")):
        subprocess.run(["git", "-C", repo, "-c", "user.name=t", "-c", "user.email=t@t", *arguments], check=True)
    desk.write("bot/tell.py", f"{TELL}\n# changed")
    ran = desk.inv("detect", "--env", "dev", "--since", "HEAD")
    assert ran.code == 0, ran
    state = Path(json.loads((tmp_path / ".botswain/project.json").read_text())["state"])
    where = Path(json.loads((tmp_path / "seen.json").read_text()))  # the earlier commit is read last
    assert not where.is_relative_to(tmp_path)
    assert not state.is_relative_to(tmp_path)
    assert list(state.glob("past-*")) == []


def test_a_running_bot_of_an_earlier_version_is_taken_over(tmp_path):
    """Its folder is moved out of the checkout; it is not lost, stopped or doubled, and a rollback finds it."""
    with yard(tmp_path, shared=["data/"]) as made:
        made.environment["XDG_STATE_HOME"] = str(tmp_path.parent / f"{tmp_path.name}.state")
        as_earlier(made)
        first, pid = made.current(), made.processes()
        (made.folder / ".botswain/service/dev/shared/data/rows").write_text("1")
        assert (made.folder / ".botswain/service/dev").is_symlink() is False
        status = made.inv("status", "--env", "dev", "--json").document
        assert (status["service"]["running"], status["service"]["release"]) == (True, first)
        assert (made.folder / ".botswain/service/dev").is_symlink()
        assert made.processes() == pid
        made.version("two")
        ran = made.deploy()
        assert ran.code == 0, ran
        assert (made.runs(), len(made.processes())) == ("two", 1)
        assert (made.place / "current/data/rows").read_text() == "1"
        assert not made.place.is_relative_to(made.folder)
        ran = made.rollback("--only", "service")
        assert ran.code == 0, ran
        assert (made.runs(), made.current(), len(made.processes())) == ("one", first, 1)
        made.down()
        assert made.processes() == []
        assert made.inv("service.start", "--env", "dev", "--yes").code == 0
        assert made.runs() == "one"


def as_earlier(made: Yard) -> None:
    """Has a bot run from the checkout, as earlier versions had it."""
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from botswain.state import places\n"
        "places.service = lambda one: Path('.botswain/service').resolve() / one\n"
        "from botswain.cli.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", script, "deploy", "--env", "dev"], **made.where(), check=False,
                          capture_output=True, text=True, timeout=120)  # fmt: skip
    assert done.returncode == 0, done.stderr
    shutil.rmtree(made.folder / ".botswain/cache", ignore_errors=True)
    (made.folder / ".botswain/project.json").unlink()
    shutil.rmtree(Path(made.environment["XDG_STATE_HOME"]))
    for _ in range(20):
        if made.runs():
            return
        time.sleep(0.1)


def test_the_doctor_names_what_lies_above_the_releases(tmp_path):
    """No variable keeps npm from a package.json of the home."""
    with yard(tmp_path) as made:
        above = tmp_path.parent / f"{tmp_path.name}.home"
        plant(above, ("package.json", ".npmrc"))
        made.environment["XDG_STATE_HOME"] = str(above / "state")
        looks = made.inv("doctor", "--env", "dev", "--json").document["looks"]
        found = [one for one in looks if one["look"] == "place"]
        assert [one["verdict"] for one in found] == ["warning"]
        assert str(above / "package.json") in found[0]["detail"]
        made.environment["XDG_STATE_HOME"] = str(above.parent / "clean")
        looks = made.inv("doctor", "--env", "dev", "--json").document["looks"]
        assert not [one for one in looks if one["look"] == "place"]
