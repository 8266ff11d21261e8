"""A unit of systemd, which keeps the bot's process on a server.

The unit itself is provisioned. Two files beside it are ours: one tells systemd which secrets to hand to the bot and how
long it may take to stop, the other, which a reboot removes, keeps it from starting the bot again by itself.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import time
from collections.abc import Collection
from pathlib import Path

from botswain.host import endings
from botswain.host.errors import HostError
from botswain.host.gate import Process
from botswain.host.place import Place, Service, explained, store

ETC = Path("/etc/systemd/system")
RUN = Path("/run/systemd/system")
_EQUIPMENT = "50-botswain.conf"
_ONCE = "90-started-once.conf"
_SECRET = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_GRACE = 15.0
"""Seconds that systemd may take for a job beyond what the bot may."""
_MISSING = 5
"""systemctl's exit code for a unit that is not there."""
_ASKED = (
    "LoadState", "ActiveState", "SubState", "MainPID", "ExecMainStartTimestampMonotonic", "ExecMainCode",
    "ExecMainStatus", "Result", "NRestarts",
)  # fmt: skip
_EXITED = "1"
"""CLD_EXITED, as systemd tells it: the process ended by itself."""
_OWN = {200: "CHDIR", 203: "EXEC", 216: "GROUP", 217: "USER", 226: "NAMESPACE", 228: "SECCOMP", 243: "CREDENTIALS"}
"""Exit codes by which systemd says what it could not do before the bot's first instruction."""
_RESULTS = {
    "start-limit-hit": "was started too often",
    "oom-kill": "was killed for want of memory",
    "timeout": "did not end in time, and was killed",
    "resources": "could not be started: systemd lacks something that it needs (see the journal)",
}


class Systemd:
    """A unit of systemd, asked through systemctl."""

    def __init__(self, unit: str, patience: float = 15.0) -> None:
        self._unit = unit
        self._patience = patience + _GRACE
        self._since = 0.0
        """When it was started here last, in Unix seconds."""

    def start(self, *, restarts: bool = True) -> None:
        """Start the unit, also after its start limit was hit; returns when its process is there, or has failed to be.

        Without `restarts` it is started once, and not again by itself until the next start with them.
        """
        self._limited(not restarts)
        _systemctl("reset-failed", self._unit, check=False)  # forgets its starts so far, too
        self._since = time.time()
        done = _systemctl("start", self._unit, check=False, seconds=self._patience)
        if done.returncode == _MISSING or "not found" in done.stderr or "masked" in done.stderr:
            raise HostError(_reason(done), where=self._unit, fix="provision the host; that installs it")

    def stop(self) -> bool:
        """Stop the unit; returns when every process of it is gone: whether one had to be killed."""
        began = time.monotonic()
        done = _systemctl("stop", self._unit, check=False, seconds=self._patience)
        if done.returncode not in (0, _MISSING):
            raise HostError(f"systemctl stop: {_reason(done)}", where=self._unit)
        long = time.monotonic() - began >= self._patience - _GRACE
        return long and self._show(("Result",)).get("Result") == "timeout"

    def process(self) -> Process:
        """What the unit's main process does."""
        found = self._show(_ASKED)
        pid = int(found.get("MainPID") or 0)
        running = pid > 0 and found["ActiveState"] in {"active", "activating", "reloading"}
        since = float(found.get("ExecMainStartTimestampMonotonic") or 0) / 1e6
        return Process(running, pid, since, _told(found, running))

    def log(self, lines: int) -> str:
        """The last lines that the unit's processes printed, since it was started here."""
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(["journalctl", "--sync"], capture_output=True, check=False, timeout=5)
            argv = ["journalctl", "--no-pager", "--quiet", "--output=cat", f"--lines={lines}"]
            argv += [f"--since=@{self._since:.6f}"] if self._since else []
            done = subprocess.run(
                [*argv, f"_SYSTEMD_UNIT={self._unit}"], capture_output=True, text=True, errors="replace",
                check=False, timeout=30,
            )  # fmt: skip
            return done.stdout.rstrip()
        return ""

    def _show(self, names: tuple[str, ...]) -> dict[str, str]:
        text = _systemctl("show", self._unit, f"--property={','.join(names)}").stdout
        return dict(line.partition("=")[::2] for line in text.splitlines())

    def _limited(self, once: bool) -> None:
        path = RUN / f"{self._unit}.d" / _ONCE
        if once != path.exists():
            with explained(path, "keep systemd from starting the bot again"):
                if once:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    store(path, b"# Discord's logins of the day are spent.\n[Service]\nRestart=no\n")
                else:
                    path.unlink()
            _systemctl("daemon-reload")


