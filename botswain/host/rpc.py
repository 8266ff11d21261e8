"""Asks supervisord through its Unix socket."""

from __future__ import annotations

import http.client
import os
import socket
import xmlrpc.client
from pathlib import Path
from types import TracebackType
from typing import Any

from botswain.host.errors import HostError

_LONGEST = 100
"""Bytes of a path that every system takes as the address of a socket."""
SECONDS = 60.0
"""How long one answer may take."""


class Rpc:
    """A connection to a supervisord. Use it as a context manager."""

    def __init__(self, path: Path, seconds: float = SECONDS) -> None:
        self._path = path
        self._proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=_Transport(path, seconds))

    def ask(self, method: str, *arguments: Any, forgive: int = 0) -> Any:
        """What it answers; {} for the fault `forgive`. Raises HostError when it refuses, or does not answer."""
        try:
            return getattr(self._proxy.supervisor, method)(*arguments)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == forgive:
                return {}
            raise HostError(f"supervisord: {fault.faultString}", where=str(self._path)) from None
        except (OSError, http.client.HTTPException, xmlrpc.client.Error) as error:
            what = f"supervisord does not answer ({error})"
            raise HostError(what, where=str(self._path), fix="deploy again; that starts it") from None

    def __enter__(self) -> Rpc:  # noqa: PYI034 - typing.Self is newer than Python 3.9
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._proxy("close")()


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__("127.0.0.1", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        if len(os.fsencode(self._path)) <= _LONGEST:
            self.sock.connect(str(self._path))
            return
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self.sock.connect(f"/proc/self/fd/{folder}/{self._path.name}")
        finally:
            os.close(folder)


class _Transport(xmlrpc.client.Transport):
    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__()
        self._path = path
        self._seconds = seconds

    def make_connection(self, host: tuple[str, dict[str, str]] | str) -> http.client.HTTPConnection:
        connection = _Connection(self._path, self._seconds)
        self._connection = (host, connection)  # what close() closes
        return connection
