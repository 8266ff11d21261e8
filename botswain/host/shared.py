"""What all releases of a bot share: copied while a release is built and tested, linked once it may run.

So no build, no test and nothing that reads a release's code before its time reaches the data of the bot that runs.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from botswain.host import view
from botswain.host.errors import HostError
from botswain.host.place import Place, Service
from botswain.host.users import User, as_user
from botswain.host.users import folder as owned


def seed(place: Place, service: Service, folder: Path) -> None:
    """Put copies where the release will share. A file that is to be shared has to be there; a folder is made."""
    for name in service.shared:
        source, path = _paths(place, name, folder)
        if name.endswith("/"):
            source.mkdir(parents=True, exist_ok=True)
        elif not source.exists():
            raise HostError("is shared by all releases and is not there", where=str(source), fix="put it there once")
        _clear(path, folder, name)
        view.seed(source, path)


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
        as_user(user, lambda: _copied(folder, copies / "files"))
        yield copies / "files"
    finally:
        shutil.rmtree(copies, ignore_errors=True)


def _copied(folder: Path, target: Path) -> None:
    made = view.copy(folder, target)
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
