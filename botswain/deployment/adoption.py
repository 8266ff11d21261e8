"""What an import would do: which live commands become ours, as which definitions, and in which files.

Pure but for its reads: one GET a scope, and the files of the folder. Nothing is written here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from botswain.commands.canonical import LEFT_TO_DISCORD, Command, canonical, definition, key
from botswain.commands.definition import Definition
from botswain.commands.selection import chosen, left_alone
from botswain.deployment.session import Session, workers
from botswain.deployment.survey import identify, install_types
from botswain.deployment.wanted import Wanted, wanted, wanted_of
from botswain.discord.enums import GLOBAL, CommandType
from botswain.discord.errors import ScopeUnavailable
from botswain.errors import BotswainError
from botswain.manifest import Manifest, ScopeRecord
from botswain.plan import Action, Plan, ScopePlan, called, label, plan_scope, unavailable

if TYPE_CHECKING:
    from botswain.discord.client import DiscordClient
    from botswain.profile.settings import Profile

_SHOWN = 5
"""Commands that a message names."""
_KNOWN_KINDS = tuple(f"{kind.name.lower()}/" for kind in CommandType)
_ENTRY_POINT = f"{CommandType.PRIMARY_ENTRY_POINT.name.lower()}/"

Commands = Mapping[str, Command]


@dataclass(frozen=True)
class Adoption:
    """What an import would do."""

    plan: Plan
    """Its scopes need no write; only their records change."""
    recorded: Mapping[str, Commands]
    """By scope: what is recorded as deployed afterwards."""
    adopted: Mapping[str, tuple[str, ...]]
    """By scope: the keys of the commands that become ours."""
    files: tuple[tuple[Path, bytes], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def commands(self) -> tuple[str, ...]:
        """The keys of all commands that become ours in some scope."""
        return tuple(dict.fromkeys(name for names in self.adopted.values() for name in names))


@dataclass(frozen=True)
class _Seen:
    """What was found on Discord, and what is known of it."""

    profile: Profile
    looks: Mapping[str, ScopePlan]
    records: Mapping[str, ScopeRecord]
    install_types: list[int] | None

    def record(self, scope: str) -> Commands:
        """What is recorded of a scope."""
        return self.records[scope].commands if scope in self.records else {}

    def ids(self, scope: str) -> set[str]:
        """The ids of what is recorded there."""
        return {*self.records[scope].ids.values()} if scope in self.records else set()


@dataclass
class _Choice:
    """The commands that may become ours, and what is said of the others."""

    strangers: dict[str, dict[str, Command]] = field(default_factory=dict)
    """By scope and key: live, and not recorded as ours."""
    left: dict[str, dict[str, Command]] = field(default_factory=dict)
    """The same, but left out by the profile's `enabled_commands`: defined, and not recorded."""
    notes: list[str] = field(default_factory=list)


def adoption(session: Session, client: DiscordClient, manifest: Manifest | None, guild: str | None) -> Adoption:
    """What an import would do now; `guild` is the one whose commands become the files.

    Raises Refused when guilds differ in what is to be written and none was chosen, and InvalidInput when the profile's
    settings do not fit what it would write.
    """
    from botswain.deployment.definitions import defined, written

    profile = session.profile
    _check_guild(profile, guild)
    known = defined(profile)
    want, notes = _wanted(profile, known)
    seen = _look(session, client, manifest, want)
    if guild is not None and (reason := seen.looks[guild].unavailable):
        raise BotswainError(f"cannot be read: {reason}", where=label(guild), fix="choose another with --guild")
    choice = _strangers(seen, want)
    files: tuple[tuple[Path, bytes], ...] = ()
    if not profile.source.runs_code:
        found = {scope: {**commands, **choice.left[scope]} for scope, commands in choice.strangers.items()}
        new = written(profile, known, found, _ever(seen), guild)
        files, want = new.files, wanted_of(profile, new.found)
        choice.notes += new.notes
        for commands in choice.strangers.values():
            for name in new.unusable:
                commands.pop(name, None)
    scopes, recorded, adopted = [], {}, {}
    for scope, look in seen.looks.items():
        if look.unavailable:
            scopes.append(look)
            continue
        ours = _as_recorded(seen, want, scope, choice.strangers[scope])
        base = _kept(seen, scope)
        recorded[scope] = {**base, **ours}
        adopted[scope] = tuple(ours)
        scopes.append(_unwritten(seen, scope, ours, recorded[scope]))
    notes += [*choice.notes, *_differing(seen, want, choice.strangers)]
    return Adoption(Plan(tuple(scopes)), recorded, adopted, files, tuple(notes))


