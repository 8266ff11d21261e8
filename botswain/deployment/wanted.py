"""What a profile wants: its source's definitions, selected, overridden, and laid out by scope."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botswain import cache
from botswain.commands.canonical import Command, canonical, key
from botswain.commands.sources.read import LeftOut
from botswain.discord.enums import GLOBAL, CommandType
from botswain.errors import InvalidInput, Problem
from botswain.profile.settings import Profile
from botswain.wording import listed, many

if TYPE_CHECKING:
    from botswain.commands.definition import Definition
    from botswain.commands.sources.read import Found

PASSED_OVER = "passed over, though it may be a command: "
"""How a note on something that was not read begins."""


@dataclass(frozen=True)
class Wanted:
    """Canonical definitions by scope and key. Guilds with the same commands share one mapping."""

    scopes: Mapping[str, Mapping[str, Command]]
    notes: tuple[str, ...] = ()
    count: int = 0
    """How many commands there are, whether or not a scope is named yet."""
    renames: Mapping[str, str] | None = None
    """By key: the key that a command had before; None when what is wanted comes from no sources that could say so."""
    files: int = 0
    """How many files of the source were read."""
    left_out: tuple[LeftOut, ...] = ()
    """What the source holds and is no command."""
    texts: tuple[str, ...] = ()
    """What Discord will make of texts that it stores otherwise than they are written."""
    ids: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By scope and key: the ids that the commands are known to have had, beside those that are recorded now."""


def wanted(profile: Profile) -> Wanted:
    """Reads the profile's source and lays it out by scope.

    Raises InvalidInput with every problem of every file. What was read from files is remembered until one of them or
    the profile changes, so that an unchanged set costs neither YAML nor models.
    """
    from botswain.commands.sources.read import digest

    known = digest(profile.source)
    if known is None:
        return _by_scope(profile, _sets(profile))
    settings = [
        str(profile.source.path), profile.global_, profile.production, profile.entry_point,
        profile.enabled_commands, profile.command_overrides, bool(profile.owner_guild_ids),
        profile.leave,
    ]  # fmt: skip
    key = cache.digest([known, json.dumps(settings, sort_keys=True)])
    return _by_scope(profile, cache.remembered(f"commands-{profile.name}", key, lambda: _sets(profile)))


def wanted_of(profile: Profile, found: Found) -> Wanted:
    """What the profile would want if this were what its source holds."""
    return _by_scope(profile, _sets(profile, found))


def _by_scope(profile: Profile, sets: Mapping[str, Any]) -> Wanted:
    scopes: dict[str, Mapping[str, Command]] = {}
    if profile.global_ or sets["entry"]:
        scopes[GLOBAL] = {**(sets["common"] if profile.global_ else {}), **sets["entry"]}
    scopes |= dict.fromkeys(profile.guild_ids, sets["common"])
    if sets["owner"]:
        both = {**sets["common"], **sets["owner"]}
        scopes |= {guild: both if guild in scopes else sets["owner"] for guild in profile.owner_guild_ids}
    count = sum(len(sets[part]) for part in ("common", "owner", "entry"))
    left_out = tuple(LeftOut(*one) for one in sets["left_out"])
    return Wanted(scopes, tuple(sets["notes"]), count, sets["renames"], sets["files"], left_out, tuple(sets["texts"]))


