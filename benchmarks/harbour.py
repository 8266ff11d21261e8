"""A sample bot as the service of a project, and the same bot started and stopped by hand beside it."""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from benchmarks.project import APPLICATION, ENVIRONMENT, TOKEN, Project, guilds, project, repository, typical
from benchmarks.published import cache
from botswain.host import probe
from tests.clients.harbour import FOLDER, Sample, sample

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

COMMANDS = 50
_INTERVAL = 0.01
"""Seconds between looks at /readyz, whoever started the bot."""
_PATIENCE = 60.0
"""Seconds that a start or a stop by hand may take."""
_CRASH = """

import asyncio, os
_connected = Harbour.on_connect

async def _sink(self):
    await _connected(self)
    await asyncio.sleep({after})
    os._exit(1)

Harbour.on_connect = _sink
"""


@dataclass(frozen=True)
class Harbour:
    """A project whose service runs, with a sandbox of its own that outlives every stop of the bot."""

    place: Project
    port: int
    sample: Sample

    def commit(self, change: str, *, crash: float | None = None) -> None:
        """Commits a small change of the bot; with `crash`, it dies that many seconds after each login."""
        name, comment = _MODULES[self.sample.name]
        module = self.place.folder / "bot" / name
        text = (FOLDER / self.sample.name / name).read_text() + f"\n{comment} {change}\n"
        module.write_text(text + ("" if crash is None else _CRASH.format(after=crash)))
        command = ["git", "-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "commit.gpgsign=false"]
        subprocess.run([*command, "commit", "--quiet", "--all", "-m", change], cwd=module.parent, check=True)

    def deploy(self) -> int:
        """Deploys what is committed; 0, or 4 when the release before runs again."""
        child = self.place.start("deploy", "--env", ENVIRONMENT, "--yes")
        out, errors = child.communicate()
        if child.returncode not in {0, 4}:
            raise RuntimeError(f"./inv deploy ended with {child.returncode}:\n{errors[-2000:]}{out[-2000:]}")
        return child.returncode

    @property
    def current(self) -> Path:
        """The folder of the live release."""
        return (self.place.folder / ".botswain" / "service" / ENVIRONMENT / "current").resolve(strict=True)

    def process(self) -> int:
        """The bot's process."""
        found: int = self.place.document("status", "--env", ENVIRONMENT)["service"]["pid"]
        return found

    def identifies(self) -> int:
        """How often it logged in so far, as the sandbox counted it."""
        found: int = self.place.ask("GET", "/sandbox/gateway")["applications"][APPLICATION]["identifies"]
        return found

    def logins_left(self) -> int:
        """How often it may still log in today, as Discord tells."""
        found: int = self.place.ask("GET", "/api/v10/gateway/bot")["session_start_limit"]["remaining"]
        return found


_MODULES = {"harbour-py": ("harbour/bot.py", "#"), "harbour-js": ("src/bot.js", "//")}
"""By bot: a file of its code, and what begins a comment there."""
_LINT = {"harbour-py": [["python3", "-m", "compileall", "-q", "harbour"]]}
"""By bot: what its profile checks it with; for Python that is also what stores the compiled modules."""


@contextmanager
def harbour(*, stable_for: float, name: str = "harbour-py") -> Iterator[Harbour]:
    """A project that has deployed the bot once; in the end nothing of it runs any more.

    The pause of five seconds between two logins is Discord's, and is left out.
    """
    port = free_port()
    with project(limits=False) as place:
        bot = place.folder / "bot"
        known = sample(name, cache(), bot)
        (bot / ".gitignore").write_text(".venv\nnode_modules\n__pycache__\n")
        place.commands(typical(COMMANDS))
        (place.folder / "commands").rename(bot / "commands")
        repository(bot)
        made = Harbour(place, port, known)
        here = f"http://127.0.0.1:{port}"
        health = {"alive": f"{here}/healthz", "ready": f"{here}/readyz", "deadline": 60, "stable_for": stable_for}
        installed = next(one for one in (bot / ".venv", bot / "node_modules") if one.is_symlink())
        service = {
            "run": [*known.argv],
            "build": [["ln", "-s", str(installed.readlink()), installed.name], *_LINT.get(name, ())],
            "port": port,
            "health": health,
        }
        place.profile(repo="bot", guild_ids=guilds(1), service=service)
        try:
            if made.deploy():
                raise RuntimeError("the bot as it is does not run")
            yield made
        finally:
            place.inv("dev.down", "--env", ENVIRONMENT)


class ByHand:
    """The same bot on another port, without anybody who keeps it. Times are seconds."""

    def __init__(self, service: Harbour) -> None:
        self._service = service
        self._port = free_port()
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.wait()

    def start(self) -> float:
        """Starts it from the live release; how long until it is ready."""
        known = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        given = {"PORT": str(self._port), "DISCORD_API": f"{self._service.place.url}/api", "DISCORD_TOKEN": TOKEN}
        begun = time.perf_counter()
        child = self._child = subprocess.Popen(
            self._service.sample.argv,
            cwd=self._service.current,
            env=known | given,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while not ready(self._port):
            if child.poll() is not None or time.perf_counter() - begun > _PATIENCE:
                raise RuntimeError(f"the bot was not ready by hand (exit code {child.poll()})")
            time.sleep(_INTERVAL)
        return time.perf_counter() - begun

    def stop(self) -> float:
        """Tells it to stop; how long until it has."""
        begun = time.perf_counter()
        if self._child is not None:
            # Not wait() with a timeout: it looks every 50 ms, which is as long as the stop itself.
            last = threading.Timer(_PATIENCE, self._child.kill)
            last.start()
            self._child.terminate()
            self._child.wait()
            last.cancel()
        return time.perf_counter() - begun


class Watch:
    """Looks all the time whether the bot is ready, for as long as it is entered."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.looks: list[tuple[float, bool]] = []
        """When, in seconds, and whether it was."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(_INTERVAL):
            good = ready(self._port)
            self.looks.append((time.perf_counter(), good))


def unready(looks: Sequence[tuple[float, bool]]) -> float:
    """Seconds without a ready bot: from the last look at which it still was, to the first at which it is again.

    Raises RuntimeError where that cannot be said: it was not ready at the first or the last look.
    """
    if not looks or not (looks[0][1] and looks[-1][1]):
        raise RuntimeError("the bot is to be ready before and afterwards")
    return sum(after - before for (before, was), (after, now) in itertools.pairwise(looks) if not (was and now))


def ready(port: int) -> bool:
    """Whether the bot at this port answers that it is."""
    return probe.ask(f"http://127.0.0.1:{port}/readyz", 1.0).good


def free_port() -> int:
    """A port that nothing uses now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        found: int = one.getsockname()[1]
        return found
