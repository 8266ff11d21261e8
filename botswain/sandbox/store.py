"""The double's memory: named JSON documents, on disk in a folder or only in this process.

One file for each scope of each application, so that a request touches a few kilobytes however many guilds
there are. Several processes may share a folder: whoever reads or writes holds its lock, and a file is
replaced by rename, so that a killed process leaves the old content or the new. Nothing is flushed to the
platter: this is a development double, and after a power cut it may start afresh.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botswain.errors import BotswainError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Store:
    """Documents by name, such as `123/global`; `path` is the folder, or None to keep them in this process."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._thread = threading.RLock()
        self._lock_file: int | None = None
        self._texts: dict[str, str] = {}

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other threads and processes out of the documents."""
        with self._thread:
            if self._path is None:
                yield
                return
            handle = self._open_lock(self._path)
            fcntl.flock(handle, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(handle, fcntl.LOCK_UN)

    def text(self, name: str) -> str | None:
        """The document as the JSON that was written; None when it never was."""
        return self._texts.get(name) if self._path is None else self._load(self._path / f"{name}.json")

    def read(self, name: str) -> Any:
        """The document, a fresh copy; None when it was never written."""
        text = self.text(name)
        if text is None:
            return None
        try:
            return json.loads(text)
        except ValueError as error:
            raise BotswainError(
                f"not JSON ({error})",
                where=str(self._path and self._path / f"{name}.json"),
                fix="delete this file; the sandbox then starts that part afresh",
            ) from error

    def names(self, folder: str) -> list[str]:
        """The documents of one folder by their last name."""
        if self._path is None:
            return [name.rpartition("/")[2] for name in self._texts if name.startswith(f"{folder}/")]
        return [file.stem for file in (self._path / folder).glob("[!.]*.json")]

    def write(self, name: str, value: Any) -> None:
        """Replaces the document whole; never leaves a half one."""
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        if self._path is None:
            self._texts[name] = text
            return
        file = self._path / f"{name}.json"
        draft = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(text, encoding="utf-8")
            draft.replace(file)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise _unusable(file, error) from error

    def close(self) -> None:
        """Lets go of the lock file."""
        with self._thread:
            if self._lock_file is not None:
                os.close(self._lock_file)
                self._lock_file = None

    def _open_lock(self, folder: Path) -> int:
        if self._lock_file is None:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                self._lock_file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise _unusable(folder, error) from error
        return self._lock_file

    @staticmethod
    def _load(file: Path) -> str | None:
        try:
            return file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable(file, error) from error


def _unusable(place: Path, error: OSError) -> BotswainError:
    return BotswainError(
        f"the sandbox cannot keep its state ({error.strerror})",
        where=str(place),
        fix="make the folder writable or choose another",
    )
