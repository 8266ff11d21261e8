"""Makes releases from exact commits, checks them, and finds the one to go back to.

A release is built in the directory in which it stays, since virtual environments and caches remember their paths; until
the ledger says `ready` it is no release.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath

from botswain.host import alone, pointers, programs, shared
from botswain.host.commands import environment, git, run
from botswain.host.errors import HostError
from botswain.host.ledger import GOOD, Ledger, Release
from botswain.host.place import Argv, Place, Service, explained
from botswain.host.prune import discard_failed, discard_unfinished, missing, prune
from botswain.host.underway import unfinished
from botswain.host.users import User, as_user, user_of
from botswain.host.users import folder as owned
from botswain.host.written import to_bring, way, written

__all__ = ["Order", "candidate", "check", "prepare", "prune", "recipe", "target"]

_SUBMODULE = "160000"
"""git's mode for another repository's commit."""
_FULL = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


@dataclass(frozen=True)
class Order:
    """Which commit is to become a release, for whom."""

    commit: str
    """Its full id."""
    by: str
    deployment: str
    prefix: str = ""
    """The folder of the commit that is the release, like `bots/harbour`; empty for all of it."""
    lfs: str = ""
    """Where Git LFS keeps the objects of the bot's repository; empty where that is on another machine."""
    held: Mapping[str, str] = field(default_factory=dict)
    """Files that are to be shared and that lie in the work tree from which it is deployed, with their paths there."""


def _silent(_message: str) -> None:
    """Progress that nobody watches."""


