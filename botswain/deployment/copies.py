"""A copy of shared records in files: for reading, and the way out when the remote is gone for good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botswain.errors import Refused
from botswain.state.folder import FolderStore
from botswain.state.ids import actor, deployment_id
from botswain.state.store import AUDIT, MANIFEST, Owner

if TYPE_CHECKING:
    from pathlib import Path

    from botswain.state.store import Store


@dataclass(frozen=True)
class Copied:
    """What a copy did."""

    documents: int
    """That were written because they were not there, or differed."""
    aside: Path | None
    """Where the files went that were no older copy of these records."""


def pull(store: Store, path: Path, *, overwrite: bool = False, dry_run: bool = False) -> Copied:
    """Copy all records to a manifest path and its folder, where `state: folder` can go on from them.

    Files there that are no older copy of the same records are replaced only with `overwrite`, and then put aside whole;
    else this raises Refused.
    """
    folder = FolderStore(path)
    names = store.names()
    if dry_run:
        return _copy(store, folder, names, overwrite=overwrite, dry_run=True)
    with folder.lock(Owner(deployment_id(), actor(), "state.pull")):
        return _copy(store, folder, names, overwrite=overwrite, dry_run=False)


def _copy(store: Store, folder: FolderStore, names: list[str], *, overwrite: bool, dry_run: bool) -> Copied:
    wanted = {name: store.read(name) or b"" for name in names}
    present = {name: folder.read(name) or b"" for name in folder.names()}
    changed = {name: data for name, data in wanted.items() if present.get(name) != data}
    aside = None
    if present and not _older(present, wanted):
        if not overwrite:
            what = "holds records that are no older copy of these; they would be put aside"
            raise Refused(what, where=str(folder.manifest_path), fix="if you mean it, say --yes")
        aside = folder.manifest_path.with_name(f"{folder.environment}.{deployment_id()}.json")
    if not dry_run:
        if aside is not None:
            FolderStore(aside).write(present)
            folder.delete([name for name in present if name not in wanted])
        last = (AUDIT, MANIFEST)  # what makes the others count
        order = sorted(changed, key=lambda name: (last.index(name) + 1 if name in last else 0, name))
        folder.write({name: changed[name] for name in order})
    return Copied(len(changed), aside)


def _older(present: dict[str, bytes], wanted: dict[str, bytes]) -> bool:
    """Whether files are what these records once were: the audit log tells, since every change is in it."""
    if present == {name: wanted.get(name) for name in present}:
        return True
    log = present.get(AUDIT, b"")
    return bool(log) and wanted.get(AUDIT, b"").startswith(log)
