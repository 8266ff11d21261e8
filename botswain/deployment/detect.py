"""`detect`: what the sources define now against what was deployed, or against an earlier commit. Never asks Discord."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from botswain.commands.canonical import Change, Command, checksum, differences
from botswain.deployment.past import checkout_of
from botswain.deployment.session import Session
from botswain.deployment.wanted import Wanted, wanted
from botswain.discord.enums import GLOBAL
from botswain.errors import InvalidInput
from botswain.manifest import Manifest
from botswain.plan import label
from botswain.profile.settings import Profile

_ANY = "any"
"""Stands for the guilds of a profile that names none yet."""
Sets = Mapping[str, Mapping[str, Command]]


@dataclass(frozen=True)
class Detected:
    """What changed since `since`. Commands are named by their keys, such as `chat_input/ban`."""

    environment: str
    since: str
    """A deployment or a commit, in words."""
    new: tuple[str, ...]
    modified: Mapping[str, tuple[Change, ...]]
    deleted: tuple[str, ...]
    renamed: Mapping[str, str]
    """By new key: the old one, from `renamed_from`."""
    alike: Mapping[str, str]
    """By the key of a new command: a deleted one that is the same but for its name."""
    added_scopes: tuple[str, ...]
    removed_scopes: tuple[str, ...]
    checksums: Mapping[str, str]
    """Of every command as it is defined now: SHA-256 of its canonical form."""
    notes: tuple[str, ...] = ()

    @property
    def different(self) -> bool:
        """Whether anything changed."""
        parts = (self.new, self.modified, self.deleted, self.renamed, self.added_scopes, self.removed_scopes)
        return any(parts)

    def to_json(self) -> dict[str, Any]:
        """The report as scripts see it."""
        return {
            "task": "detect",
            "environment": self.environment,
            "since": self.since,
            "different": self.different,
            "new": list(self.new),
            "modified": [
                {
                    "command": name,
                    "fields": [{"path": one.path, "before": one.before, "after": one.after} for one in changes],
                }
                for name, changes in self.modified.items()
            ],
            "deleted": list(self.deleted),
            "renamed": [{"command": new, "from": old} for new, old in self.renamed.items()],
            "alike": [{"command": new, "deleted": old} for new, old in self.alike.items()],
            "addedScopes": list(self.added_scopes),
            "removedScopes": list(self.removed_scopes),
            "checksums": dict(self.checksums),
            "notes": list(self.notes),
        }


def detect(session: Session, since: str | None = None) -> Detected:
    """Compares the sources with the recorded manifest or, given `since`, with themselves at that commit.

    A branch's name stands for where this work branched off from it. Raises InvalidInput with all problems of
    the sources, and BotswainError for a commit that is not there.
    """
    manifest = None if since is not None else session.records.manifest()
    profile = _somewhere(session.profile, manifest)
    now = wanted(profile)
    if since is not None:
        with checkout_of(profile.source, since) as past:
            # A name of its own, so that what is remembered of today's files stays.
            before = replace(profile, name=f"{profile.name}.past", source=past.source)
            try:
                then = wanted(before)
            except InvalidInput as error:
                raise InvalidInput([replace(one, file=past.named(one.file)) for one in error.problems]) from None
        return _compare(profile.name, past.label, then.scopes, now, past.notes)
    if manifest is None:
        return _compare(profile.name, "nothing: no deployment is recorded", {}, now, ())
    recorded = {scope: record.commands for scope, record in manifest.scopes.items()}
    return _compare(profile.name, f"deployment {manifest.deployment_id}", recorded, now, ())


def _somewhere(profile: Profile, manifest: Manifest | None) -> Profile:
    """The profile with guilds: a pull request is checked where nobody has filled in any."""
    if profile.global_ or profile.guild_ids:
        return profile
    return replace(profile, guild_ids=manifest.guild_ids if manifest and manifest.guild_ids else (_ANY,))


def _compare(environment: str, since: str, before: Sets, now: Wanted, notes: tuple[str, ...]) -> Detected:
    after = now.scopes
    shared = [scope for scope in after if scope in before]
    named = [scope for scope in (*before, *after) if scope != _ANY]
    # Without a scope in common, as when a test guild was exchanged, the commands are still the same ones.
    pairs = [(before[scope], after[scope]) for scope in shared] or [(_all(before), _all(after))]
    old, new = _all(before), _all(after)
    renamed = _renamed(now, old, new)
    appeared = [name for name in new if name not in old and name not in renamed]
    vanished = [name for name in old if name not in new and name not in renamed.values()]
    modified: dict[str, tuple[Change, ...]] = {}
    for earlier, later in pairs:
        for name, command in later.items():
            base = earlier.get(name) or earlier.get(renamed.get(name, ""))
            if name not in modified and base is not None and (found := tuple(_changes(base, command, name, renamed))):
                modified[name] = found
    return Detected(
        environment=environment,
        since=since,
        new=tuple(appeared),
        modified=modified,
        deleted=tuple(vanished),
        renamed=renamed,
        alike=_alike(old, new, appeared, vanished),
        added_scopes=tuple(label(scope) for scope in named if before and scope not in before and after[scope]),
        removed_scopes=tuple(label(scope) for scope in named if scope not in after and before[scope]),
        checksums={name: checksum(command) for name, command in new.items()},
        notes=(*notes, *now.notes),
    )


def _all(scopes: Sets) -> dict[str, Command]:
    """Every command once, as in the first scope that has it; the global one first, which says most."""
    found: dict[str, Command] = {}
    for scope in sorted(scopes, key=lambda one: one != GLOBAL):
        for name, command in scopes[scope].items():
            found.setdefault(name, command)
    return found


def _renamed(now: Wanted, old: Mapping[str, Command], new: Mapping[str, Command]) -> dict[str, str]:
    """The renames that are still to be done: the new name was not there, the old one was and is not any more."""
    declared = now.renames or {}
    return {name: was for name, was in declared.items() if name in new and name not in old and was in old}


def _changes(before: Command, after: Command, name: str, renamed: Mapping[str, str]) -> Iterator[Change]:
    for change in differences(before, after):
        if not (name in renamed and change.path == "name"):
            yield change


def _alike(
    old: Mapping[str, Command], new: Mapping[str, Command], appeared: list[str], vanished: list[str]
) -> dict[str, str]:
    """Pairs of a new and a deleted command that differ in their names alone: somebody may have meant a rename."""
    gone = {checksum({**old[name], "name": ""}): name for name in vanished}
    pairs = {name: gone.get(checksum({**new[name], "name": ""})) for name in appeared}
    return {name: before for name, before in pairs.items() if before is not None}
