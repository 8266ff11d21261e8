"""Leads a port of this computer's 127.0.0.1 to another address, as if that were far away.

`distance.py SECONDS ADDRESS PORT` prints the port that it listens at. What is sent arrives so many seconds later, each
way. For computers whose kernel has no netem.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def far(address: str, port: int, seconds: float) -> Iterator[int]:
    """The port here by which an address is reached, with a delay each way."""
    words = [sys.executable, "-I", __file__, str(seconds), address, str(port)]
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter, seconds: float) -> None:
    """Carries one direction, each piece at its own time, and its end."""
    pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    async def deliver() -> None:
        while True:
            due, data = await pieces.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not data:
                sink.write_eof()
                return
            sink.write(data)
            await sink.drain()

    delivering = asyncio.create_task(deliver())
    with contextlib.suppress(OSError):
        while data := await source.read(65536):
            pieces.put_nowait((loop.time() + seconds, data))
    pieces.put_nowait((loop.time() + seconds, b""))
    with contextlib.suppress(OSError):
        await delivering


async def serve(seconds: float, address: str, port: int) -> None:
    """Serves until the process ends."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(address, port)
        await asyncio.gather(carry(reader, far_writer, seconds), carry(far_reader, writer, seconds))
        for one in (writer, far_writer):
            one.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - whoever started this reads it
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
