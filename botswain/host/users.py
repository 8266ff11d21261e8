"""The unprivileged user of a bot: what a commit brings along is built, checked and run as this one, never as root."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from botswain.host.errors import HostError
from botswain.host.place import Service


@dataclass(frozen=True)
class User:
    """Whom root becomes for what it does not trust."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]


def user_of(service: Service) -> User | None:
    """The user that a service names; None where that is who we are already, or it names none. Raises HostError."""
    if not service.user:
        return None
    try:
        found = pwd.getpwnam(service.user)
    except KeyError:
        what = f'there is no user "{service.user}", who is to build and run the bot'
        raise HostError(what, fix="provision the host; that makes it") from None
    if found.pw_uid == 0:
        raise HostError(f'"{service.user}" is root, who builds and runs no bot', fix="provision the host again")
    if os.geteuid() == found.pw_uid:
        return None
    if os.geteuid() != 0:
        raise HostError(f"only root can build as {service.user}", fix="call it with sudo")
    groups = tuple(os.getgrouplist(found.pw_name, found.pw_gid))
    return User(found.pw_name, found.pw_uid, found.pw_gid, groups)


def folder(path: Path, user: User | None) -> None:
    """Make a folder, if it is not there, that belongs to the user. Its parent has to be one that only root changes."""
    with contextlib.suppress(FileExistsError):
        path.mkdir(parents=True)
        if user is not None:
            os.chown(path, user.uid, user.gid, follow_symlinks=False)


def as_user(user: User | None, work: Callable[[], None]) -> None:
    """Do something in folders of the user with the user's own rights: a link planted there leads nowhere new.

    Raises what `work` raises of HostError; an OSError comes as one.
    """
    if user is None:
        work()
        return
    inside, outside = os.pipe()
    child = os.fork()
    if child == 0:
        _child(user, work, outside)
    os.close(outside)
    with open(inside, "rb") as pipe:  # noqa: PTH123 - a descriptor
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    if told:
        raise HostError(**json.loads(told))
    if status:
        raise HostError(f"work done as {user.name} ended early", fix="try again")


def _child(user: User, work: Callable[[], None], pipe: int) -> None:
    """Become the user for good, work, and tell what went wrong. Never returns."""
    code = 1
    try:
        os.setgroups(user.groups)
        os.setgid(user.gid)
        os.setuid(user.uid)
        work()
        code = 0
    except HostError as error:
        os.write(pipe, json.dumps({"what": error.what, "where": error.where, "fix": error.fix}).encode())
    except OSError as error:
        told = {"what": error.strerror or str(error), "where": str(error.filename or "")}
        os.write(pipe, json.dumps(told).encode())
    finally:
        os._exit(code)  # what the parent has not written yet is the parent's to write
