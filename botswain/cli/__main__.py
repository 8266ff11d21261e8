"""`python -m botswain.cli`, which ./inv runs: Invoke with the tasks of tasks.py."""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from types import ModuleType

from botswain.secrets import redaction

gc.set_threshold(20_000, 10, 10)  # imports make no garbage, and looking for it is a twentieth of every start


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


def main() -> None:
    """Runs what the command line says; exits with its code."""
    redaction.install()
    try:
        _import_invoke()
        from botswain.cli.program import program

        program().run()
    except KeyboardInterrupt:  # before a task began; tasks have their own way to end
        sys.exit("botswain: stopped; nothing was changed")


if __name__ == "__main__":
    main()
