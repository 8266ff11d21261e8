"""The supervisord of one environment: it outlives the command that started it, and keeps the bot running.

It is reached through a socket in the environment's folder and nowhere else, and its own environment holds no secret.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botswain
from botswain.host import alone
from botswain.host.endings import EXPECTED
from botswain.host.errors import HostError
from botswain.host.managers import Supervisor
from botswain.host.place import explained, store
from botswain.host.rpc import Rpc
from botswain.targets import processes

LONGEST_ADDRESS = 90
"""Bytes of a path that can be a socket's address on every system, with what supervisord adds to it."""
MARK = "BOTSWAIN_SERVICE"
"""The variable by which everything that supervisord started for a folder can be found."""
_PASSED_ON = frozenset({"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER", "LOGNAME", "SSL_CERT_FILE", "SSL_CERT_DIR"})
_HERE = str(Path(botswain.__file__).parents[1])
_PATIENCE = 20.0
"""Seconds that supervisord may take to start, and to end beyond what its programs take."""
_GRACE = 1.0
"""Seconds that what a stopped bot left behind gets to end."""


@dataclass(frozen=True)
class Program:
    """One program that supervisord keeps."""

    name: str
    command: tuple[str, ...]
    stop_timeout: float
    """Seconds between SIGTERM and SIGKILL."""
    by_itself: bool
    """Whether it starts with supervisord and again whenever it ends."""

    def section(self) -> str:
        """Its part of the configuration. Paths are relative to the environment's folder."""
        restart = "true" if self.by_itself else "unexpected"
        lines = {
            "command": " ".join(_word(one) for one in self.command),
            # supervisord itself still has the path of before when the checkout was moved under it.
            "environment": f"PYTHONPATH={_value(_HERE)}",
            "autostart": "true" if self.by_itself else "false",
            "autorestart": restart,
            # With startsecs, an expected exit that comes early would be tried again all the same.
            "startsecs": "1" if self.by_itself else "0",
            "exitcodes": ",".join(map(str, EXPECTED)),
            "stopsignal": "TERM",
            "stopwaitsecs": f"{max(1, round(self.stop_timeout))}",
            "stopasgroup": "true",
            "killasgroup": "true",
            "redirect_stderr": "true",
            "stdout_logfile": f"logs/{self.name}.log",
            "stdout_logfile_maxbytes": "10MB",
            "stdout_logfile_backups": "5",
        }
        return f"[program:{self.name}]\n" + "".join(f"{name}={value}\n" for name, value in lines.items())


def bot(stop_timeout: float) -> Program:
    """The program that is the bot."""
    # Nobody answers while it starts, and -m and site would take a quarter of the launcher's time.
    launcher = "import sys; from botswain.host.launch import main; main(sys.argv[1:])"
    return Program("bot", (sys.executable, "-S", "-c", launcher, "."), stop_timeout, by_itself=False)


def sandbox_program(root: Path, state: Path, port: int) -> Program:
    """The program that is the served sandbox."""
    argv = (sys.executable, "-m", "botswain.sandbox", "--port", str(port), "--state", os.path.relpath(state, root))
    return Program("sandbox", argv, 10, by_itself=True)


