"""What is installed on hosts, from the checkout that this collection lies in, wherever Ansible was started from."""

from __future__ import annotations

import base64
import importlib
import sys
from pathlib import Path
from types import ModuleType

_ROOT = Path(__file__).resolve().parents[7]


def engine() -> str:
    """The engine, as Base64."""
    return _packed(_ours("botswain.hosts.engine").engine().data)


def runner() -> str:
    """The runner of backups, as Base64."""
    return _packed(_ours("botswain.database.runner").packed())


def reasons() -> ModuleType:
    """Knows why hosts fail."""
    return _ours("botswain.ansible.reasons")


def _ours(name: str) -> ModuleType:
    if str(_ROOT) not in sys.path:
        sys.path.append(str(_ROOT))
    return importlib.import_module(name)


def _packed(data: bytes) -> str:
    return base64.b64encode(data).decode()
