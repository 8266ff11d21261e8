"""Documents in git's object store: read through one `git cat-file`, written through one `git fast-import` a commit."""

from __future__ import annotations

import contextlib
import re
import time
import weakref
from typing import TYPE_CHECKING

from botswain.errors import BotswainError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping

    from botswain.state.git.process import Git

NAME = re.compile(r"(?:[A-Za-z0-9_][\w.+@-]*/)*[A-Za-z0-9_][\w.+@-]*", re.ASCII)
"""What can name a document: a plain relative path."""
_TREE = "40000"
_FILES = ("100644", "100755")

Entries = dict[str, tuple[str, str]]
"""Mode and object of each name in a tree."""


class Objects:
    """The objects of one repository."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._reader: subprocess.Popen[bytes] | None = None
        self._trees: dict[str, Entries] = {}

    def resolve(self, name: str) -> str | None:
        """Return the commit that a ref (or other name) stands for; None when there is none."""
        found = self._ask(f"{name}^{{commit}}")
        return found[0] if found else None

    def get(self, name: str) -> tuple[str, bytes] | None:
        """Return an object's kind and content; None when there is none."""
        found = self._ask(name)
        return found[1:] if found else None

    def tree(self, name: str) -> Entries:
        """Return what a tree, or a commit's tree, holds. Raises BotswainError when it is not there."""
        if name not in self._trees:
            found = self._ask(f"{name}^{{tree}}")
            if found is None:
                raise self._damaged(f"the tree of {name[:12]} is missing")
            self._trees[name] = _entries(found[2], len(found[0]) // 2)
        return self._trees[name]

    def blob(self, name: str) -> bytes:
        """Return a file's content. Raises BotswainError when it is not there."""
        found = self._ask(name)
        if found is None:
            raise self._damaged(f"the file {name[:12]} is missing")
        return found[2]

    def close(self) -> None:
        """End the reader; the next question starts another."""
        reader, self._reader = self._reader, None
        if reader is not None:
            _end(reader)

    def _damaged(self, what: str) -> BotswainError:
        return BotswainError(what, where=str(self._git.repo), fix="`git fsck` there tells more")

    def _ask(self, name: str) -> tuple[str, str, bytes] | None:
        if self._reader is None:
            self._reader = self._git.start("cat-file", "--batch")
            weakref.finalize(self, _end, self._reader)
        reader = self._reader
        assert reader.stdin is not None  # noqa: S101 - it was started with pipes
        assert reader.stdout is not None  # noqa: S101
        try:
            reader.stdin.write(f"{name}\n".encode())
            reader.stdin.flush()
            answer = reader.stdout.readline()
        except (OSError, ValueError):  # it was closed
            answer = b""
        if not answer:
            said = reader.stderr.read().decode("utf-8", "replace").strip() if reader.stderr else ""
            self.close()
            raise BotswainError(f"git cannot read it: {said or 'cat-file ended'}", where=str(self._git.repo))
        if answer.endswith((b" missing\n", b" ambiguous\n")):
            return None
        sha, kind, size = answer.decode().split()
        data = reader.stdout.read(int(size))
        reader.stdout.read(1)
        return sha, kind, data

    def commit(self, parent: str | None, changes: Mapping[str, bytes | None], message: str, ref: str) -> str:
        """Store changes (None removes) as a commit, and keep it alive under a local ref; return its name.

        Raises BotswainError with git's reason, such as a full disk; then nothing refers to what was stored.
        """
        text = message.encode()
        parts = [
            f"feature done\ncommit {ref}\nmark :1\n".encode(),
            f"committer {self._git.identity} {int(time.time())} +0000\ndata {len(text)}\n".encode(),
            text,
            f"\nfrom {parent}\n".encode() if parent else b"\n",
        ]
        for name, data in changes.items():
            if data is None:
                parts.append(f"D {name}\n".encode())
            else:
                parts += [f"M 100644 inline {name}\ndata {len(data)}\n".encode(), data, b"\n"]
        parts.append(b"\nget-mark :1\ndone\n")
        done = self._git.run("fast-import", "--quiet", "--force", "--done", "--date-format=raw", data=b"".join(parts))
        made = done.out.decode().strip()
        if done.code or not re.fullmatch("[0-9a-f]{40,64}", made):
            fix = "free some space, or see what that folder lacks; then run it again"
            raise BotswainError(f"git cannot store records: {done.reason}", where=str(self._git.repo), fix=fix)
        return made


class Documents:
    """The documents of a commit, with changes over it that are in no commit yet."""

    def __init__(self, objects: Objects, commit: str | None) -> None:
        self._objects = objects
        self.commit = commit
        self.changes: dict[str, bytes | None] = {}

    def read(self, name: str) -> bytes | None:
        """Return a document; None when there is none."""
        if name in self.changes:
            return self.changes[name]
        entry = self._find(name)
        return self._objects.blob(entry) if entry else None

    def _find(self, name: str) -> str | None:
        if self.commit is None:
            return None
        at = self.commit
        *folders, last = name.split("/")
        for folder in folders:
            mode, at = self._objects.tree(at).get(folder, ("", ""))
            if mode != _TREE:
                return None
        mode, found = self._objects.tree(at).get(last, ("", ""))
        return found if mode in _FILES else None

    def put(self, name: str, data: bytes) -> None:
        """Change a document."""
        self.changes.pop(name, None)  # the last change goes last
        self.changes[name] = data

    def remove(self, name: str) -> None:
        """Remove a document; one that is not there is none."""
        if name in self.changes or self._find(name):
            self.changes[name] = None

    def names(self, prefix: str) -> list[str]:
        """Return the names that begin with `prefix`, sorted; folders that cannot hold any are not read."""
        found = set(self._walk(self.commit, "", prefix)) if self.commit else set()
        for name, data in self.changes.items():
            (found.discard if data is None else found.add)(name)
        return sorted(name for name in found if name.startswith(prefix) and NAME.fullmatch(name))

    def _walk(self, tree: str, above: str, prefix: str) -> Iterator[str]:
        for name, (mode, found) in self._objects.tree(tree).items():
            path = above + name
            if mode in _FILES:
                yield path
            elif mode == _TREE and (prefix.startswith(f"{path}/") or path.startswith(prefix)):
                yield from self._walk(found, f"{path}/", prefix)


def _entries(data: bytes, width: int) -> Entries:
    """Read a tree object: mode, space, name, NUL and the object's `width` bytes, again and again."""
    found: Entries = {}
    at = 0
    while at < len(data):
        end = data.index(b"\0", at)
        mode, _, name = data[at:end].partition(b" ")
        at = end + 1 + width
        found[name.decode("utf-8", "surrogateescape")] = (mode.decode(), data[end + 1 : at].hex())
    return found


def _end(reader: subprocess.Popen[bytes]) -> None:
    for pipe in (reader.stdin, reader.stdout, reader.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    reader.kill()
    reader.wait()