def equip(place: Place, service: Service, without: Collection[str] = ()) -> None:
    """Have systemd hand the bot the secrets that there are, and give it the time to stop that the profile says.

    `without` are secrets that are about to go.

    Tells systemd only when something changed.
    """
    names = sorted(path.name for path in place.credentials.iterdir()) if place.credentials.is_dir() else []
    names = [one for one in names if _SECRET.fullmatch(one) and one not in without]
    loads = [f"LoadCredential={one}:{place.credentials / one}\n" for one in names]
    text = "".join(
        [
            "# Written by botswain-host; changes are lost.\n[Service]\n",
            *loads,
            f"TimeoutStopSec={max(0.1, service.stop_timeout):.1f}\n",
        ]
    )
    path = ETC / f"{service.manager['unit']}.d" / _EQUIPMENT
    with explained(path, "write it"):
        if path.exists() and path.read_text() == text:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        store(path, text.encode())
    _systemctl("daemon-reload")


def owns(unit: str, pid: int) -> bool:
    """Whether a process belongs to a unit."""
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
        return any(unit in line.split(":", 2)[-1].split("/") for line in lines)
    return False


def since(process: Process) -> float:
    """When a process was started, in Unix seconds; 0 where none runs."""
    return round(time.time() - time.monotonic() + process.since, 3) if process.running else 0.0


def _told(found: dict[str, str], running: bool) -> str:
    if found.get("LoadState") == "not-found":
        return "its unit is not there: the host was never provisioned"
    if running:
        times = int(found.get("NRestarts") or 0)
        return f"running, after {times} unexpected ends" if times else "running"
    if found.get("SubState", "").startswith("stop"):
        return "stopping"
    if found.get("ExecMainStartTimestampMonotonic") == "0":
        return "stopped"
    if found.get("SubState") == "auto-restart":
        return f"{_ended(found)}, and is about to be started again"
    # The result is what the last process died of, also where it is the start limit that keeps the unit down.
    return _ended(found) + (", also when it was started again" if found.get("NRestarts", "0") != "0" else "")


def _ended(found: dict[str, str]) -> str:
    result, status = found.get("Result", ""), int(found.get("ExecMainStatus") or 0)
    if result in _RESULTS:
        return _RESULTS[result]
    if found.get("ExecMainCode") == _EXITED and status in _OWN:
        return f"could not be set up by systemd ({status}/{_OWN[status]}); see the journal, or provision the host again"
    if found.get("ExecMainCode") == _EXITED:
        return endings.told(status)
    return "stopped" if result == "success" else f"ended by signal {status}"


def _systemctl(
    verb: str, *arguments: str, check: bool = True, seconds: float = 60.0
) -> subprocess.CompletedProcess[str]:
    argv = ["systemctl", "--no-ask-password", verb, *arguments]
    unit = arguments[0] if arguments else "systemd"
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=seconds)
    except FileNotFoundError:
        raise HostError("systemctl is not there; the bot is kept by systemd", where=unit) from None
    except subprocess.TimeoutExpired:
        raise HostError(f"systemctl {verb} did not end within {seconds:g} s", where=unit) from None
    if check and done.returncode:
        raise HostError(f"systemctl {verb}: {_reason(done)}", where=unit)
    return done


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[0]
