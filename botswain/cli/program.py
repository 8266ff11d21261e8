"""Invoke's program, with its own failures told as ours are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from invoke.exceptions import Exit, ParseError
from invoke.program import Program

from botswain import __version__
from botswain.cli.task import report
from botswain.errors import BotswainError, ExitCode
from botswain.wording import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable


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
        fix = self._meant(what) or "./inv --list shows the tasks, ./inv --help TASK its options"
        told = BotswainError(what, fix=fix)
        report(told, ExitCode.FAILED, json="--json" in self.argv)
        raise Exit(code=int(ExitCode.FAILED)) from None

    def _meant(self, what: str) -> str:
        """What somebody probably wanted to say with what nobody knows."""
        unknown = what.removeprefix("No idea what ").removesuffix(" is").strip("'")
        if unknown == what or not hasattr(self, "collection"):
            return ""
        tasks = self.collection.task_names
        known: list[str] = [*tasks]
        if unknown.startswith("-"):
            chosen = next((word for word in self.argv[1:] if word in tasks), None)
            known = _flags(self.collection[chosen]) if chosen else []
        else:
            from botswain.profile.load import names as environments

            if unknown in environments():
                return f"an environment is named with --env {unknown}"
        return nearest(unknown, known).removeprefix("; ") if unknown.startswith("-") else _task_meant(unknown, tasks)


def _task_meant(unknown: str, tasks: Iterable[str]) -> str:
    """The task that is meant, also by its last word: `run` stands for `backup.run`, `restrat` for `service.restart`."""
    import difflib

    named: dict[str, list[str]] = {}
    for name in sorted(tasks):
        for word in {name, name.rpartition(".")[2]}:
            named.setdefault(word, []).append(name)
    near = difflib.get_close_matches(unknown.lower(), named, n=1)
    listed = " or ".join(f'"{name}"' for name in named[near[0]]) if near else ""
    return f"did you mean {listed}?" if near else ""


def _flags(task: Any) -> list[str]:
    return [f"--{name.replace('_', '-')}" for argument in task.get_arguments() for name in argument.names]


def program() -> Inv:
    """The program that runs the tasks of tasks.py."""
    return Inv(name="Botswain", binary="./inv", binary_names=["inv"], version=__version__)
