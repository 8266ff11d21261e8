"""What all releases of a bot share: copied while a release is built and tested, linked once it may run.

So no build, no test and nothing that reads a release's code before its time reaches the data of the bot that runs.

A file that does not exist yet is linked all the same: SQLite, and every program that opens a file to write, creates
what a link leads to.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from botswain.host import view
from botswain.host.errors import HostError
from botswain.host.place import Place, Service
from botswain.host.pointers import pointers
from botswain.host.users import User, as_user
from botswain.host.users import folder as owned

_BY_HAND = re.compile(
    r"^\.env|\.(env|toml|ya?ml|ini|cfg|conf|pem|key|crt)$|(config|settings|secret|token|credential)[^/]*$",
    re.IGNORECASE,
)
"""Names of files that an operator writes: without them the bot does not start, or starts as another."""
_SHOWN = 3
"""Files that a note names."""


def seed(place: Place, service: Service, folder: Path) -> None:
    """Put copies where the release will share; a folder is made, and so is the parent of a file."""
    for name in service.shared:
        source, path = _paths(place, name, folder)
        (source if name.endswith("/") else source.parent).mkdir(parents=True, exist_ok=True)
        _clear(path, folder, name)
        if source.exists():
            view.seed(source, path)


def check(
    place: Place, service: Service, folder: Path, tree: str, held: Mapping[str, str], say: Callable[[str], None]
) -> None:
    """Announce the shared files that the bot has to make. Raises HostError for one that already lies elsewhere.

    `folder` has the files of the commit, which are those of `tree`; `held` is `Order.held`.
    """
    for name in service.shared:
        source, path = _paths(place, name, folder)
        if covered := _covered(path, source):
            more = f" and {len(covered) - _SHOWN} more" if len(covered) > _SHOWN else ""
            which = f"{', '.join(covered[:_SHOWN])}{more}"
            say(f"note: shared: {name} covers files of the commit that {source} does not have: {which}")
        if name.endswith("/") or source.exists():
            continue
        what, shown = "is shared by all releases and is not there", shlex.quote(str(source))
        if path.is_file() and name not in dict(pointers(folder)):
            shows = shlex.join(["git", f"--git-dir={place.mirror}", "show", f"{tree.rstrip('/')}{_joint(tree)}{name}"])
            what, fix = f"{what}; the commit has one, which releases no longer read", f"{shows} > {shown}"
            fix = f"put it there once, such as that of the commit: mkdir -p {shlex.quote(str(source.parent))} && {fix}"
        elif name in held:
            what = f"{what}; {held[name]} may be what the bot has written so far"
            fix = f"copy it to {source} while the bot does not run; for a bot that is to begin without it, move it away"
        elif path.is_file() or _BY_HAND.search(source.name):
            fix = "put it there once"
        else:
            say(f"note: {source} does not exist yet; the bot makes it")
            continue
        raise HostError(what, where=str(source), fix=fix)


def _covered(path: Path, source: Path) -> list[str]:
    """The files of a commit's folder that releases lose to the shared one; git's own mean nothing to a bot."""
    if not path.is_dir() or path.is_symlink():
        return []
    files = [one for one in path.rglob("*") if one.is_file() and not one.name.startswith(".git")]
    return sorted(
        f"{path.name}/{one.relative_to(path)}" for one in files if not (source / one.relative_to(path)).exists()
    )


def _joint(tree: str) -> str:
    return "" if tree.endswith(":") else "/"


def link(place: Place, service: Service, folder: Path) -> None:
    """Links instead of the copies."""
    for name in service.shared:
        source, path = _paths(place, name, folder)
        _clear(path, folder, name)
        path.symlink_to(os.path.relpath(source, path.parent.resolve()))


@contextlib.contextmanager
def apart(place: Place, service: Service, release: str, user: User | None) -> Iterator[Path]:
    """The folder of a release that may run already, as a copy without links to what it shares; itself without any."""
    folder = place.release(release)
    if not service.shared:
        yield folder
        return
    copies = place.releases / f".apart-{release}"
    shutil.rmtree(copies, ignore_errors=True)
    owned(copies, user)
    try:
        as_user(user, lambda: _copied(folder, copies / "files", place.shared))
        yield copies / "files"
    finally:
        shutil.rmtree(copies, ignore_errors=True)


def _copied(folder: Path, target: Path, data: Path) -> None:
    made = view.copy(folder, target, outside=[data])
    own = [one for one in made.left_out if not one.startswith(".")]
    if own:
        what = f"is too large, or cannot be read, to be tested beside the bot that runs: {own[0]}"
        raise HostError(what, where=str(folder), fix="commit a change; a new release is tested as it is built")


def _paths(place: Place, name: str, folder: Path) -> tuple[Path, Path]:
    """What is shared, and where it appears in a release."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise HostError(f'"{name}" is no path in a release', fix="correct service.shared in the profile")
    return place.shared / path, folder / path


def _clear(path: Path, folder: Path, name: str) -> None:
    """Take away what is in the place of something shared. Raises HostError where that is outside of the release."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if folder.resolve() not in (path.parent.resolve(), *path.parent.resolve().parents):
        raise HostError(f'"{name}" leads out of the release through a link', fix="correct service.shared")
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
