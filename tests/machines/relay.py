"""Leads a port of a machine's 127.0.0.1 to a port of this computer's; a process that ends with the machine.

`relay.py PID PORT TO [JOINED...]`: PID is a process in the machine, JOINED are the files of the control groups to join.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

LOOPBACK = "127.0.0.1"
CLONE_NEWNET = 0x40000000
IP_FREEBIND = 15


class Relay:
    """The process, as this one started it."""

    def __init__(self, pid: int, port: int, to: int, joined: Iterable[Path]) -> None:
        """Returns when the port answers; raises OSError when it cannot be had."""
        words = [sys.executable, "-I", __file__, str(pid), str(port), str(to), *map(str, joined)]
        self._process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        )
        assert self._process.stdout
        with self._process.stdout as printed:
            said = printed.readline()
            if said != b"ready\n":
                self.end()
                raise OSError(f"no relay at port {port}: {(said + printed.read()).decode(errors='replace')}")

    def end(self) -> None:
        """Ends it."""
        self._process.kill()
        self._process.wait()


def listening(pid: int, port: int) -> socket.socket:
    """A socket that listens in the network of the process, and is served in this one."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    away = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    _move(away)
    try:
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)  # the machine may not have its loopback yet
        made.bind((LOOPBACK, port))
        made.listen(64)
    finally:
        _move(home)
    return made


def _move(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Carries one direction, and its end."""
    with contextlib.suppress(OSError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
        sink.write_eof()


async def serve(pid: int, port: int, to: int) -> None:
    """Serves until the process ends."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(LOOPBACK, to)
        except OSError:
            writer.transport.abort()  # a reset: nearest to a refusal that comes after the connection
            return
        await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer))
        for one in (writer, far_writer):
            one.close()

    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(os.pidfd_open(pid), ended.set)
    async with await asyncio.start_server(answer, sock=listening(pid, port)):
        print("ready", flush=True)  # noqa: T201 - whoever started this waits for it
        await ended.wait()


def main(pid: str, port: str, to: str, *joined: str) -> None:
    """Joins the machine's control groups, so that what ends the machine ends this too."""
    for one in joined:
        Path(one).write_text(str(os.getpid()))
    asyncio.run(serve(int(pid), int(port), int(to)))


if __name__ == "__main__":
    main(*sys.argv[1:])
