"""Installs programs of one file on a host: durably, at once, and only where the host has other ones."""

from __future__ import annotations

import hashlib
import os
import tempfile


def installation(path: str, command: str, content: bytes, *, really: bool) -> bool:
    """Make the host have a program and the link by which it is called; whether it had not."""
    different = digest(path) != hashlib.sha256(content).hexdigest()
    unlinked = not os.path.lexists(command) or os.path.realpath(command) != os.path.realpath(path)
    if really and different:
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        draft = f"{path}.{os.getpid()}"
        write(draft, content, 0o755)
        os.replace(draft, path)
    if really:
        seal(path)
    if really and unlinked:
        os.makedirs(os.path.dirname(command), mode=0o755, exist_ok=True)
        draft = f"{command}.{os.getpid()}"
        os.symlink(path, draft)
        os.replace(draft, command)
    return different or unlinked


def seal(path: str) -> None:
    """Write a program's digest beside it, so that a later look can tell whether somebody changed it there."""
    text = f"{digest(path)}  {os.path.basename(path)}\n"
    beside = f"{path}.sha256"
    try:
        with open(beside, encoding="ascii") as file:
            if file.read() == text:
                return
    except (OSError, ValueError):
        pass
    draft = f"{beside}.{os.getpid()}"
    write(draft, text.encode(), 0o644)
    os.replace(draft, beside)


def digest(path: str) -> str | None:
    """The digest of a file; None when it is not there."""
    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except OSError:
        return None


def write(path: str, content: bytes, mode: int) -> None:
    """Write a file durably, with its mode from the first moment on."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def temporary(content: bytes) -> str:
    """A program in a file of its own, for the time of a run; whoever asks for it removes it."""
    descriptor, path = tempfile.mkstemp(prefix="botswain-", suffix=".pyz")
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    return path


def last_lines(printed: str, lines: int = 20) -> str:
    """The end of what a program printed."""
    return "\n".join(printed.strip().splitlines()[-lines:])
