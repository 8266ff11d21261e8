"""The backup runner as one file: `botswain.backup` alone, packed so that any Python on a host starts it.

It is installed as PATH and started through COMMAND. The same sources make the same bytes, so that an installation is up
to date when its digest is.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import botswain.backup

PATH = "/usr/local/lib/botswain/botswain-backup.pyz"
"""Where it is on a host."""
COMMAND = "/usr/local/bin/botswain-backup"
"""The link to it that people, timers and playbooks call."""
_SHEBANG = b"#!/usr/bin/env python3\n"
_STUBS = {"__main__.py": b"from botswain.backup.__main__ import run\n\nrun()\n", "botswain/__init__.py": b""}
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The oldest date that the format can hold."""
_MODE = 0o100644 << 16


def packed() -> bytes:
    """A zipapp of the runner as it is in this checkout."""
    folder = Path(botswain.backup.__file__).parent
    files = {f"botswain/backup/{path.name}": path.read_bytes() for path in folder.glob("*.py")}
    target = io.BytesIO()
    target.write(_SHEBANG)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in sorted({**files, **_STUBS}.items()):
            entry = zipfile.ZipInfo(name, _LONG_AGO)
            entry.create_system, entry.external_attr = 3, _MODE
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED, 9)
    return target.getvalue()
