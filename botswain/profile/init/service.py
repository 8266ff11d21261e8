"""How a bot would be built, started and asked how it is: the section `service` that is proposed. Nothing is run.

Where it is not known, the bot's own files are believed: its start script, its lock file, the paths that it answers, the
variable that it logs in with, the data that it keeps.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botswain.profile.init.data import data_of
from botswain.profile.init.files import text_of, walk
from botswain.profile.init.scripts import scripts_of
from botswain.profile.init.tokens import token_of

_NODE = (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts")
_PORT = 8080
_ALIVE = re.compile(r"""["'`](/(?:healthz?|livez?|alive|ping))["'`]""")
_READY = re.compile(r"""["'`](/(?:readyz?|ready|readiness))["'`]""")
_READS_PORT = re.compile(r"""\bPORT\b""")
_STARTERS = ("main", "bot", "run", "app", "index", "start")


@dataclass(frozen=True)
class ServiceProposal:
    """The fields of `service`, and what a person has to say about it."""

    fields: Mapping[str, Any]
    comments: tuple[str, ...] = ()
    missing: tuple[str, ...] = field(default=())


def propose_service(repo: Path, taken: frozenset[int] = frozenset(), member: str = "") -> ServiceProposal | None:
    """What would run this bot; None for a language that is not known. Ports that are `taken` are not proposed.

    `member` is the bot's folder, where the repository is a workspace of several packages.
    """
    folder = repo / member
    comments: list[str] = []
    if (folder / "package.json").exists():
        files = [(path, text_of(path)) for path in walk(folder, _NODE)]
        fields, missing = _node(repo, member, comments)
    elif files := [(path, text_of(path)) for path in walk(folder, (".py",))]:
        fields, missing = _python(repo, member)
    else:
        return None
    code = [text for _, text in files]
    _keep_data(folder, member, files, fields, missing)
    _log_in(folder, member, code, fields, comments)
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


def _keep_data(
    folder: Path, member: str, files: Sequence[tuple[Path, str]], fields: dict[str, Any], missing: list[str]
) -> None:
    """Has releases share what the bot keeps beside its code."""
    data = data_of(folder, files)
    if data.shared:
        fields["shared"] = [f"{member}/{one}" if member else one for one in data.shared]
        seen = ", ".join(f"{path} ({where})" for path, where in data.shared.items())
        missing.append(
            f"service.shared: copy what is there into the service's shared folder before the first start: {seen}"
        )
    missing += data.missing


def _log_in(folder: Path, member: str, code: Sequence[str], fields: dict[str, Any], comments: list[str]) -> None:
    """Says where the bot finds its token: a variable of another name, or a file that git ignores."""
    token = token_of(folder, code)
    if token.variable is not None and token.variable != "DISCORD_TOKEN":
        fields["token"] = token.variable
    elif token.file is not None:
        path = f"{member}/{token.file}" if member else token.file
        fields["shared"] = [*fields.get("shared", []), path]
        comments.append(
            f"{path} holds the token and is not in git: put it into the service's shared folder once, mode 600."
        )


def _first(pattern: re.Pattern[str], code: Sequence[str]) -> str | None:
    return next((found[1] for text in code if (found := pattern.search(text))), None)


def _node(repo: Path, member: str, comments: list[str]) -> tuple[dict[str, Any], list[str]]:
    found = scripts_of(repo, member)
    comments += found.comments
    fields: dict[str, Any] = {"build": found.build}
    if found.test:
        fields["test"] = found.test
    fields["run"] = found.run
    if found.environment:
        fields["environment"] = found.environment
    return fields, found.missing


# Python


def _python(repo: Path, member: str) -> tuple[dict[str, Any], list[str]]:
    build, missing = ["python3 -m venv .venv"], []
    if member and (repo / "uv.lock").exists():
        return _of_workspace(repo, member)
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


def _of_workspace(repo: Path, member: str) -> tuple[dict[str, Any], list[str]]:
    """A package of a uv workspace: the lock file is the repository's, and so is the environment."""
    named = re.search(r"""^name\s*=\s*["']([^"']+)["']""", text_of(repo / member / "pyproject.toml"), re.MULTILINE)
    run = _python_start(repo / member)
    started = f"{member}/{run}" if run and not run.startswith("-m ") else run
    build = [f"uv sync --frozen --no-dev --package {named[1] if named else Path(member).name}"]
    missing = [] if run else [f"service.run: name what starts the bot, such as .venv/bin/python {member}/bot.py"]
    return {"build": build, "run": f".venv/bin/python {started or f'{member}/bot.py'}"}, missing


def _python_start(repo: Path) -> str | None:
    """What follows `python`: a package that can be run, or the script that starts the bot."""
    for path in walk(repo, ("__main__.py",)):
        return "-m " + ".".join(path.relative_to(repo).parent.parts) if path.parent != repo else "__main__.py"
    scripts = [path for path in walk(repo, (".py",)) if _starts(text_of(path))]
    scripts.sort(key=lambda path: (len(path.parts), path.stem not in _STARTERS, path.as_posix()))
    return scripts[0].relative_to(repo).as_posix() if scripts else None


def _starts(text: str) -> bool:
    return ("__name__" in text and "__main__" in text) or bool(re.search(r"^\w+\.run\(", text, re.MULTILINE))