def _check_guild(profile: Profile, guild: str | None) -> None:
    if guild is None:
        return
    if profile.source.runs_code:
        what = f"with source {profile.source.kind} no definition is written, so there is no guild to choose"
        raise BotswainError(what, where="--guild", fix="leave it out")
    if guild not in profile.guild_ids:
        known = ", ".join(profile.guild_ids) or "none, it is global"
        raise BotswainError(f"{guild} is no guild of this profile", where="--guild", fix=f"its guilds: {known}")


def _wanted(profile: Profile, known: list[Definition]) -> tuple[Wanted, list[str]]:
    """What is wanted before anything is adopted, as far as it can be told."""
    if not profile.source.runs_code:
        from botswain.commands.sources.read import Found

        loose = replace(profile, enabled_commands=("*",), command_overrides={})  # these may be for what is to come
        return wanted_of(loose, Found(known)), []
    try:
        return wanted(profile), []
    except BotswainError as error:
        reason = str(error).splitlines()[0]
        return Wanted({}), [f"the source could not be read, so what is live is recorded just as it is: {reason}"]


def _look(session: Session, client: DiscordClient, manifest: Manifest | None, want: Wanted) -> _Seen:
    """Reads every scope of the profile, several at a time."""
    profile = session.profile
    scopes = [GLOBAL] if profile.global_ or profile.entry_point else []
    scopes += [scope for scope in (*profile.guild_ids, *want.scopes) if scope != GLOBAL]
    records: Mapping[str, ScopeRecord] = manifest.scopes if manifest else {}

    def one(scope: str) -> ScopePlan:
        try:
            return plan_scope(scope, {}, client.commands(scope), None)
        except ScopeUnavailable as error:
            return unavailable(scope, error.what, records.get(scope))

    distinct = list(dict.fromkeys(scopes))
    with workers(len(distinct) + 1) as pool:
        application = identify(session, client, manifest, pool)
        futures = {scope: pool.submit(one, scope) for scope in distinct}
        try:
            told = application.result()
            looks = {scope: future.result() for scope, future in futures.items()}
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return _Seen(profile, looks, records, install_types(client, told))


def _strangers(seen: _Seen, want: Wanted) -> _Choice:
    """What is live, not recorded, and the profile's business."""
    profile, choice = seen.profile, _Choice()
    elsewhere = 0
    for scope, look in seen.looks.items():
        if look.unavailable:
            continue
        choice.strangers[scope], choice.left[scope] = {}, {}
        for raw in look.live_commands():
            name = key(raw)
            foreign = scope == GLOBAL and not profile.global_ and not name.startswith(_ENTRY_POINT)
            owners = scope not in (GLOBAL, *profile.guild_ids) and name not in want.scopes.get(scope, {})
            if name in seen.record(scope) or raw["id"] in seen.ids(scope):  # the latter was renamed by other hands
                continue
            if left_alone(profile.leave, name):
                continue
            if foreign or owners:
                elsewhere += 1
            elif not name.startswith(_KNOWN_KINDS):
                choice.notes.append(f"{name} in {label(scope)} is of a kind that Botswain does not know; left as it is")
            else:
                enabled = chosen(Definition(dict(raw), ""), profile.enabled_commands)
                commands = choice.strangers if enabled else choice.left
                commands[scope][name] = canonical(definition(raw), scope)
    if left := dict.fromkeys(name for commands in choice.left.values() for name in commands):
        choice.notes.append(f"enabled_commands leave out {some(left)}, so what is live of it stays as it is")
    if elsewhere:
        place = "of this profile's own scopes: it keeps them as they are"
        choice.notes.append(f"{elsewhere} live command{'s' if elsewhere > 1 else ''} belong to none {place}")
    return choice


def _ever(seen: _Seen) -> set[str]:
    """What is recorded in any scope: if it has no file, somebody took it out of the sources."""
    return {name for record in seen.records.values() for name in record.commands}


