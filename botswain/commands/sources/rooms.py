"""Where the bot's code runs while commands are read: in a copy of its repository, and in bubblewrap where it works."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botswain.commands.sources import bubblewrap
from botswain.host import keeper, kept, view

_HIDDEN = (".env", ".botswain")
"""What is Botswain's own in this folder: the code of a bot that is in it gets neither our secrets nor our state."""
_SIGNALS = 128
_TEMPORARY = ("TMPDIR", "TEMP", "TMP")


@dataclass(frozen=True)
class Room:
    """A copy of the repository, and how code is started there."""

    repo: Path
    copy: view.View
    walled: bool
    """Whether bubblewrap puts the copy in the repository's place; else its path is another."""

    def start(
        self, argv: Sequence[str], environment: Mapping[str, str], needed: Sequence[Path], **how: Any
    ) -> kept.Kept:
        """Starts a command in the copy. Raises OSError."""
        if self.walled:
            within = {name: value for name, value in environment.items() if name not in _TEMPORARY}
            walled = bubblewrap.command(argv, self.repo, within, self.copy.folder, self.copy.linked, needed)
            keeper.unreadable()
            return kept.Kept(subprocess.Popen(walled, env=within, start_new_session=True, **how), None)
        seen = {name: self._list_inward(value) for name, value in environment.items()}
        return kept.start(
            [self._inward(one) for one in argv], self._first(seen), building=False, cwd=self.copy.folder, **how
        )

    def code(self, code: int) -> int:
        """An exit code, or the negative number of a signal, which bubblewrap tells as a shell does."""
        return _SIGNALS - code if self.walled and _SIGNALS < code < _SIGNALS + signal.NSIG else code

    def _first(self, environment: dict[str, str]) -> dict[str, str]:
        """With the copy before the original, where a virtual environment refers to that (`pip install -e .`)."""
        origin = str(self.copy.origin)
        paths = [
            self._inward(str(one))
            for real in self.copy.linked.values()
            for one in bubblewrap.editable(real)
            if str(one) == origin or str(one).startswith(f"{origin}/")
        ]
        if not paths:
            return environment
        known = [environment["PYTHONPATH"]] if environment.get("PYTHONPATH") else []
        return {**environment, "PYTHONPATH": os.pathsep.join([*dict.fromkeys(paths), *known])}

    def inward(self, value: Any) -> Any:
        """JSON with the repository's paths as the code is to see them."""
        if isinstance(value, dict):
            return {name: self.inward(one) for name, one in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.inward(one) for one in value]
        return self._inward(value) if isinstance(value, str) else value

    def _list_inward(self, value: str) -> str:
        return os.pathsep.join(self._inward(one) for one in value.split(os.pathsep))

    def _inward(self, path: str) -> str:
        if not self.walled:
            for origin in (str(self.copy.origin), os.path.abspath(self.repo)):  # noqa: PTH100 - as it is written
                if path == origin or path.startswith(f"{origin}/"):
                    return f"{self.copy.folder}{path[len(origin) :]}"
        return path

    def outward(self, text: bytes) -> bytes:
        """What the code printed, with the repository's paths instead of the copy's."""
        return text if self.walled else text.replace(os.fsencode(self.copy.folder), os.fsencode(self.copy.origin))

    def outward_json(self, value: Any) -> Any:
        """The same for a message."""
        if isinstance(value, dict):
            return {name: self.outward_json(one) for name, one in value.items()}
        if isinstance(value, list):
            return [self.outward_json(one) for one in value]
        if isinstance(value, str) and not self.walled:
            return value.replace(str(self.copy.folder), str(self.copy.origin))
        return value


@contextmanager
def room(repo: Path, isolation: str) -> Iterator[Room]:
    """A room for code of the repository, gone afterwards. Raises BotswainError where required bubblewrap is missing."""
    walled = bubblewrap.chosen(isolation)
    hidden = [Path(one).absolute() for one in _HIDDEN]
    with tempfile.TemporaryDirectory(prefix="botswain-read-", ignore_cleanup_errors=True) as name:
        folder = Path(os.path.realpath(name), repo.resolve().name or "repository")
        Path(name, ".env").touch()  # who looks upward for one ends there
        copied = view.copy(repo, folder, hidden=hidden, outside=_outside(repo.resolve()), links=not walled)
        yield Room(repo, copied, walled)


def _outside(repo: Path) -> list[Path]:
    """Where links of a bot's folder may lead: to the data that releases share, and to the rest of its repository."""
    found = []
    if repo.parent.name == "releases":
        found.append(repo.parents[1] / "shared")
    if (top := bubblewrap.top(repo)) is not None:
        found.append(top)
    return found
