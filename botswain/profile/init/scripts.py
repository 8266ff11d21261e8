"""How a bot on Node.js is built and started: from its package.json and lock file."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botswain.profile.init.files import text_of

_SHELL = re.compile(r"[|&;<>$`*?()\\]|^\w+=")
"""What only a shell makes sense of."""
_STARTERS = ("main", "bot", "run", "app", "index", "start")
_NO_TESTS = "no test specified"
_BUILDERS = frozenset(
    ["tsc", "tsup", "swc", "esbuild", "rimraf", "rm", "prisma", "webpack", "rollup", "tsc-alias", "unbuild"]
)
"""Programs that make what is started, and are no bot themselves."""
_LOADERS = frozenset(["ts-node", "tsx", "ts-node-esm"])
"""Programs of node_modules that start a bot in TypeScript."""
_DEPTH = 5
_UNKNOWN = ""


@dataclass
class Scripts:
    """The fields of `service` that follow from a package.json."""

    build: list[str]
    run: str
    test: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Manager:
    """A package manager, as its lock file tells."""

    name: str
    install: str
    production: str
    """What it takes to leave out what only developing needs."""
    workspace: str = "--workspace"
    """What names a package of a workspace."""

    def script(self, name: str, package: str = "") -> str:
        """Runs a script, in a package of the workspace if one is named."""
        verb = name if name in {"test", "start"} and self.name != "bun" else f"run {name}"
        if not package:
            return f"{self.name} {verb}"
        return (
            f"yarn workspace {package} {verb}" if self.name == "yarn" else f"{self.name} {self._chosen(package, verb)}"
        )

    def _chosen(self, package: str, verb: str) -> str:
        return f"{verb} {self.workspace} {package}" if self.name == "npm" else f"{self.workspace} {package} {verb}"


def manager_of(root: Path, package: Mapping[str, Any]) -> Manager:
    """The package manager of a repository, by its lock file, else by what package.json says."""
    asked = str(package.get("packageManager", ""))
    if (root / "pnpm-lock.yaml").exists() or asked.startswith("pnpm"):
        return Manager("pnpm", "pnpm install --frozen-lockfile", " --prod", "--filter")
    if (root / "yarn.lock").exists() or asked.startswith("yarn"):
        berry = "__metadata:" in text_of(root / "yarn.lock") or re.match(r"yarn@[2-9]", asked)
        return Manager("yarn", "yarn install --immutable" if berry else "yarn install --frozen-lockfile",
                       "" if berry else " --production")  # fmt: skip
    if any((root / one).exists() for one in ("bun.lock", "bun.lockb")):
        return Manager("bun", "bun install --frozen-lockfile", " --production", "--filter")
    locked = any((root / one).exists() for one in ("package-lock.json", "npm-shrinkwrap.json"))
    return Manager("npm", "npm ci" if locked else "npm install", " --omit=dev")


def package_of(folder: Path) -> Mapping[str, Any]:
    """What a folder's package.json says, with `scripts` as a mapping; empty where there is none."""
    try:
        found = json.loads(text_of(folder / "package.json") or "{}")
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {**found, "scripts": found.get("scripts") if isinstance(found.get("scripts"), dict) else {}}


def scripts_of(repo: Path, member: str = "") -> Scripts:
    """How the bot is built and started; `member` is its folder in a workspace whose lock file is the repository's."""
    folder = repo / member
    package = package_of(folder)
    scripts = {name: str(text) for name, text in package["scripts"].items()} if package else {}
    manager = manager_of(repo, package_of(repo) or package)
    named = _workspace_name(manager, member, package)
    start = _start(scripts)
    made = Scripts([], _run(folder, package, manager, start, named), environment=start.environment)
    if made.run == _UNKNOWN:
        made.run = "node index.js"
        made.missing.append("service.run: name what starts the bot, such as node src/main.js")
    compiled = "build" in scripts or bool(start.builds)
    tested = (
        "test" in scripts and _NO_TESTS not in scripts["test"] and not _starts(scripts["test"], made.run, start.last)
    )
    developing = package.get("devDependencies") if isinstance(package.get("devDependencies"), dict) else {}
    runs_dev = any(
        Path(word).name in (developing or {}) for word in {*made.run.split(), *start.last.split()} - {"node"}
    )
    everything = compiled or runs_dev or (tested and not scripts["test"].startswith("node "))
    made.build = [manager.install + ("" if everything else manager.production)]
    made.build += [manager.script("build", named)] if "build" in scripts else _as_commands(start.builds)
    made.test = [manager.script("test", named)] if tested else []
    whole = made.run.endswith(" start") or " start " in made.run
    if start.builds and whole:
        made.missing.append("service.run: the start script builds at every start; name what starts the bot alone")
    elif start.builds:
        made.comments.append(
            "The start script builds at every start; here a release is built once, and `run` starts it."
        )
    if start.others and not whole:
        made.comments.append(f"The start script also runs `{'`, `'.join(start.others)}`; that is left out here.")
    return made