class Daemon:
    """The supervisord of a folder. All methods raise HostError."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.socket = root / "supervisor.sock"
        self._conf = root / "supervisord.conf"
        self._pidfile = root / "supervisord.pid"
        self._taken_over = root / "supervisord.state"
        """Which process took over which configuration whole, so that it is not told again before each start."""

    def ask(self, method: str, *arguments: Any) -> Any:
        """What supervisord answers. Raises HostError when it does not."""
        with Rpc(self.socket) as rpc:
            return rpc.ask(method, *arguments)

    def pid(self) -> int:
        """The process that answers on the socket; 0 when none does."""
        try:
            return int(self.ask("getPID"))
        except HostError:
            return 0

    def program(self, name: str) -> dict[str, Any] | None:
        """What supervisord says of a program; None when it does not run, or does not know it."""
        try:
            found: dict[str, Any] = self.ask("getProcessInfo", name)
        except HostError:
            return None
        return found

    def ensure(self, programs: tuple[Program, ...]) -> None:
        """Have it run, and know these programs. A program that runs gets a changed configuration when it is stopped."""
        with self._alone():
            text = self._configuration(programs)
            if not self._conf.exists() or self._conf.read_text() != text:
                with explained(self._conf, "write it"):
                    store(self._conf, text.encode())
            pid = self.pid()
            if not pid:
                self._clear_away()
                self._start()
                pid = self.pid()
            state = f"{pid} {hashlib.sha256(text.encode()).hexdigest()}".encode()
            if self._taken_over.exists() and self._taken_over.read_bytes() == state:
                return
            if self._refresh(programs):
                with explained(self._taken_over, "write it"):
                    store(self._taken_over, state)

    def down(self, seconds: float) -> list[str]:
        """End it and everything that it started, within `seconds` and a few more; what was ended, in words."""
        if not self.root.is_dir():
            return []
        with self._alone():
            ended = self._known()
            self._stop_bot(seconds)
            for pid in processes.guards(self.root):  # nothing is to come back
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            pid = self.pid()
            if pid:
                with contextlib.suppress(HostError):  # it ends while it answers
                    self.ask("shutdown")
                processes.wait_for_end(lambda: [one for one in self._all() if one == pid], seconds + _PATIENCE)
            self._end_all(_GRACE if pid else seconds)
            for path in (self.socket, self._pidfile):
                with contextlib.suppress(OSError):
                    path.unlink()
        return ended

    def _stop_bot(self, seconds: float) -> None:
        """Stop the bot before what it talks to: it says goodbye to a sandbox that is there, and waits for none."""
        with contextlib.suppress(HostError):
            if self.program("bot") is not None:
                Supervisor(self.socket, "bot", self.root / "logs/bot.log", seconds + _PATIENCE).stop()

    def _known(self) -> list[str]:
        try:
            found = self.ask("getAllProcessInfo")
        except HostError:
            return [f"process {pid}" for pid in self._all()]
        return [
            *(f"{one['name']} (process {one['pid']})" for one in found if one["pid"]),
            f"supervisord ({self.pid()})",
        ]

    def _all(self) -> list[int]:
        """Every process that belongs to this folder."""
        return processes.of(self.root)

    def _start(self) -> None:
        with explained(self.root, "keep logs in it"):
            (self.root / "logs").mkdir(parents=True, exist_ok=True)
        variables = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        variables["PATH"] = alone.search_path(variables)
        variables |= {MARK: str(self.root), "PYTHONPATH": _HERE}
        argv = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self._conf)]
        try:
            done = subprocess.run(
                argv, cwd=self.root, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                check=False, timeout=_PATIENCE,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            what = f"supervisord did not start within {_PATIENCE:g} s"
            raise HostError(what, where=str(self._conf), fix=f"see {self.root}/supervisord.log") from None
        if done.returncode:
            reason = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()
            told = next((line for line in reason if line.startswith("Error")), reason[-1])
            if "No module named" in told:
                raise HostError("supervisord is not installed", where=sys.prefix, fix="run ./inv again; it installs it")
            raise HostError(
                f"supervisord did not start: {told}", where=str(self._conf), fix=f"see {self.root}/supervisord.log"
            )
        end = time.monotonic() + _PATIENCE
        while not self.pid():
            if time.monotonic() > end:
                raise HostError(
                    "supervisord does not answer", where=str(self.socket), fix=f"see {self.root}/supervisord.log"
                )
            time.sleep(0.02)

    def _clear_away(self) -> None:
        """Whatever is left of a supervisord that was killed, or that lost its socket: there is to be one bot only."""
        self._end_all(_PATIENCE)
        for path in (self.socket, self._pidfile):
            path.unlink(missing_ok=True)

    def _end_all(self, seconds: float) -> None:
        """End every process of the folder: SIGTERM, and SIGKILL after so many seconds. Raises HostError."""
        left = processes.end(self._all, seconds)
        if left:
            raise HostError(f"process {left[0]} does not end", where=str(self.root), fix=f"kill -9 {left[0]}")

    def _refresh(self, programs: tuple[Program, ...]) -> bool:
        """Have it take over what the file says of programs that do not run; whether that was everything."""
        added, changed, removed = self.ask("reloadConfig")[0]
        for name in (*changed, *removed):
            if self._stopped(name):
                self.ask("removeProcessGroup", name)
        for name in (*changed, *added):
            if self.program(name) is None and name in {one.name for one in programs}:
                self.ask("addProcessGroup", name)
        return not any(self.ask("reloadConfig")[0])

    def _stopped(self, name: str) -> bool:
        found = self.program(name)
        return found is not None and found["pid"] == 0

    def _configuration(self, programs: tuple[Program, ...]) -> str:
        head = (
            "; Written by Botswain; changes are lost.\n"
            f"[unix_http_server]\nfile={self._address()}\nchmod=0700\n\n"
            "[supervisord]\ndirectory=%(here)s\nlogfile=supervisord.log\nlogfile_maxbytes=1MB\nlogfile_backups=2\n"
            "pidfile=supervisord.pid\nminfds=256\n\n"
            "[rpcinterface:supervisor]\n"
            "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n\n"
        )
        return head + "\n".join(program.section() for program in programs)

    def _address(self) -> str:
        """The socket as supervisord is to bind it: a path beyond what an address takes is named by its own folder."""
        whole = os.fsencode(self.socket)
        return "/proc/self/cwd/supervisor.sock" if len(whole) > LONGEST_ADDRESS else "%(here)s/supervisor.sock"

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time starts or ends it. The folder itself is the lock: a full disk hinders no stop."""
        with explained(self.root, "keep a service in it"):
            self.root.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _word(text: str) -> str:
    """A word of a command in the configuration. Raises HostError for one that its format cannot hold."""
    if any(mark in text for mark in (" ;", " #", "\n", "\t;", "\t#")):
        raise HostError("supervisord cannot be told of this path", where=text, fix="move it to one without # and ;")
    return shlex.quote(text).replace("%", "%%")


def _value(text: str) -> str:
    """A variable's value for supervisord, which knows no escape within quotes."""
    _word(text)
    return '"{}"'.format(text.replace("%", "%%"))
