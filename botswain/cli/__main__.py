"""`python -m botswain.cli`, which ./inv runs: Invoke with the tasks of tasks.py."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading
from importlib import import_module
from types import ModuleType
from typing import NoReturn

from botswain.secrets import redaction

_IMPORTS = 60_000
"""Objects that imports make at most; none of them is garbage, and looking for it is a twentieth of every start."""
_WORK = 20_000
"""Objects between two looks for garbage from then on; more would be faster, and take too much memory."""


def _import_invoke() -> None:
    """Imports Invoke without what it seldom uses: half of its start.

    unittest.mock is for a class that only tests use; its YAML reader is loaded when somebody has an invoke.yaml.
    """
    later = "invoke.vendor.yaml"
    sys.modules[later] = _Later(later)
    name = "unittest.mock"
    stand_in = ModuleType(name)
    stand_in.Mock = object  # type: ignore[attr-defined]  # all that Invoke takes from it
    sys.modules[name] = stand_in
    try:
        import invoke.context  # noqa: F401 - loaded now, while the stand-in is there
    finally:
        del sys.modules[name]


class _Later(ModuleType):
    """Stands for a module until something of it is asked for."""

    def __getattr__(self, name: str) -> object:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


def _collect_late() -> None:
    """Has garbage looked for once the imports are through, and then often."""

    def often(_phase: str, _found: object) -> None:
        gc.callbacks.remove(often)
        gc.set_threshold(_WORK, 10, 10)

    gc.set_threshold(_IMPORTS, 10, 10)
    gc.callbacks.append(often)


def main() -> NoReturn:
    """Runs what the command line says; exits with its code."""
    _collect_late()
    redaction.install()
    code: object = None
    try:
        _import_invoke()
        from botswain.cli.program import program

        program().run()
    except KeyboardInterrupt:  # before a task began; tasks have their own way to end
        code = "botswain: stopped; nothing was changed"
    except SystemExit as end:
        code = end.code
    if code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    _end(code or 0)


def _end(code: int) -> NoReturn:
    """Ends as Python does, but for taking apart what the end of the process takes apart anyway: 20 ms of every run."""
    for one in threading.enumerate():
        if one is not threading.current_thread() and not one.daemon:
            one.join()
    atexit._run_exitfuncs()  # noqa: SLF001 - there is no public way
    os._exit(code)


if __name__ == "__main__":
    main()