def _as_recorded(seen: _Seen, want: Wanted, scope: str, strangers: Commands) -> dict[str, Command]:
    """What becomes ours in a scope, in the form that a deployment would have recorded.

    That is the definition's where it says what is live, so that the next plan is empty. Anything else is recorded as it
    is live, with fields that Discord may have filled in left to Discord.
    """
    live = seen.looks[scope].live_commands()
    wanted_here = {name: want.scopes[scope][name] for name in strangers if name in want.scopes.get(scope, {})}
    plan = plan_scope(scope, wanted_here, live, None, install_types=seen.install_types)
    changed = {command.key for command in plan.having(Action.UPDATE)}
    same = {name: command for name, command in wanted_here.items() if name not in changed}
    rest = {name: _without_places(command) for name, command in strangers.items() if name not in same}
    plan = plan_scope(scope, rest, live, None, install_types=seen.install_types)
    for command in plan.having(Action.UPDATE):
        pinned = {change.path: change.live for change in command.fields if change.path in LEFT_TO_DISCORD}
        rest[command.key] = {**rest[command.key], **pinned}
    return {name: same.get(name) or rest[name] for name in strangers}


def _without_places(command: Command) -> Command:
    return {name: value for name, value in command.items() if name not in LEFT_TO_DISCORD}


def _kept(seen: _Seen, scope: str) -> dict[str, Command]:
    """What is recorded already. What Discord had chosen is named where it is another now, so that it stays drift."""
    record = seen.records.get(scope)
    if record is None:
        return {}
    live = {key(raw): canonical(raw, scope) for raw in seen.looks[scope].live_commands()}
    kept = dict(record.commands)
    for name, chosen_then in record.defaults.items():
        before = {one: sorted(value) if isinstance(value, list) else value for one, value in chosen_then.items()}
        if name in kept and name in live and any(live[name].get(one) != value for one, value in before.items()):
            kept[name] = {**kept[name], **before}
    return kept


def _unwritten(seen: _Seen, scope: str, ours: Commands, recorded: Commands) -> ScopePlan:
    """The plan of a scope in which only the record changes. Raises BotswainError rather than plan a write."""
    live = seen.looks[scope].live_commands()
    plan = plan_scope(scope, ours, live, None, install_types=seen.install_types)
    if plan.changed:
        names = some(command.key for command in plan.having(*Action) if command.action is not Action.KEEP)
        raise BotswainError(f"cannot be recorded as it is live: {names}", where=label(scope), fix="report this")
    others = tuple(command for command in plan.commands if command.key not in recorded)
    known = plan.unchanged + len(plan.commands) - len(others)
    return replace(plan, wanted=recorded, record=seen.records.get(scope), commands=others, unchanged=known)


def _differing(seen: _Seen, want: Wanted, strangers: Mapping[str, Commands]) -> Iterator[str]:
    """What the next diff will show of what was adopted."""
    edited: dict[tuple[str, ...], list[str]] = {}
    missing: dict[tuple[str, ...], list[str]] = {}
    for scope, commands in strangers.items():
        here = want.scopes.get(scope, {})
        if not commands or (seen.profile.source.runs_code and not want.scopes):
            continue
        wanted_here = {name: command for name, command in here.items() if name in commands}
        plan = plan_scope(scope, wanted_here, seen.looks[scope].live_commands(), None, install_types=seen.install_types)
        changed = {command.key for command in plan.having(Action.UPDATE)}
        if names := tuple(name for name in commands if name in changed):
            edited.setdefault(names, []).append(scope)
        if names := tuple(name for name in commands if name not in here):
            missing.setdefault(names, []).append(scope)
    for names, scopes in edited.items():
        yield f"the next deploy would change {some(names)} in {places(scopes)}: the sources define it otherwise"
    for names, scopes in missing.items():
        yield (
            f"the next deploy would delete {some(names)} in {places(scopes)}, which the sources do not define: define"
            f" it, or name it in commands.leave of {seen.profile.file}"
        )


def some(keys: Iterable[str]) -> str:
    """The first few of some commands, as users know them."""
    names = [called(one) for one in keys]
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def places(scopes: list[str]) -> str:
    """Scopes in a message: all of a few, else how many."""
    if len(scopes) <= 3:
        return ", ".join(label(scope) for scope in scopes)
    return f"{len(scopes)} scopes ({label(scopes[0])}, …)"
