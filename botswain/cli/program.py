"""Invoke's program, with its own failures told as ours are."""

from __future__ import annotations

from typing import NoReturn

from invoke.exceptions import Exit, ParseError
from invoke.program import Program

from botswain import __version__
from botswain.cli.task import report
from botswain.errors import BotswainError, ExitCode


class Inv(Program):
    """Invoke's program. A command line that it cannot read is one line and, with --json, one document."""

    def parse_core(self, argv: list[str] | None) -> None:
        """Reads the options before the first task."""
        try:
            super().parse_core(argv)
        except (ParseError, ValueError) as error:
            self._unreadable(error)

    def parse_tasks(self) -> None:
        """Reads the tasks and theirs."""
        try:
            super().parse_tasks()
        except (ParseError, ValueError) as error:
            self._unreadable(error)

    def no_tasks_given(self) -> None:
        """`./inv` alone shows what there is."""
        self.list_tasks()
        raise Exit

    def _unreadable(self, error: Exception) -> NoReturn:
        what = str(error).rstrip("!")
        if isinstance(error, ValueError):  # int() in Invoke's parser
            what = f"{what.rpartition(': ')[2]} is not a whole number"
        told = BotswainError(what, fix="./inv --list shows the tasks, ./inv --help TASK its options")
        report(told, ExitCode.FAILED, json="--json" in self.argv)
        raise Exit(code=int(ExitCode.FAILED)) from None


def program() -> Inv:
    """The program that runs the tasks of tasks.py."""
    return Inv(name="Botswain", binary="./inv", binary_names=["inv"], version=__version__)
