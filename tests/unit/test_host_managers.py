"""Who keeps the bot's process, and what it says at awkward moments."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import pytest

from botswain.host import managers
from botswain.host.endings import EXPECTED
from botswain.host.errors import HostError
from botswain.host.managers import Supervisor


class Daemon:
    """A supervisord with a program that ends by itself, which it learns just before a question and mends after it."""

    def __init__(self, code: int, ends: int) -> None:
        self.code = code
        self.ends = ends
        """How many times more the program ends before somebody can stop it."""
        self.state = "RUNNING"
        self.starts = 0

    def ask(self, method: str, _program: str, *_arguments: Any, forgive: int = 0) -> Any:
        """Answers as supervisord does."""
        if self.state == "RUNNING" and self.ends:
            self.ends -= 1
            self.state = "EXITED"
        answer: Any = {"statename": self.state, "pid": 7 if self.state == "RUNNING" else 0, "exitstatus": self.code}
        if method == "stopProcess":
            if self.state == "RUNNING":
                self.state = "STOPPED"
            else:
                assert forgive == 70
        if self.state == "EXITED" and self.code not in EXPECTED:
            self.state, self.starts = "RUNNING", self.starts + 1
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("ends", [0, 1, 2, 3])
def test_a_stop_is_not_lost_between_an_end_and_the_next_start(monkeypatch, ends):
    """Supervisord refuses to stop what ended and is about to start again, and then starts it: it is told again."""
    daemon = Daemon(1, ends)
    monkeypatch.setattr(managers, "Rpc", lambda _path: daemon)
    Supervisor(Path("s"), "bot", Path("log"), 1.0).stop()
    assert daemon.state == "STOPPED"
    assert daemon.starts <= ends


def test_what_ended_for_good_needs_no_stop(monkeypatch):
    """An exit code that nobody mends by starting again leaves the program ended."""
    daemon = Daemon(78, 1)
    monkeypatch.setattr(managers, "Rpc", lambda _path: daemon)
    Supervisor(Path("s"), "bot", Path("log"), 1.0).stop()
    assert daemon.state == "EXITED"


def test_what_never_stops_is_told(monkeypatch):
    """A program that ends and starts for ever is no program that was stopped."""
    daemon = Daemon(1, 10**9)
    monkeypatch.setattr(managers, "Rpc", lambda _path: daemon)
    with pytest.raises(HostError, match=r"did not end within 0\.05 s"):
        Supervisor(Path("s"), "bot", Path("log"), 0.05).stop()


def test_the_log_begins_at_the_start(monkeypatch, tmp_path):
    """A verdict carries what the release that was started printed, none of the lines of the one before it."""
    log = tmp_path / "log"
    log.write_text("of the one before\n")
    monkeypatch.setattr(managers, "Rpc", lambda _path: Daemon(0, 0))
    manager = Supervisor(Path("s"), "bot", log)
    assert manager.log(30) == "of the one before"
    manager.start()
    with log.open("a") as file:
        file.write("its own\n")
    assert manager.log(30) == "its own"
    log.rename(tmp_path / "log.1")
    log.write_text("after it was rotated\n")
    assert manager.log(30) == "after it was rotated"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("exited: bot (exit status 1; not expected)", "ended with exit code 1"),
        ("exited: bot (terminated by SIGKILL; not expected)", "ended by SIGKILL"),
        ("exited: sandbox (exit status 2; not expected)", ""),
        ("", ""),
    ],
)
def test_how_the_process_before_ended(monkeypatch, line, told):
    """Supervisord forgets an exit code when it starts a program again; its log has it."""
    daemon = Daemon(0, 0)
    pids = iter([7, 9])

    def ask(method, *_arguments, **_options):
        if method == "readLog":
            return f"INFO spawned: 'bot' with pid 7\n2026-11-27 WARN {line}\nINFO spawned: 'bot' with pid 9\n"
        return {"statename": "STARTING", "pid": next(pids), "exitstatus": 0, "start": 1}

    monkeypatch.setattr(daemon, "ask", ask)
    monkeypatch.setattr(managers, "Rpc", lambda _path: daemon)
    manager = Supervisor(Path("s"), "bot", Path("log"))
    assert manager.process().ended == ""
    assert manager.process().ended == told


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({"statename": "RUNNING", "pid": 7, "exitstatus": 0}, "running"),
        ({"statename": "EXITED", "pid": 0, "exitstatus": 1, "spawnerr": "Bad exit code 1"}, "ended with exit code 1"),
        ({"statename": "EXITED", "pid": 0, "exitstatus": -1, "spawnerr": "Bad exit code -1"}, "ended by a signal"),
        ({"statename": "FATAL", "pid": 0, "exitstatus": 0, "spawnerr": "can't find command"},
         "fatal: can't find command"),
        ({"statename": "STOPPED", "pid": 0, "exitstatus": 0}, "stopped"),
    ],
)  # fmt: skip
def test_a_program_in_words(state, told):
    """An exit code is the program's, whatever supervisord calls it."""
    assert managers.told(state) == told