def _starts(test: str, *runs: str) -> bool:
    """Whether a test script starts the bot: it would log in beside the bot that runs, and not end."""
    return test.strip() in {"npm start", "yarn start", "pnpm start", "bun start", *runs}


def _workspace_name(manager: Manager, member: str, package: Mapping[str, Any]) -> str:
    if not member:
        return ""
    if manager.name == "yarn":
        return str(package.get("name") or member)
    return f"./{member}" if manager.name in {"pnpm", "bun"} else member


def _as_commands(builds: list[str]) -> list[str]:
    """Steps of a script as commands without a shell; what empties a folder has nothing to do in a fresh release."""
    kept = [one for one in builds if one.split()[0] not in {"rm", "rimraf"}]
    return [f"npx {one}" if one.split()[0] in _BUILDERS else one for one in kept]


@dataclass
class _Start:
    """What the start script does."""

    last: str = ""
    """The command that starts the bot."""
    builds: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)


def _start(scripts: Mapping[str, str]) -> _Start:
    """The start script taken apart: scripts that it calls are followed, variables set before the program kept."""
    made, text, before = _Start(), scripts.get("start", ""), [one for one in (scripts.get("prestart"),) if one]
    for _ in range(_DEPTH):
        *first, last = [part.strip() for part in text.split("&&")]
        before += first
        inner = re.fullmatch(r"(?:npm|pnpm|yarn|bun)(?: run)? ([\w:.-]+)", last)
        text = last
        if inner is None or inner[1] not in scripts:
            break
        text = scripts[inner[1]]
    while assigned := re.match(r"(?:cross-env\s+)?([A-Za-z_]\w*)=([^\s\"'$`]*)\s+(?=\S)", text):
        made.environment[assigned[1]] = assigned[2]
        text = text[assigned.end() :]
    made.last = text
    for one in before:
        kind = made.builds if _builds(one, scripts) else made.others
        if one not in kind:
            kind.append(one)
    if _SHELL.search(text):
        made.environment = {}
    return made


def _builds(text: str, scripts: Mapping[str, str]) -> bool:
    inner = re.match(r"(?:npm|pnpm|yarn|bun)(?: run)? ([\w:.-]+)", text)
    if inner and inner[1] in scripts:
        return inner[1] == "build" or any(_builds(one.strip(), scripts) for one in scripts[inner[1]].split("&&"))
    words = [word for word in text.split() if word != "npx"]
    return bool(words) and words[0] in _BUILDERS


def _run(folder: Path, package: Mapping[str, Any], manager: Manager, start: _Start, named: str) -> str:
    """The command that starts the bot, as directly as it can be said."""
    words = start.last.split()
    if words and not named and not _SHELL.search(start.last) and words[0] in {"node", *_LOADERS}:
        return start.last if words[0] == "node" else f"node_modules/.bin/{start.last}"
    start.environment = {}
    if package and package["scripts"].get("start"):
        return manager.script("start", named)
    main = next((one for one in _entries(package) if (folder / one).is_file()), "")
    return f"node {_below(named, folder, main)}" if main else _UNKNOWN


def _below(named: str, folder: Path, main: str) -> str:
    """The path of a script from the repository."""
    if not named:
        return main
    top = next((one for one in folder.parents if (one / ".git").exists()), folder.parent)
    return shlex.quote((folder / main).relative_to(top).as_posix())


def _entries(package: Mapping[str, Any]) -> list[str]:
    found = [str(package["main"])] if isinstance(package.get("main"), str) else []
    return found + [
        f"{folder}{name}.{ending}" for folder in ("", "src/") for name in _STARTERS for ending in ("js", "mjs", "cjs")
    ]
