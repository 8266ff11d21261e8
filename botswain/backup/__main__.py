"""Backups of one environment's database, on the machine where it runs.

    botswain-backup [ENVIRONMENT] run                       make one, prove it, copy it, remove old ones
    botswain-backup [ENVIRONMENT] list                      what there is
    botswain-backup [ENVIRONMENT] verify [ID]               read one or all back whole, and hash their copies
    botswain-backup [ENVIRONMENT] restore ID --into URL     see restore --help
    botswain-backup [ENVIRONMENT] prune                     remove what the configuration lets go

ID: that of a backup, the beginning of it, or `latest` for the newest good one.

The environment may be left out where /etc/botswain/backup has one configuration. Exit codes: 0 done; 1 failed, or a
part: the output says which; 3 refused, nothing was changed.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from botswain.backup import commands, lines, settings
from botswain.backup.errors import BackupError
from botswain.backup.restoring import Order
from botswain.backup.server import Server, secret_file
from botswain.backup.settings import Settings
from botswain.backup.urls import of_url

CONFIGURATIONS = Path("/etc/botswain/backup")
_VERBS = ("run", "list", "verify", "restore", "prune")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    environment = given.pop(0) if given and given[0] not in _VERBS and not given[0].startswith("-") else ""
    words = _parser().parse_args(given, argparse.Namespace(environment=environment))
    before = {number: signal.signal(number, _stopped) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        chosen = _settings(words)
        words.environment = chosen.environment
        document = _carried_out(words, chosen)
    except (BackupError, KeyboardInterrupt) as error:
        known = error if isinstance(error, BackupError) else BackupError("stopped; nothing half-made was kept")
        document = commands.failed(words.verb, words.environment, known)
        _complain(known)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if words.json:
        sys.stdout.write(json.dumps(document, indent=1) + "\n")
    elif "error" not in document:
        sys.stdout.write("".join(f"{line}\n" for line in lines.of(document)))
    sys.stdout.flush()
    return int(document["exitCode"])


def run() -> None:
    """The entry point of a zipapp, which ends with the exit code."""
    sys.exit(main())


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """End with 1: argparse's own 2 would say that there is a difference."""
        self.print_usage(sys.stderr)
        self.exit(1, f"botswain: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser("botswain-backup", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", help="another configuration than that of the environment; - is stdin")
    common = _Parser(add_help=False)
    common.add_argument("--json", action="store_true", help="print one JSON document")
    common.add_argument("--quiet", action="store_true", help="say nothing on the way")
    waiting = _Parser(add_help=False)
    waiting.add_argument("--wait", type=float, default=0, metavar="SECONDS", help="wait for another run to end")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="|".join(_VERBS))
    run = verbs.add_parser("run", parents=[common, waiting])
    run.add_argument("--keep-all", action="store_true", help="remove no older ones this time")
    verbs.add_parser("list", parents=[common])
    verify = verbs.add_parser("verify", parents=[common, waiting])
    verify.add_argument("id", nargs="?", default="", metavar="ID")
    verify.add_argument("--here", action="store_true", help="leave the copies in second places alone")
    verify.add_argument(
        "--restore", action="store_true", help="restore it into a scratch database, too; default: latest"
    )
    verify.add_argument("--accept", action="store_true", help="this suspicious one is as it should be")
    restore = verbs.add_parser("restore", parents=[common])
    restore.add_argument("id", metavar="ID")
    restore.add_argument("--into", required=True, metavar="URL", help="the database, without a password; - reads stdin")
    restore.add_argument("--password-file", default="", metavar="FILE", help="a file (0600) with its password alone")
    restore.add_argument("--create", action="store_true", help="create the database first")
    restore.add_argument("--replace", action="store_true", help="drop what is in the backup first")
    restore.add_argument("--cascade", action="store_true", help="drop what depends on that, too")
    restore.add_argument("--over-source", action="store_true", help="it may be the database that was dumped")
    restore.add_argument("--in-use", action="store_true", help="others may be using that database meanwhile")
    restore.add_argument("--no-owner", action="store_true", help="leave owners and grants out")
    restore.add_argument("--without-extension", default="", metavar="NAME[,NAME]", help="leave these out")
    restore.add_argument("--dry-run", action="store_true", help="only say what would be done")
    prune = verbs.add_parser("prune", parents=[common, waiting])
    prune.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    prune.add_argument("--only", default="", metavar="ID", help="this one, although the configuration would keep it")
    return parser


def _settings(words: argparse.Namespace) -> Settings:
    if words.config == "-":
        return settings.parse(sys.stdin.buffer.readline(), "stdin", secret=True)
    if words.config:
        return settings.load(Path(words.config))
    if words.environment:
        return settings.load(CONFIGURATIONS / f"{words.environment}.json")
    found = sorted(CONFIGURATIONS.glob("*.json"))
    if len(found) != 1:
        names = ", ".join(path.stem for path in found) or "none"
        raise BackupError("no environment given", where=str(CONFIGURATIONS), fix=f"say which; there are: {names}")
    return settings.load(found[0])


def _say(words: argparse.Namespace) -> Callable[[str], None]:
    """Tells a person what goes on; cron sends what is printed, so it says nothing off a terminal."""

    def say(text: str) -> None:
        if not words.quiet and sys.stderr is not None and sys.stderr.isatty():
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()

    return say


def _carried_out(words: argparse.Namespace, chosen: Settings) -> dict[str, Any]:
    say = _say(words)
    if words.verb == "run":
        return commands.run(chosen, say, wait=words.wait, prune=not words.keep_all)
    if words.verb == "list":
        return commands.list_(chosen)
    if words.verb == "verify":
        return commands.verify(
            chosen, words.id, say, copies=not words.here, accept=words.accept, restore=words.restore, wait=words.wait
        )
    if words.verb == "prune" and words.only:
        return commands.discard(chosen, words.only)
    if words.verb == "prune":
        return commands.prune(chosen, dry=words.dry_run, wait=words.wait)
    order = Order(
        words.id, _target(words, chosen), run_as=chosen.run_as, create=words.create, over_source=words.over_source,
        replace=words.replace, cascade=words.cascade, in_use=words.in_use, no_owner=words.no_owner,
        without_extensions=tuple(filter(None, words.without_extension.split(","))),
    )  # fmt: skip
    return commands.restore(chosen, order, say, dry=words.dry_run)


def _target(words: argparse.Namespace, chosen: Settings) -> Server:
    """The database to restore into. Raises BackupError for a password where other users would see it."""
    text = sys.stdin.readline().strip() if words.into == "-" else words.into
    into = of_url(text)
    if words.into != "-" and into.password:
        what = "holds a password, which every user of this machine can read in the list of processes"
        fix = "leave it out and say --password-file FILE, or say --into - and give the URL on stdin"
        raise BackupError(what, where="--into", fix=fix)
    password = secret_file(Path(words.password_file)) if words.password_file else into.password
    return replace(into, password=password, passfile=chosen.server.passfile)


def _complain(error: BackupError) -> None:
    sys.stderr.write(f"botswain: {error}\n")
    for line in error.log.splitlines():
        sys.stderr.write(f"  | {line}\n")
    sys.stderr.flush()


def _stopped(_signal: int, _frame: object) -> None:
    """SIGTERM is somebody's Ctrl-C: what is under way leaves nothing."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    run()
