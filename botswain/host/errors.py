"""What can go wrong on the bot's machine, as one line a person can act on."""

from __future__ import annotations

import os


class HostError(Exception):
    """A failure told as `where: what; fix`, with the last lines of a log where there is one."""

    def __init__(self, what: str, *, where: str = "", fix: str = "", log: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.fix = fix
        self.log = log
        """The end of what the failing part printed."""

    @classmethod
    def of(cls, error: OSError, path: str | os.PathLike[str], doing: str) -> HostError:
        """What the system said when something was to be done with a path: `write it`, `lock it`."""
        what = f"cannot {doing}: {error.strerror or error}"
        return cls(what, where=str(path), fix="look at the disk and the permissions, then run it again")

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        remedy = f"; {self.fix}" if self.fix else ""
        return f"{place}{self.what}{remedy}"


class Unhealthy(HostError):
    """A release did not become healthy, or did not stay so."""


class Stopped(Unhealthy):
    """Somebody told the run to end before it was known whether a release is well; nothing is held against that."""


class Refused(HostError):
    """Nothing was changed: another run is at work here, or the caller may not do this."""
