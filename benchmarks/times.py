"""Wall times of `./inv`, each as a ratio to what people would run otherwise, measured in turns."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, at_most, noise
from benchmarks.project import APPLICATION, ENVIRONMENT, ROOT, TOKEN, Ended, guilds, project, run, typical
from tests.clients import node

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 15
COMMANDS = 50
_SCRIPT = Path(__file__).with_name("put.mjs")


def task_list() -> list[Figure]:
    """`./inv --list` against Invoke's own, with the same Python, where there are no tasks."""
    with project(limits=False) as place, tempfile.TemporaryDirectory(prefix="botswain-bench-") as empty:
        # Quite without a task, Invoke calls it an error.
        Path(empty, "tasks.py").write_text("from invoke import task\n\n\n@task\ndef nothing(c):\n    pass\n")
        invoke = str(ROOT / ".venv" / "bin" / "inv")
        ratio = _ratio(
            ("./inv --list", lambda: place.inv("--list")),
            ("inv --list", lambda: run([invoke, "--list"], Path(empty))),
        )
    return [at_most("./inv --list / inv --list on an empty tasks file", ratio, "x", 1.3)]


def noop_apply() -> list[Figure]:
    """`./inv apply` of 50 commands that are live already against a Node script that PUTs the same ones."""
    client = node.install(_cache())
    shutil.copy(_SCRIPT, client.folder)
    (guild,) = guilds(1)
    with project(limits=False) as place:
        place.commands(typical(COMMANDS))
        place.profile(guild_ids=[guild])
        body = place.folder / "body.json"
        body.write_text(json.dumps(typical(COMMANDS)))
        command = client.command(_SCRIPT.name, f"{place.url}/api", TOKEN, APPLICATION, guild, str(body))
        place.inv("apply", "--env", ENVIRONMENT, "--yes")
        place.log()
        ratio = _ratio(
            ("./inv apply", lambda: place.inv("apply", "--env", ENVIRONMENT)),
            ("@discordjs/rest PUT", lambda: run(command, place.folder)),
        )
        puts = sum(request["method"] == "PUT" for request in place.log())
        if puts != ROUNDS + 1:
            raise RuntimeError(f"{puts} PUTs for {ROUNDS + 1} runs of the script: apply wrote something")
    what = f"./inv apply, {COMMANDS} commands, no change / Node with @discordjs/rest"
    return [at_most(what, ratio, "x", 1.2)]


def _ratio(*sides: tuple[str, Callable[[], Ended]]) -> float:
    """The ratio of the median wall times of the first and the second, run in turns after a warm-up."""
    ended: dict[str, list[Ended]] = {name: [] for name, _ in sides}
    for _, once in sides:
        once()
    for _ in range(ROUNDS):
        for name, once in sides:
            ended[name].append(once())
    for name, runs in ended.items():
        noise(f"{name}, wall", [one.wall for one in runs])
        noise(f"{name}, cpu", [one.cpu for one in runs])
    first, second = (statistics.median(one.wall for one in runs) for runs in ended.values())
    return first / second


def _cache() -> Path:
    """Where Node's packages are kept between runs, as the tests do."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "botswain-tests"
    return Path(os.environ.get("BOTSWAIN_TEST_CACHE") or default)
