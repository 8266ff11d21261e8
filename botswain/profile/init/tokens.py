"""Where a bot gets its token: the variable that it reads and logs in with, or a file that git ignores."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from botswain.profile.init.files import text_of

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_READS = (
    re.compile(rf"""(?:process|Bun|import\.meta)\.env(?:\.|\[["'`])({_NAME})"""),
    re.compile(rf"""\bDeno\.env\.get\(["'`]({_NAME})"""),
    re.compile(rf"""\b(?:os\.)?(?:environ(?:\.get)?|getenv)\s*[\[(]\s*["']({_NAME})"""),
    re.compile(rf"""\benv(?:\.str)?\(\s*["']({_NAME})["']"""),
    re.compile(rf"""\bconfig\(\s*["']({_NAME})["']"""),
    re.compile(rf"""\b(?:dotenv_values|config|env|ENV|settings)\(?[^\n()]*\)?\[["']({_NAME})["']\]"""),
)
"""How code reads a variable of its environment: Node, Bun, Deno, os, environs, decouple, dotenv."""
_DESTRUCTURED = re.compile(r"\{([^{}]*)\}\s*=\s*(?:process|Bun)\.env\b")
_LOGIN = re.compile(
    r"\.(?:login|run|start|setToken|set_token)\(\s*([^()\n]*(?:\([^()\n]*\)[^()\n]*)?)|\btoken\s*[:=]\s*([^\n]+)"
)
"""What a bot logs in with: the argument, or what is called `token`."""
_EXAMPLES = (".env.example", ".env.sample", ".env.template", ".env.dist", "example.env", ".env-example", "sample.env")
_KEY = re.compile(rf"^\s*(?:export\s+)?({_NAME})\s*=", re.MULTILINE)
_OTHERS = re.compile(
    r"GITHUB|GH_|TOPGG|TOP_GG|DBL|WEBHOOK|SPOTIFY|TWITCH|OPENAI|SENTRY|CSRF|JWT|REFRESH|ACCESS|API_TOKEN|GENIUS|DATABASE"
)
"""Tokens of other services."""
_CONFIGS = ("config.json", "config.js", "config/config.json", "config.yml", "config.yaml", "config.toml", "config.py",
            "src/config.json", "settings.json", "auth.json", "secrets.json", "config.ini")  # fmt: skip
_HAS_TOKEN = re.compile(r"""["']?(?:bot_?)?token["']?\s*[:=]""", re.IGNORECASE)


@dataclass(frozen=True)
class Token:
    """How the bot gets its token."""

    variable: str | None = None
    """The variable that it reads; None where none is read."""
    file: str | None = None
    """A file of its own that git ignores and that holds it."""


def token_of(repo: Path, code: Iterable[str]) -> Token:
    """The variable that is read from the environment and logged in with, else a git-ignored file with a token."""
    points: Counter[str] = Counter()
    texts = list(code)
    for text in texts:
        points.update(_points(text))
    read = set(points)
    for name in _EXAMPLES:
        for key in _KEY.findall(text_of(repo / name)):
            if key in read or _is_token(key):
                points[key] += 2 if _is_token(key) else 0
    likely = {name: found for name, found in points.items() if found > 1}
    if likely:
        return Token(min(likely, key=lambda name: (-likely[name], len(name), name)))
    return Token(file=_ignored_file(repo, texts))


def _points(text: str) -> Mapping[str, int]:
    """The variables that a text reads, by how likely they are the token."""
    read = {name for pattern in _READS for name in pattern.findall(text)}
    for names in _DESTRUCTURED.findall(text):
        read |= {one.partition(":")[0].partition("=")[0].strip() for one in names.split(",")} - {""}
    logins = " ".join(part for found in _LOGIN.findall(text) for part in found)
    points = {}
    for name in read:
        assigned = re.findall(rf"({_NAME})\s*[:=][^\n=]*[\W_]{re.escape(name)}\b", text)
        through = any(re.search(rf"\b{re.escape(one)}\b", logins) for one in assigned)
        direct = bool(re.search(rf"\b{re.escape(name)}\b", logins))
        points[name] = 2 * _is_token(name) + 4 * direct + 3 * through - 3 * bool(_OTHERS.search(name.upper()))
    return points


def _is_token(name: str) -> bool:
    return "TOKEN" in name.upper() and not _OTHERS.search(name.upper())


def _ignored_file(repo: Path, code: list[str]) -> str | None:
    """A configuration that git ignores, or that is there as an example alone, and that the code loads."""
    ignored = [line.strip().strip("/") for line in text_of(repo / ".gitignore").splitlines() if line.strip()]
    for name in _CONFIGS:
        stem, dot, ending = name.rpartition(".")
        marked = [f"{stem}{sign}{word}.{ending}" for sign in ".-_" for word in ("example", "sample", "template")]
        examples = (f"{name}.example", f"{name}.sample", f"example.{name}", *marked)
        known = next((one for one in (name, *examples) if (repo / one).is_file()), None)
        hidden = any(fnmatch(name, one) or fnmatch(Path(name).name, one) for one in ignored)
        if known is None or not (hidden or known != name) or not _HAS_TOKEN.search(text_of(repo / known)):
            continue
        if any(Path(stem).name + dot in text or f"/{Path(stem).name}" in text for text in code):
            return name
    return None
