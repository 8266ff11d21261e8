"""The release engine as one file: `botswain.host` alone. It is installed as PATH and started through COMMAND."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path

import botswain.host
from botswain.hosts import zipapp

PATH = "/usr/local/lib/botswain/botswain-host.pyz"
"""Where it is on a host."""
COMMAND = "/usr/local/bin/botswain-host"
"""The link to it that people call."""


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
    data = zipapp.packed(Path(botswain.host.__file__).parent)
    return Engine(data, hashlib.sha256(data).hexdigest())