def _sets(profile: Profile, found: Found | None = None) -> dict[str, Any]:
    """The three sets that scopes are made of: for everybody, for the owner's guilds, and the entry point."""
    from botswain.commands.renames import former_key
    from botswain.commands.selection import apply_overrides, left_alone, select
    from botswain.commands.sources.read import read
    from botswain.commands.stored import stored_texts

    found = found or read(profile.source)
    definitions = apply_overrides(found.definitions, profile.command_overrides, file=profile.file)
    definitions = select(definitions, profile.enabled_commands, file=profile.file)
    notes = [*found.notes, *_doubts(found.left_out)]
    if left := [one for one in definitions if left_alone(profile.leave, one.key)]:
        definitions = [one for one in definitions if one not in left]
        names = ", ".join(one.name for one in left)
        notes.append(f"defined, and left alone all the same: {names} (commands.leave in {profile.file})")
    if profile.production:
        definitions = [one for one in definitions if not one.development_only]
    owner = [one for one in definitions if one.owner_only]
    entry = [one for one in definitions if one.payload.get("type") == CommandType.PRIMARY_ENTRY_POINT]
    common = [one for one in definitions if one not in owner and one not in entry]
    if entry and not (profile.global_ or profile.entry_point):
        notes.append(
            f"{entry[0].payload['name']} ({entry[0].file}) is an entry point, which is global; this profile leaves it"
            f" out (commands.entry_point: true in {profile.file} manages it)"
        )
        entry = []
    _check(profile, common, owner, entry)
    scope = GLOBAL if profile.global_ else "guild"
    return {
        "common": {one.key: canonical(one.payload, scope) for one in common},
        "owner": {one.key: _owners(one) for one in owner},
        "entry": {one.key: canonical(one.payload, GLOBAL) for one in entry},
        "notes": notes,
        "files": found.files,
        "texts": stored_texts(common + owner + entry),
        "left_out": [[one.file, one.place, one.reason, one.doubtful] for one in found.left_out],
        "renames": {one.key: former for one in common + owner + entry if (former := former_key(one)) is not None},
    }


def _doubts(left_out: Sequence[LeftOut]) -> list[str]:
    """A note for each reason for which something was passed over that may be meant as a command."""
    by_reason: dict[str, list[str]] = {}
    for one in left_out:
        if one.doubtful:
            by_reason.setdefault(one.reason, []).append(f"{one.file} {one.place}".strip())
    return [f"{PASSED_OVER}{listed(places)}: {reason}" for reason, places in by_reason.items()]


def _owners(definition: Definition) -> Command:
    """Registered in the owner's guilds only, and there for administrators only."""
    return canonical({**definition.payload, "default_member_permissions": "0"}, "guild")


def _check(profile: Profile, common: list[Definition], owner: list[Definition], entry: list[Definition]) -> None:
    from botswain.commands.renames import clashes
    from botswain.commands.rules import check_scope

    problems = clashes([*common, *owner, *entry])
    if owner and not profile.owner_guild_ids:
        names = ", ".join(one.payload["name"] for one in owner)
        message = f"is empty, but {names} is ownerOnly; list the bot owner's guilds, or leave the command out"
        problems.append(Problem(profile.file, "owner_guild_ids", message))
    problems += [
        Problem(one.file, key(one.payload), "is ownerOnly, which an entry point cannot be: it is global")
        for one in owner
        if one.payload.get("type") == CommandType.PRIMARY_ENTRY_POINT
    ]
    for definitions, scope in ((common + entry, GLOBAL), (common + owner, "guild")):
        for path, message in check_scope([one.payload for one in definitions], scope):
            problems.append(Problem(str(profile.source.path), path, message))
    if problems:
        raise InvalidInput(sorted(set(problems)))


def no_command(profile: Profile, want: Wanted) -> list[Problem]:
    """What to do about code of a bot that holds no command at all; a folder or a program may well hold none."""
    kind = profile.source.kind
    if profile.enabled_commands != ("*",) or kind not in {"discord.js", "discord.py"}:
        return []
    if kind == "discord.py":
        what = f"{profile.source.object} holds no command; name its extensions, or say setup_hook: true"
        return [Problem(profile.file, "commands.object", f"{what} (docs/adopt/discord-py.md)")]
    read = f"none of {many(want.files, 'file')} in {profile.source.folder} exports a command"
    fix = "name the folder of the command modules, or export them from one module (docs/adopt/adapter.md)"
    return [Problem(profile.file, "commands.folder", f"{read if want.files else 'holds no module'}; {fix}")]
