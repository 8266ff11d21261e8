"""The served sandbox of a profile: the bot logs in to it, and sees the state that Botswain sees."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

from botswain.host.commands import tail
from botswain.host.errors import HostError
from botswain.host.place import explained, store
from botswain.profile.settings import Profile
from botswain.targets.failures import translated
from botswain.targets.moving import keep, place_of
from botswain.targets.supervisor import Daemon, Program, sandbox_program
from botswain.targets.supervisor import bot as bot_program

_PATIENCE = 30.0
"""Seconds that it may take to start."""
_HOST = "127.0.0.1"


def sandbox_url(profile: Profile) -> str:
    """Its base URL, without `/api/v10`; it is started when it does not run. Raises ServiceError."""
    with translated():
        return started(profile)


def served(profile: Profile) -> str | None:
    """Its base URL where it runs, else None; starts nothing."""
    root = place_of(profile.name).root
    port = _remembered(root)
    if profile.service is None or not profile.sandbox or port is None or not Daemon(root).socket.exists():
        return None
    found = Daemon(root).program("sandbox")
    return _url(port) if found and found["pid"] and _answers(port) else None


def programs(profile: Profile, port: int | None = None) -> tuple[Program, ...]:
    """What supervisord keeps for a profile: its bot, and its sandbox if it has one, at `port` or where it was.

    A sandbox that never ran has no port yet, and is left out.
    """
    assert profile.service is not None  # noqa: S101 - whoever asks has one
    found = bot_program(profile.service.stop_timeout)
    root = place_of(profile.name).root
    port = port or _remembered(root)
    if not profile.sandbox or port is None:
        return (found,)
    # Through a link of the project, so that a running one goes on where the checkout is moved.
    return (found, sandbox_program(root, root.parents[1] / "sandbox" / profile.name, port))


def started(profile: Profile) -> str:
    """As `sandbox_url`. Raises HostError."""
    with explained(place_of(profile.name).root, "keep the sandbox in it"):
        root = keep(profile.name).root
    daemon = Daemon(root)
    if url := served(profile):
        daemon.ensure(programs(profile))
        return url
    port, running = _remembered(root), daemon.program("sandbox")
    if port is None and running and running["pid"]:  # where it listens was forgotten
        daemon.ask("stopProcess", "sandbox")
        running = None
    if port is None or (not (running and running["pid"]) and not _free(port)):
        port = _free_port()
        with explained(root, "keep the sandbox's port in it"):
            root.mkdir(parents=True, exist_ok=True)
            store(root / "sandbox.json", json.dumps({"port": port}).encode())
    daemon.ensure(programs(profile, port))
    found = daemon.program("sandbox")
    if found is None or not found["pid"]:
        daemon.ask("startProcess", "sandbox", False)
    _wait(daemon, port)
    return _url(port)


def _wait(daemon: Daemon, port: int) -> None:
    end = time.monotonic() + _PATIENCE
    while not _answers(port):
        found = daemon.program("sandbox") or {"statename": "GONE"}
        if time.monotonic() > end or found["statename"] in {"GONE", "FATAL", "EXITED", "STOPPED"}:
            log = tail(daemon.root / "logs/sandbox.log", 20)
            what = f"the sandbox did not start ({found['statename'].lower()})"
            raise HostError(what, where=str(daemon.root), fix="see its log; ./inv dev.down, then again", log=log)
        time.sleep(0.03)


def _url(port: int) -> str:
    return f"http://{_HOST}:{port}"


def _remembered(root: Path) -> int | None:
    try:
        found = json.loads((root / "sandbox.json").read_bytes())["port"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if type(found) is int and 0 < found < 65536 else None


def _answers(port: int) -> bool:
    try:
        socket.create_connection((_HOST, port), timeout=2).close()
    except OSError:
        return False
    return True


def _free(port: int) -> bool:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((_HOST, port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as one:
        one.bind((_HOST, 0))
        return int(one.getsockname()[1])
