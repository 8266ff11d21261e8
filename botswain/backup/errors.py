"""What can go wrong with a backup, as one line a person can act on.

BackupError         1  failed: nothing was kept, or a part, and the message says which
├── Damaged         1  a backup is not as it was stored
├── ProgramFailed   1  one of PostgreSQL's clients, or what compresses
└── Refused         3  something stood in the way; nothing was changed
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

DONE, FAILED, REFUSED = 0, 1, 3
"""Exit codes; see docs/exit-codes.md."""

_FULL = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the disk quota is used up"}
_FORBIDDEN = (errno.EACCES, errno.EPERM)


class BackupError(Exception):
    """A failure told as `where: what; fix`, with the last lines of what the failing program printed."""

    code = FAILED

    def __init__(self, what: str, *, where: str = "", fix: str = "", log: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.fix = fix
        self.log = log

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        remedy = f"; {self.fix}" if self.fix else ""
        return f"{place}{self.what}{remedy}"


class Damaged(BackupError):
    """A backup is not as it was stored."""


class ProgramFailed(BackupError):
    """A program ended otherwise than it should."""

    def __init__(self, what: str, *, exit_code: int, log: str = "", said: str = "") -> None:
        super().__init__(what, log=log)
        self.exit_code = exit_code
        """Negative: it was ended by that signal."""
        self.said = said
        """All that it wrote about it."""


class Refused(BackupError):
    """Nothing was changed, because something stood in the way."""

    code = REFUSED


def disk_error(error: OSError, path: Path, doing: str) -> BackupError:
    """Tell a failed file operation in one line."""
    code = error.errno or 0
    if code in _FULL:
        reason, fix = _FULL[code], "free some space, then run it again"
    elif code == errno.EFBIG:
        reason, fix = "the file would pass the size limit of this process", "raise it (ulimit -f), then run it again"
    elif code == errno.EROFS:
        reason, fix = "the file system is read-only", "mount it writable, then run it again"
    elif code in _FORBIDDEN:
        reason, fix = "permission denied", "run it as the user that owns the backups, or let this one write there"
    else:
        reason, fix = error.strerror or str(error), "look at the disk and the path, then run it again"
    return BackupError(f"cannot {doing}: {reason}", where=str(path), fix=fix)


@contextlib.contextmanager
def explained(path: Path, doing: str) -> Iterator[None]:
    """Turn an OSError inside into the BackupError that `disk_error` makes."""
    try:
        yield
    except OSError as error:
        raise disk_error(error, path, doing) from error
