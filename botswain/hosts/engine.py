"""The release engine as one file: `botswain.host` alone, packed so that any Python on a host starts it.

It is installed as PATH and started through COMMAND. What the host has is compared by digest, so the same sources make
the same bytes: no clock, no order of a file system, no permission of this checkout is in them.
"""

from __future__ import annotations

import functools
import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import botswain.host

PATH = "/usr/local/lib/botswain/botswain-host.pyz"
"""Where it is on a host."""
COMMAND = "/usr/local/bin/botswain-host"
"""The link to it that people call."""
_SHEBANG = b"#!/usr/bin/env python3\n"
_STUBS = {"__main__.py": b"from botswain.host.__main__ import run\n\nrun()\n", "botswain/__init__.py": b""}
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The oldest date that the format can hold."""
_MODE = 0o100644 << 16


@dataclass(frozen=True)
class Engine:
    """The engine of this checkout."""

    data: bytes
    """A zipapp."""
    digest: str
    """Its SHA-256 in hexadecimal, as `botswain-host ROOT do` tells of the one on the host."""


@functools.cache
def engine() -> Engine:
    """The engine as it is in this checkout."""
    data = packed(sources(Path(botswain.host.__file__).parent))
    return Engine(data, hashlib.sha256(data).hexdigest())


def sources(folder: Path) -> dict[str, bytes]:
    """The modules of the engine, by their path in the file."""
    return {f"botswain/host/{path.name}": path.read_bytes() for path in folder.glob("*.py")}


def packed(files: dict[str, bytes]) -> bytes:
    """A zipapp of these files that starts the engine."""
    target = io.BytesIO()
    target.write(_SHEBANG)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in sorted({**files, **_STUBS}.items()):
            entry = zipfile.ZipInfo(name, _LONG_AGO)
            entry.create_system, entry.external_attr = 3, _MODE
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED, 9)
    return target.getvalue()
