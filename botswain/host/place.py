"""The folder that holds one bot on one machine, and how it is to be run.

mirror.git/         the bot's commits, pushed here by the controller
releases/<id>/      one directory a release, built where it stays
current             a link to the live one
shared/             what all releases share: data, files that no commit holds
cache/              of npm, pip and the like, kept from build to build
logs/               of builds
ledger.jsonl        what became of every release
service.json        how to build, start and check it
services/<id>.json  the same as each release was made with: going back to a release goes back to that, too
credentials/        secrets, a file each
secrets.json        those that the last deployment brought
starts.json         when the bot was started lately
switch.json         a switch under way that nobody has confirmed yet
reverting.json      a way back that is under way
confirmed.json      a switch that was confirmed and is not in the ledger yet
halted.json         who stopped the bot by hand: it stays so until a person says otherwise
cancelled           the last run that its controller called off
moved.json          where this folder lay before
.env                empty: where a search ends that goes upward from a release
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from botswain.host.errors import HostError

Argv = tuple[str, ...]
_DAMAGED = (ValueError, TypeError, KeyError, AttributeError)
"""What reading a document raises that is none of ours."""


@dataclass(frozen=True)
class Health:
    """How to find out whether the bot is well."""

    alive: str | None = None
    """URL that answers 200 as long as the process works."""
    ready: str | None = None
    """URL that answers 200 once the bot is logged in."""
    deadline: float = 60.0
    """Seconds from the start until it must be ready."""
    stable_for: float = 10.0
    """Seconds that it must stay so."""
    interval: float = 0.1
    """Seconds between looks."""
    timeout: float = 3.0
    """Seconds that one answer may take, and that a bot which was ready may not be so while it has to stay so."""


@dataclass(frozen=True)
class Service:
    """How one bot is built, started, checked and stopped."""

    name: str
    run: Argv
    build: tuple[Argv, ...] = ()
    lint: tuple[Argv, ...] = ()
    test: tuple[Argv, ...] = ()
    build_timeout: float = 900.0
    """Seconds that each of these commands may take."""
    shared: tuple[str, ...] = ()
    """Paths in a release that are links into shared/; one that ends in `/` is a folder."""
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    """By environment variable: the file in credentials/ that holds its value."""
    health: Health = field(default_factory=Health)
    stop_timeout: float = 15.0
    """Seconds between SIGTERM and SIGKILL."""
    keep: int = 5
    """Good releases to keep beside the live one."""
    free_space: int = 200_000_000
    """Bytes that must be free before a build begins."""
    manager: Mapping[str, str] = field(default_factory=dict)
    """Who runs the process: `kind` is supervisor or systemd, the rest is for that."""
    user: str = ""
    """Who builds and runs it where the engine is root; empty for whoever we are."""


class Place:
    """The paths of one bot's folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.mirror = root / "mirror.git"
        self.releases = root / "releases"
        self.current = root / "current"
        self.shared = root / "shared"
        self.cache = root / "cache"
        self.logs = root / "logs"
        self.credentials = root / "credentials"
        self.brought = root / "secrets.json"
        self.ledger = root / "ledger.jsonl"
        self.service = root / "service.json"
        self.services = root / "services"
        self.starts = root / "starts.json"
        self.running = root / ".running"
        self.switch = root / "switch.json"
        self.reverting = root / "reverting.json"
        self.confirmed = root / "confirmed.json"
        self.halted = root / "halted.json"
        self.cancelled = root / "cancelled"
        self.moved = root / "moved.json"

    def roots(self) -> list[Path]:
        """This folder, and where it lay before: a process that was started there is known by that."""
        try:
            before = [Path(one) for one in json.loads(self.moved.read_bytes())["from"]]
        except (OSError, *_DAMAGED):
            before = []
        return [self.root, *before]

    def release(self, identity: str) -> Path:
        """The directory of a release."""
        return self.releases / identity

    def live(self) -> str | None:
        """The release that `current` leads to, whether or not its directory is still there."""
        try:
            return self.current.readlink().name
        except FileNotFoundError:
            return None
        except OSError as error:
            what = f"is no link ({error.strerror})"
            raise HostError(what, where=str(self.current), fix="move it away; nothing else belongs there") from None

    def link(self, identity: str | None) -> None:
        """Make `current` lead to a release, at once and durably; None removes it."""
        if identity is None:
            with contextlib.suppress(FileNotFoundError):
                self.current.unlink()
        elif identity != self.live():
            self.aim(identity).replace(self.current)
        sync(self.root)

    def aim(self, identity: str) -> Path:
        """Get a link to a release ready, so that `link` has nothing left to write: the disk may be full by then."""
        draft = self.root / f".to-{identity}"
        if not draft.is_symlink():
            draft.symlink_to(Path("releases") / identity)
        return draft

    def load(self, release: str | None = None) -> Service:
        """How this bot is run, as it was last stored here; for a release, as that was made, by today's manager.

        Raises HostError where nothing was stored, or what was is damaged.
        """
        made = self._made(release) if release else None
        try:
            newest = parse(json.loads(self.service.read_bytes()))
        except FileNotFoundError:
            if made is not None:
                return made
            raise HostError("no bot was ever deployed here", where=str(self.root)) from None
        except OSError as error:
            raise HostError(f"cannot be read: {error.strerror}", where=str(self.service)) from None
        except _DAMAGED as error:
            if made is not None:
                return made
            what = f"is damaged ({error})"
            raise HostError(what, where=str(self.service), fix="deploy again; that writes it anew") from None
        return newest if release is None else self.spec(release, newest)

    def spec(self, release: str | None, newest: Service) -> Service:
        """How a release is run: as it was made, by today's manager; `newest` where that was never stored."""
        made = self._made(release) if release else None
        if made is None:
            return newest
        return replace(made, manager=newest.manager, user=newest.user, keep=newest.keep, free_space=newest.free_space)

    def _made(self, release: str) -> Service | None:
        try:
            return parse(json.loads((self.services / f"{release}.json").read_bytes()))
        except (OSError, *_DAMAGED):
            return None

    def store(self, service: Service, release: str | None = None) -> None:
        """Remember how this bot, or one release of it, is run, for those who act without the controller."""
        path = self.services / f"{release}.json" if release else self.service
        with explained(path, "write it"):
            path.parent.mkdir(parents=True, exist_ok=True)
            store(path, json.dumps(asdict(service), indent=1).encode())

    def secret(self, name: str, value: str) -> None:
        """Keep a secret for the bot, in a file that only this user can read."""
        path = self.credentials / name
        with explained(path, "write it"):
            self.credentials.mkdir(parents=True, exist_ok=True)
            self.credentials.chmod(0o700)
            store(path, value.encode(), mode=0o600)


def parse(document: Mapping[str, Any]) -> Service:
    """A Service from its JSON. Raises ValueError, TypeError, KeyError or AttributeError for anything else."""
    known = dict(document)
    known["health"] = Health(**known.get("health", {}))
    for name in ("build", "lint", "test"):
        known[name] = tuple(tuple(one) for one in known.get(name, ()))
    for name in ("run", "shared"):
        known[name] = tuple(known.get(name, ()))
    service = Service(**known)
    if not service.run:
        raise ValueError("run is empty")
    return service


def store(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write a file whole or not at all, durably; one that says so already is left alone."""
    with contextlib.suppress(OSError):
        if path.read_bytes() == data and stat.S_IMODE(path.stat().st_mode) == mode:
            return
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
    sync(path.parent)


def sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def explained(path: Path, doing: str) -> Iterator[None]:
    """Turn an OSError inside into a HostError."""
    try:
        yield
    except OSError as error:
        raise HostError.of(error, path, doing) from error
