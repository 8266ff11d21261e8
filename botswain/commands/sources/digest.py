"""Tells whether a folder of commands has changed, without reading what it says."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from botswain.commands.sources.files import command_files, read_bytes

if TYPE_CHECKING:
    from pathlib import Path


def digest_folder(folder: Path) -> str:
    """SHA-256 over the names and contents that `load_folder` reads: equal digests give equal commands.

    Costs a read of the files and imports nothing heavy. Raises InvalidInput where `load_folder` could not
    read either.
    """
    total = hashlib.sha256()
    for path in command_files(folder):
        name = path.relative_to(folder).as_posix().encode(errors="surrogateescape")
        for part in (name, read_bytes(path)):
            total.update(len(part).to_bytes(8, "big"))
            total.update(part)
    return total.hexdigest()
