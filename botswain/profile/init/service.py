"""How a bot would be built, started and asked how it is: the section `service` that is proposed. Nothing is run.

Where it is not known, the bot's own files are believed: its start script, its lock file, the paths that it answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botswain.profile.init.files import text_of, walk

_NODE = (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts")
_PORT = 8080
_ALIVE = re.compile(r"""["'`](/(?:healthz?|livez?|alive|ping))["'`]""")
_READY = re.compile(r"""["'`](/(?:readyz?|ready|readiness))["'`]""")
_READS_PORT = re.compile(r"""\bPORT\b""")
_TOKENS = re.compile(r"""(?:env\.|["'])((?:[A-Z][A-Z0-9_]*)?TOKEN)\b""")
_SHELL = re.compile(r"[|&;<>$`*?()\\]|^\w+=")
"""What only a shell makes sense of."""
_STARTERS = ("main", "bot", "run", "app", "index", "start")
_NO_TESTS = "no test specified"


@dataclass(frozen=True)
class ServiceProposal:
    """The fields of `service`, and what a person has to say about it."""

    fields: Mapping[str, Any]
    comments: tuple[str, ...] = ()
    missing: tuple[str, ...] = field(default=())


def propose_service(repo: Path, taken: frozenset[int] = frozenset()) -> ServiceProposal | None:
    """What would run this bot; None for a language that is not known. Ports that are `taken` are not proposed."""
    if (repo / "package.json").exists():
        fields, missing = _node(repo)
        code = [text_of(path) for path in walk(repo, _NODE)]
    elif code := [text_of(path) for path in walk(repo, (".py",))]:
        fields, missing = _python(repo)
    else:
        return None
    tokens = {name for text in code for name in _TOKENS.findall(text)}
    if tokens and "DISCORD_TOKEN" not in tokens:
        fields["token"] = min(tokens, key=lambda name: (len(name), name))
    comments = []
    port = next(one for one in range(_PORT, 65536) if one not in taken)
    paths = {name: _first(pattern, code) for name, pattern in (("alive", _ALIVE), ("ready", _READY))}
    if any(_READS_PORT.search(text) for text in code) and any(paths.values()):
        fields["port"] = port
        fields["health"] = {name: f"http://127.0.0.1:{port}{path}" for name, path in paths.items() if path}
    else:
        comments.append(
            "Without `health`, a process that runs is all that is looked at; examples/bots show how a bot tells more."
        )
    return ServiceProposal(fields, tuple(comments), tuple(missing))


def _first(pattern: re.Pattern[str], code: Sequence[str]) -> str | None:
    return next((found[1] for text in code if (found := pattern.search(text))), None)


# Node


def _node(repo: Path) -> tuple[dict[str, Any], list[str]]:
    package = _package(repo)
    scripts = {name: str(text) for name, text in (package.get("scripts") or {}).items()}
    compiled = "build" in scripts
    tested = "test" in scripts and _NO_TESTS not in scripts["test"]
    needs_more = compiled or (tested and not scripts["test"].startswith("node "))
    fields: dict[str, Any] = {"build": _installing(repo, everything=needs_more)}
    manager = fields["build"][0].partition(" ")[0]
    if compiled:
        fields["build"].append(f"{manager} run build")
    if tested:
        fields["test"] = [f"{manager} test"]
    start = scripts.get("start", "")
    main = next((one for one in _entries(package) if (repo / one).is_file()), "")
    if start and not _SHELL.search(start) and start.startswith("node "):
        fields["run"] = start
    elif start:
        fields["run"] = f"{manager} start"
    elif main:
        fields["run"] = f"node {main}"
    else:
        fields["run"] = "node index.js"
        return fields, ["service.run: name what starts the bot, such as node src/main.js"]
    return fields, []


def _entries(package: Mapping[str, Any]) -> list[str]:
    found = [str(package["main"])] if isinstance(package.get("main"), str) else []
    return found + [
        f"{folder}{name}.{ending}" for folder in ("", "src/") for name in _STARTERS for ending in ("js", "mjs")
    ]


def _package(repo: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(text_of(repo / "package.json") or "{}")
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {**found, "scripts": found.get("scripts") if isinstance(found.get("scripts"), dict) else {}}


def _installing(repo: Path, *, everything: bool) -> list[str]:
    """The command that installs what the lock file says; all of it where building or testing wants more."""
    if (repo / "pnpm-lock.yaml").exists():
        return [f"pnpm install --frozen-lockfile{'' if everything else ' --prod'}"]
    if (repo / "yarn.lock").exists():
        return [f"yarn install --frozen-lockfile{'' if everything else ' --production'}"]
    verb = "ci" if (repo / "package-lock.json").exists() else "install"
    return [f"npm {verb}{'' if everything else ' --omit=dev'}"]


# Python


def _python(repo: Path) -> tuple[dict[str, Any], list[str]]:
    build, missing = ["python3 -m venv .venv"], []
    requirements = text_of(repo / "requirements.txt")
    if requirements:
        hashed = " --require-hashes" if "--hash=" in requirements else ""
        build.append(f".venv/bin/python -m pip install --quiet{hashed} -r requirements.txt")
    elif (repo / "uv.lock").exists():
        build = ["uv sync --frozen --no-dev"]
    elif (repo / "pyproject.toml").exists() or (repo / "setup.py").exists():
        build.append(".venv/bin/python -m pip install --quiet .")
    else:
        build.append(".venv/bin/python -m pip install --quiet discord.py")
        missing.append("service.build: name what the bot needs; there is no requirements.txt and no pyproject.toml")
    run = _python_start(repo)
    if run is None:
        missing.append("service.run: name what starts the bot, such as .venv/bin/python bot.py")
    return {"build": build, "run": f".venv/bin/python {run or 'bot.py'}"}, missing


def _python_start(repo: Path) -> str | None:
    """What follows `python`: a package that can be run, or the script that starts the bot."""
    for path in walk(repo, ("__main__.py",)):
        return "-m " + ".".join(path.relative_to(repo).parent.parts) if path.parent != repo else "__main__.py"
    scripts = [path for path in walk(repo, (".py",)) if _starts(text_of(path))]
    scripts.sort(key=lambda path: (len(path.parts), path.stem not in _STARTERS, path.as_posix()))
    return scripts[0].relative_to(repo).as_posix() if scripts else None


def _starts(text: str) -> bool:
    return ("__name__" in text and "__main__" in text) or bool(re.search(r"^\w+\.run\(", text, re.MULTILINE))
