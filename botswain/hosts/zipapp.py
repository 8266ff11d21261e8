"""A package of this checkout as one file that any Python on a host starts.

What a host has is compared by digest, so the same sources make the same bytes: no clock, no order of a file system, no
permission of this checkout is in them.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

_SHEBANG = b"#!/usr/bin/env python3\n"
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The oldest date that the format can hold."""
_MODE = 0o100644 << 16


def packed(folder: Path) -> bytes:
    """The package botswain.<name of the folder> alone, started by `run` of its `__main__`."""
    name = folder.name
    start = f"from botswain.{name}.__main__ import run\n\nrun()\n".encode()
    files = {"__main__.py": start, "botswain/__init__.py": b""}
    files |= {f"botswain/{name}/{path.name}": path.read_bytes() for path in folder.glob("*.py")}
    target = io.BytesIO()
    target.write(_SHEBANG)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path, data in sorted(files.items()):
            entry = zipfile.ZipInfo(path, _LONG_AGO)
            entry.create_system, entry.external_attr = 3, _MODE
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED, 9)
    return target.getvalue()
