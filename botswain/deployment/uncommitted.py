"""Which of the files that commands are read from are not in the commit as they are.

`git status` is silent about what `.gitignore`, `.git/info/exclude` and `core.excludesFile` hide, what is assumed to be
unchanged, what a sparse checkout leaves out, and what a link or a submodule brings in. So each file is compared itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from botswain.commands.sources.files import ENDINGS, command_files
from botswain.deployment import git

if TYPE_CHECKING:
    from botswain.profile.settings import Source

_LINK = "120000"
_FILES = ("100644", "100755")
_SHOWN = 3
Tree = Mapping[str, tuple[str, str]]
"""By path from the top of the repository: mode and object."""


def uncommitted(source: Source, commit: str) -> list[str]:
    """The files of a folder of definitions that a commit does not have so, and those that it has and are not there.

    Raises InvalidInput where the folder cannot be read.
    """
    top = git.answer(source.repo, "rev-parse", "--show-toplevel")
    if top is None:
        return []
    root, folder = Path(top).resolve(), source.path.absolute()
    base = Path(source.repo.resolve(), source.folder)  # links in the folder itself count as links
    tree = _tree(root, commit)
    found = command_files(source.path) if source.path.is_dir() else []
    read = [base / path.absolute().relative_to(folder) for path in found]
    differing = [path for path in read if not _linked(root, path, tree)]
    known = [path for path in read if path not in differing]
    hashes = _hashes(root, [path.resolve() for path in known])
    for path in known:
        name = _name(root, path.resolve())
        if name not in tree or tree[name][1] != hashes.get(str(path.resolve())):
            differing.append(path)
    missing = _missing(tree, _name(root, base), {_name(root, path) for path in read})
    return sorted({*(_name(root, path) for path in differing), *missing})


def listed(names: list[str]) -> str:
    """The first few, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _tree(root: Path, commit: str) -> Tree:
    lines = git.run(root, "ls-tree", "-r", "-z", "--full-tree", commit).stdout.split("\0")
    found = {}
    for line in lines:
        head, _, name = line.partition("\t")
        if name:
            mode, _, identity = head.split(" ")
            found[name] = (mode, identity)
    return found


def _linked(root: Path, path: Path, tree: Tree) -> bool:
    """Whether a file lies in the repository, and each link on the way to it is in the commit."""
    if not path.resolve().is_relative_to(root) or "\n" in str(path):
        return False
    for one in (path, *path.parents):
        if one == root or not one.is_relative_to(root):
            break
        if one.is_symlink():
            mode, identity = tree.get(_name(root, one), ("", ""))
            told = git.run(root, "cat-file", "blob", identity).stdout if mode == _LINK else None
            if told != os.readlink(one):  # noqa: PTH115 - as git stores it
                return False
    return True


def _hashes(root: Path, paths: list[Path]) -> dict[str, str]:
    """What git would call the contents of these files, after what it does to line endings and the like."""
    names = [str(path) for path in paths]
    told = git.run(root, "hash-object", "--stdin-paths", given="".join(f"{one}\n" for one in names)) if names else None
    return dict(zip(names, told.stdout.split(), strict=False)) if told else {}


def _missing(tree: Tree, folder: str, read: set[str]) -> Iterator[str]:
    """The definitions that the commit has below a folder and that were not read."""
    prefix = "" if folder == "." else f"{folder}/"
    for name, (mode, _) in tree.items():
        below = name.removeprefix(prefix)
        hidden = any(part.startswith((".", "_")) for part in below.split("/"))
        defines = mode in _FILES and name.lower().endswith(ENDINGS) and not hidden
        if defines and name.startswith(prefix) and name not in read:
            yield name


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
