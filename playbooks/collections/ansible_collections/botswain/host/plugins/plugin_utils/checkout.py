"""What is installed on hosts, from the checkout that this collection lies in, wherever Ansible was started from."""

from __future__ import annotations

import base64
import importlib
import sys
from collections.abc import Callable
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[7]


def engine() -> str:
    """The engine, as Base64."""
    return _packed(lambda: importlib.import_module("botswain.hosts.engine").engine().data)


def runner() -> str:
    """The runner of backups, as Base64."""
    return _packed(lambda: importlib.import_module("botswain.database.runner").packed())


def _packed(made: Callable[[], bytes]) -> str:
    if str(_ROOT) not in sys.path:
        sys.path.append(str(_ROOT))
    return base64.b64encode(made()).decode()