def recipe(service: Service, prefix: str = "") -> str:
    """Digest of what decides how a commit becomes a release, and how that is run."""
    parts = [
        service.build,
        service.shared,
        service.run,
        sorted(service.environment.items()),
        sorted(service.secrets.items()),
        _folder(prefix),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def prepare(place: Place, service: Service, order: Order, say: Callable[[str], None] = _silent) -> Release:
    """The release of a commit, built and checked: made now, or an earlier one of the same commit and recipe.

    Raises HostError when it cannot be built or does not pass; nothing but the ledger then knows of it.
    """
    ledger = Ledger(place)
    discard_unfinished(place)
    digest = recipe(service, order.prefix)
    for one in reversed(ledger.releases()):
        same = one.commit == order.commit and one.recipe == digest
        if same and one.state in {"ready", *GOOD} and place.release(one.id).is_dir():
            check(place, service, one, say)
            place.store(service, one.id)
            return ledger.get(one.id)
    failed = [one for one in ledger.releases() if (one.commit, one.recipe, one.state) == (order.commit, digest, "bad")]
    if failed:
        say(f"this commit was bad before ({failed[-1].why or 'nobody knows why'}); it is built anew")
    tree = _tree(place, order)
    _check_space(place, service)
    try:
        return _make(place, service, order, tree, say)
    finally:
        with contextlib.suppress(HostError):
            discard_failed(place, service)


def _make(place: Place, service: Service, order: Order, tree: str, say: Callable[[str], None]) -> Release:
    _check_data(place, service)
    ledger, identity, user = Ledger(place), _identity(place, order.commit), user_of(service)
    folder, log = place.release(identity), place.logs / f"build-{identity}.log"
    began = time.monotonic()
    with explained(place.root, "make a release in it"):
        for needed in (place.releases, place.logs):
            needed.mkdir(parents=True, exist_ok=True)
        for needed in (place.shared, place.cache):
            owned(needed, user)
    ledger.add(identity, "building", commit=order.commit, recipe=recipe(service, order.prefix), by=order.by,
               deployment=order.deployment)  # fmt: skip
    try:
        alone.fence(place)
        with explained(folder, "make the release"):
            owned(folder, user)
            _files(place, tree, folder, user)
            shared.check(place, service, folder, tree, order.held, say)
            as_user(user, lambda: shared.seed(place, service, folder))
        pointers.complete(place, folder, order.lfs, user)
        variables = environment(place, service.environment, user)
        for argv in service.build:
            say(f"building: {shlex.join(argv)}")
            run(argv, folder, variables, log, service.build_timeout, user)
        programs.check(folder, service.run)
        place.store(service, identity)
        _check(place, service, ledger.get(identity), folder, say)
        with explained(folder, "link what releases share"):
            as_user(user, lambda: shared.link(place, service, folder))
        ledger.add(identity, "ready", seconds=round(time.monotonic() - began, 1), settled=round(time.time(), 3))
    except HostError as error:
        with contextlib.suppress(HostError):  # what went wrong first is what has to be told
            ledger.add(identity, "bad", why=error.what)
        raise
    return ledger.get(identity)


def _identity(place: Place, commit: str) -> str:
    base = f"{datetime.now(timezone.utc):%Y%m%d-%H%M%S}-{commit[:8]}"
    taken = {one.id for one in Ledger(place).releases(removed=True)}
    number, identity = 1, base
    while identity in taken or place.release(identity).exists():
        number += 1
        identity = f"{base}-{number}"
    return identity


def _tree(place: Place, order: Order) -> str:
    """The tree that becomes the release. Raises HostError for a commit or folder that is not there."""
    if not _FULL.fullmatch(order.commit):
        raise HostError(f'"{order.commit}" is no full id of a commit', where=str(place.mirror))
    if not place.mirror.is_dir():
        raise HostError("no commits were ever sent here", where=str(place.mirror), fix="deploy; that sends them")
    try:
        git(place, "cat-file", "-e", f"{order.commit}^{{commit}}")
    except HostError as error:
        if error.what == "git is not installed":
            raise
        what = f"commit {order.commit[:12]} is not here"
        raise HostError(
            what, where=str(place.mirror), fix="look whether the commit exists; deploying sends it"
        ) from None
    folder = _folder(order.prefix)
    if folder and not git(place, "ls-tree", "-d", order.commit, folder):
        what = f'commit {order.commit[:12]} has no folder "{folder}"'
        raise HostError(what, fix="correct service.folder in the profile")
    tree = f"{order.commit}:{folder}"
    entries = git(place, "ls-tree", "-r", tree).splitlines()
    if not entries:
        raise HostError(f"commit {order.commit[:12]} holds no files", fix="commit the bot's files first")
    if submodules := [line.partition("\t")[2] for line in entries if line.startswith(f"{_SUBMODULE} ")]:
        what = f"commit {order.commit[:12]} has submodules, which are not taken along: {', '.join(submodules)}"
        fix = "vendor them, install them as dependencies, or remove those that the bot does not need (git rm)"
        raise HostError(what, fix=fix)
    return tree


def _folder(prefix: str) -> str:
    """A prefix in one form. Raises HostError for one that leaves the commit."""
    path = PurePosixPath(prefix)
    if path.is_absolute() or ".." in path.parts:
        raise HostError(f'"{prefix}" is no folder of the bot\'s repository')
    return "" if str(path) == "." else str(path)


def _files(place: Place, tree: str, folder: Path, user: User | None) -> None:
    """The commit's files, all of them: an archive would leave out what .gitattributes says."""
    index = folder.with_name(f".{folder.name}.index")
    try:
        git(place, "read-tree", tree, GIT_INDEX_FILE=str(index))
        git(place, f"--work-tree={folder}", "checkout-index", "--all", "--force", user=user, GIT_INDEX_FILE=str(index))
    finally:
        index.unlink(missing_ok=True)


def _check_data(place: Place, service: Service) -> None:
    """Raise HostError for data that is to be shared and that only the live release has."""
    live, left = place.live(), to_bring(place, service.shared, written(place))
    if live and left:
        what = f"{left[0]} is to be shared by all releases, and its data is still in the live release alone"
        fix = f"bring it along: {way(str(place.root), service, live, left[0])}"
        raise HostError(what, where=str(place.release(live)), fix=fix)


def check(place: Place, service: Service, release: Release, say: Callable[[str], None] = _silent) -> None:
    """Run the lint and test commands that this very release has not passed yet. Raises HostError.

    It may be running: what it shares with that bot is not there but as a copy.
    """
    if any(digest not in release.passed for _, _, digest in _checks(service)):
        with shared.apart(place, service, release.id, user_of(service)) as folder:
            _check(place, service, release, folder, say)


def _check(place: Place, service: Service, release: Release, folder: Path, say: Callable[[str], None]) -> None:
    log, user = place.logs / f"build-{release.id}.log", user_of(service)
    for kind, argv, digest in _checks(service):
        if digest not in release.passed:
            say(f"{kind}: {shlex.join(argv)}")
            run(argv, folder, environment(place, service.environment, user), log, service.build_timeout, user)
            wrote = {"settled": round(time.time(), 3)} if folder == place.release(release.id) else {}
            Ledger(place).add(release.id, "passed", check=digest, **wrote)


def _checks(service: Service) -> list[tuple[str, Argv, str]]:
    """The lint and test commands: kind, command, and what the ledger calls it."""
    return [
        (kind, argv, _digest(kind, argv))
        for kind, commands in (("lint", service.lint), ("test", service.test))
        for argv in commands
    ]


def _digest(kind: str, argv: Argv) -> str:
    return hashlib.sha256(json.dumps([kind, *argv]).encode()).hexdigest()[:16]


def _check_space(place: Place, service: Service) -> None:
    """Raise HostError when the disk is too full for another release, also without those that nobody needs."""
    if missing(place, service):
        prune(place, service)
    free = missing(place, service)
    if free:
        raise HostError(free, where=str(place.root), fix="free some space, or keep fewer releases")


def target(place: Place, to: str | None) -> Release:
    """The release to go back to: the one named, or the one that was live before this one.

    Of a switch that is not confirmed yet, that is the one before it. Raises HostError.
    """
    ledger, live, found = Ledger(place), place.live(), unfinished(place)
    if to:
        release: Release | None = ledger.get(to)
    elif found is not None and found.back is not None:
        release = next((one for one in ledger.releases() if one.id == found.back), None)
    else:
        release = ledger.before(live)
    if release is None:
        raise HostError("there is no earlier release to go back to", where=str(place.root))
    if release.state == "building":
        raise HostError(f"release {release.id} was never built to its end, so it cannot run", where=str(place.root))
    if release.state == "removed" or not place.release(release.id).is_dir():
        what = f"release {release.id} is not on this machine any more"
        raise HostError(what, where=str(place.root), fix=f"deploy its commit, {release.commit}")
    return release


def candidate(place: Place, service: Service, to: str | None = None, say: Callable[[str], None] = _silent) -> Release:
    """The release to go back to, by `target`, which has passed its own lint and test commands when this returns.

    They run only where the ledger does not show that this very release passed them.
    """
    found = target(place, to)
    made = place.spec(found.id, service)
    check(place, replace(made, build_timeout=service.build_timeout), found, say)
    return found
