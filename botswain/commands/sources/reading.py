"""Reads commands with a script that runs inside the bot's interpreter, and tells what stood in its way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botswain.commands.sources import bubblewrap, child
from botswain.commands.sources.files import shown_path
from botswain.commands.sources.read import LeftOut
from botswain.errors import BotswainError, Problem
from botswain.secrets import redaction

if TYPE_CHECKING:
    from botswain.profile.settings import Source

READERS = Path(__file__).parent / "readers"
_LOADER = (
    "npm install --save-dev {}@latest, set NODE_OPTIONS in commands.environment as the bot starts with it, or point"
    " commands.folder at the compiled files"
)
_LISTED = 5
"""Failures in the background that are noted."""


@dataclass
class Reading:
    """What a reader told, with every problem so far."""

    commands: list[dict[str, Any]] = field(default_factory=list)
    others: list[dict[str, Any]] = field(default_factory=list)
    """Its further messages, such as files that hold no command."""
    problems: list[Problem] = field(default_factory=list)

    def of(self, event: str) -> list[dict[str, Any]]:
        """The further messages of one kind."""
        return [one for one in self.others if one["event"] == event]


def run_reader(
    source: Source, argv: Sequence[str], request: Mapping[str, Any], advise: Callable[[str], str]
) -> Reading:
    """Runs a reader. What it could not finish is a problem of the file that it was at.

    `advise` says what to do about a package that is missing. Raises BotswainError when it got to no file at all.
    """
    needed = [READERS, *([source.modules, *bubblewrap.linked_packages(source.modules)] if source.modules else ())]
    ended = child.run(
        argv, source.repo, source.environment, source.timeout,
        request=request, isolation=source.isolation, needed=needed,
    )  # fmt: skip
    reading, at, missing = Reading(), None, dict[str, list[dict[str, Any]]]()
    for message in ended.messages:
        event = message["event"]
        if event == "command":
            reading.commands.append(message)
        elif event == "problem" and (alike := message.get("missing") or message.get("loader")):
            missing.setdefault(alike, []).append(message)
        elif event == "problem":
            reading.problems.append(_problem(source, message))
        elif event == "at":
            at = message
        else:
            reading.others.append(message)
    for package, places in missing.items():
        advice = _LOADER.format(package) if places[0].get("loader") else advise(package)
        text = f"{places[0]['message']}{_and_others(places)}; {advice}"
        reading.problems.append(_problem(source, {**places[0], "message": text}))
    if ended.stopped != "done":
        what, fix = _unfinished(source, ended, reading, (at or {}).get("what", "loading"))
        if at is None:
            raise BotswainError(what, where=argv[0], fix=fix)
        reading.problems.append(Problem(named(source, at["file"]), "", f"{what}; {fix}" if fix else what))
    return reading


def named(source: Source, file: str) -> str:
    """How messages call a file of the repository."""
    return shown_path(source.repo / file)


def left_out(source: Source, told: Reading, files: Sequence[str]) -> tuple[LeftOut, ...]:
    """What the reader passed over, in the order of the files."""
    order = {file: index for index, file in enumerate(files)}
    found = sorted(told.of("left"), key=lambda one: order.get(one["file"], len(order)))
    return tuple(
        LeftOut(
            named(source, one["file"]),
            one.get("place", ""),
            redaction.clean_text(one["reason"]),
            doubtful=one.get("doubtful", False),
        )
        for one in found
    )


def background_notes(source: Source, reading: Reading) -> list[str]:
    """What failed beside the loading of files, and kept no command from being read."""
    return [
        f"{named(source, one['file'])}: something that it started failed while commands were read:"
        f" {redaction.clean_text(one['message'])}"
        for one in reading.of("background")[:_LISTED]
    ]


def _problem(source: Source, message: Mapping[str, Any]) -> Problem:
    text = " ".join(redaction.clean_text(message["message"]).split())
    return Problem(named(source, message["file"]), message.get("place", ""), text)


def _and_others(places: Sequence[Mapping[str, Any]]) -> str:
    files = len({one["file"] for one in places}) - 1
    return f" (nor can {files} more {'file' if files == 1 else 'files'})" if files else ""


def _unfinished(source: Source, ended: child.Ended, reading: Reading, what: str) -> tuple[str, str]:
    """What kept the reader from its end, and what to do."""
    fix = "let it start what takes time, or ends the process, only when the bot runs"
    if ended.stopped == "timeout":
        return f"did not finish {what} within {source.timeout:g} s{ended.said}", f"{fix}; or raise commands.timeout"
    if ended.stopped == "flood":
        return f"sent more than {child.MAX_OUTPUT:,} bytes of commands", ""
    if reading.of("idle"):
        return f"never finishes {what}: it awaits something that nothing brings about{ended.said}", fix
    if ended.code is not None and ended.code < 0:
        return f"was killed by {child.signal_name(-ended.code)} during {what}{ended.said}", "run it by hand to see why"
    return f"ended the process with exit code {ended.code} during {what}{ended.said}", fix
