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
