"""Where a bot writes its commands to Discord by itself: two that do it undo each other's work, or make duplicates."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from botswain.profile.init.files import text_of, walk

_CALLS = (
    re.compile(r"\b\w*\.?tree\.sync\s*\("),
    re.compile(r"\bsync_(?:all_)?(?:application_)?commands\s*\(|\bsync_commands\s*=\s*True"),
    re.compile(r"\bcommands\s*(?:\?\.|\.)\s*set\s*\("),
    re.compile(r"\b(?:application|guild|app)\w*(?:\?\.|\.)commands(?:\?\.|\.)(?:create|set)\s*\("),
    re.compile(r"\brest\w*(?:\?\.|\.)(?:put|post)\s*\(\s*(?:\w+\.)*Routes\.application\w*Commands?\b", re.IGNORECASE),
    re.compile(r"\.(?:put|post)\s*\(\s*(?:\w+\.)*Routes\s*\.\s*application\w*Commands?\b"),
    re.compile(r"\bbulkOverwrite(?:Global|Guild)\w*Commands\s*\("),
)
_SET = _CALLS[2]
_OPENED = re.compile(r"\.(?:put|post)\s*\(\s*(?://.*|/\*.*)?$")
"""A call whose arguments begin on a later line."""
_COMMENTED = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_AHEAD = 12
"""Lines, comments among them, in which the first argument of such a call is looked for."""
_COMMENT = re.compile(r"^\s*(?:#|//|\*|/\*)")
_BY_HAND = re.compile(r"deploy|register|registration|sync|publish|refresh|upload", re.IGNORECASE)
_ENDINGS = (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".py")


@dataclass(frozen=True)
class Registration:
    """A line of the bot's code that writes commands."""

    file: str
    line: int
    code: str

    @property
    def by_hand(self) -> bool:
        """Whether it is in a script of its own, as far as its name tells: it does no harm while nobody runs it."""
        return bool(_BY_HAND.search(PurePosixPath(self.file).stem))

    def __str__(self) -> str:
        """As a message names it."""
        return f"{self.file}:{self.line} ({self.code})"


def registrations(repo: Path, files: Iterable[tuple[Path, str]] | None = None) -> list[Registration]:
    """Every place where the bot's code writes commands, those in scripts of their own last."""
    found = []
    for path, text in files if files is not None else ((one, text_of(one)) for one in walk(repo, _ENDINGS)):
        lines = text.splitlines()
        for number, first in enumerate(lines, 1):
            line = _joined(lines[number - 1 : number - 1 + _AHEAD]) if _OPENED.search(first) else first
            call = next((hit for pattern in _CALLS if (hit := pattern.search(line))), None)
            if call is None or _COMMENT.match(line) or (call.re is _SET and _of_a_map(line, call)):
                continue
            code = call[0].partition("(")[0].strip()
            found.append(Registration(path.relative_to(repo).as_posix(), number, code))
    return sorted(found, key=lambda one: one.by_hand)


def _joined(lines: list[str]) -> str:
    """A call as one line, without comments."""
    return " ".join(_COMMENTED.sub(" ", "\n".join(lines)).split())


def _of_a_map(line: str, call: re.Match[str]) -> bool:
    """Whether `commands.set(name, command)` fills a bot's own collection: Discord's takes one list."""
    inside = line[call.end() :].partition(")")[0]
    before = line[: call.start()]
    return "," in inside or not re.search(r"(?:application|guild|app)\w*\??\.?$", before.rstrip())
