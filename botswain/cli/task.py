"""The frame around every task: redaction, one line for a failure, exit codes, `--json` and signals."""

from __future__ import annotations

import functools
import json as jsonlib
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from invoke.exceptions import Exit
from invoke.tasks import task as invoke_task

from botswain.errors import BotswainError, ExitCode, InvalidInput
from botswain.secrets import redaction
from botswain.secrets.environment import register_secrets
from botswain.secrets.visible import one_line

_HALF = "write the character whole where the text comes from; --debug shows where it was used"
_HELP = {
    "env": "the environment: the name of a file in profiles/",
    "dry_run": "show what would happen and change nothing",
    "yes": "go on without asking; never covers large deletions",
    "wait": "seconds to wait while another run holds the lock",
    "allow_delete": "permit that many deletions in all, where --yes is not enough",
    "json": "print one JSON document on stdout, everything else on stderr",
    "debug": "show the traceback of a failure",
}


def task(
    name: str | None = None, *, collection: str = "", default: bool = False, **help_: str
) -> Callable[[Callable[..., Any]], Any]:
    """Makes an Invoke task of a function. What it returns is the exit code; None stands for 0.

    `collection` is the one that tasks.py puts it in, for the name that `--json` tells.
    """

    def wrap(body: Callable[..., Any]) -> Any:
        @functools.wraps(body)
        def framed(context: Any, *arguments: Any, **options: Any) -> None:
            told = {
                "task": f"{collection}.{name}" if collection else name or body.__name__,
                "environment": options.get("env") or None,
            }
            with _reporting(told, json=options.get("json", False), debug=options.get("debug", False)):
                code = body(context, *arguments, **options)
                _all_said(code)
            if code:
                raise Exit(code=int(code))

        parameters = body.__code__.co_varnames[1 : body.__code__.co_argcount]
        known = {one: text for one, text in {**_HELP, **help_}.items() if one in parameters}
        return invoke_task(framed, name=name, default=default, help=known, auto_shortflags=False)

    return wrap


@contextmanager
def _reporting(told: dict[str, Any], *, json: bool, debug: bool) -> Iterator[None]:
    redaction.install()
    before = signal.signal(signal.SIGTERM, _terminated)
    try:
        register_secrets()
        yield
    except BotswainError as error:
        report(error, error.code, json=json, told=told)
        _raise(error, error.code, debug=debug)
    except KeyboardInterrupt as error:
        stopped = BotswainError("stopped; nothing was changed")
        report(stopped, stopped.code, json=json, told=told)
        _raise(error, stopped.code, debug=debug)
    except Exit:
        raise
    except UnicodeEncodeError as error:
        half = BotswainError(
            f"a text holds half of a surrogate pair (U+{ord(error.object[error.start]):04X})", fix=_HALF
        )
        report(half, ExitCode.FAILED, json=json, told=told)
        _raise(error, ExitCode.FAILED, debug=debug)
    except Exception as error:  # noqa: BLE001 - a person gets one line; --debug has the rest
        what = " ".join(f"internal error: {type(error).__name__}: {error}".split())
        internal = BotswainError(what, fix="--debug shows where")
        report(internal, ExitCode.FAILED, json=json, told=told)
        _raise(error, ExitCode.FAILED, debug=debug)
    finally:
        signal.signal(signal.SIGTERM, before)


def _all_said(code: Any) -> None:
    """Raises BotswainError for a success that could not be told; `| head` is no failure."""
    sys.stdout.flush()
    lost = getattr(sys.stdout, "lost", None)
    if lost is not None and not isinstance(lost, BrokenPipeError) and not code:
        raise BotswainError(f"done, but the output could not be written: {lost.strerror}", where="stdout")


def _terminated(_signal: int, _frame: object) -> None:
    """SIGTERM is somebody's Ctrl-C: what is under way is finished or undone."""
    raise KeyboardInterrupt


def report(error: BotswainError, code: ExitCode, *, json: bool, told: dict[str, Any] | None = None) -> None:
    """Tells a failure: a line a problem on stderr and, with `--json`, the document on stdout, begun with `told`."""
    lines = [str(problem) for problem in error.problems] if isinstance(error, InvalidInput) else [str(error)]
    for line in lines:
        print(f"botswain: {one_line(line)}", file=sys.stderr)
    log = getattr(error, "log", "").splitlines()
    for line in log:
        print(f"  | {line}", file=sys.stderr)
    if json:
        outcome = "refused" if code is ExitCode.REFUSED else "failed"
        end = {"outcome": outcome, "exitCode": int(code), "error": str(error), "problems": lines}
        emit({**(told or {}), **end, **({"log": log} if log else {})})


def _raise(error: BaseException, code: ExitCode, *, debug: bool) -> None:
    if debug:
        import traceback

        traceback.print_exception(error)
    sys.stderr.flush()
    raise Exit(code=int(code)) from None


def emit(document: Any) -> None:
    """Prints the one JSON document of `--json`."""
    # Covered string by string: in finished JSON, what has the shape of a secret may reach over a quotation mark.
    plain = jsonlib.loads(jsonlib.dumps(document, ensure_ascii=False, default=str))
    text = jsonlib.dumps(redaction.clean_structure(plain), indent=2, ensure_ascii=False)
    redaction.write_covered(text + "\n")


def progress(message: str) -> None:
    """Tells a person on stderr what is going on, if anybody still listens: a closed terminal fails no deployment."""
    with suppress(OSError):
        print(message, file=sys.stderr, flush=True)


def on_terminal(*, json: bool) -> bool:
    """Whether somebody is there who can be asked."""
    both = (sys.stdin, sys.stderr)  # None: started with that descriptor closed
    return not json and all(stream is not None and stream.isatty() for stream in both)


def ask(question: str) -> bool:
    """Asks on the terminal; anything but yes is no."""
    print(f"\nThis would {question}. Go on? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def dry(context: Any, *, dry_run: bool) -> bool:
    """Whether this run is a preview: `--dry-run`, or Invoke's own --dry, which must never change anything."""
    return dry_run or bool(context.config.run.dry)


def environment(env: str) -> str:
    """The environment that was asked for. Raises BotswainError naming the choices when none was."""
    if env:
        return env
    from botswain.profile.load import names

    raise BotswainError("no environment given", fix=f"say --env, one of: {', '.join(names()) or 'none yet'}")
