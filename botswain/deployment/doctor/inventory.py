"""What live commands and sources make together: commands seen twice, commands in no source, limits that come near."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from botswain.deployment.doctor.look import Look, bad, good, guilds, listed, unknown, warning
from botswain.deployment.wanted import Wanted
from botswain.discord.enums import GLOBAL
from botswain.discord.limits import COMMANDS_PER_SCOPE, CREATES_PER_DAY
from botswain.manifest import Manifest
from botswain.profile.settings import Profile

_ENTRY_POINT = "primary_entry_point/"
_NEAR = 0.9
"""The part of a limit from which it is near."""
_LIMITS = {kind.name.lower(): most for kind, most in COMMANDS_PER_SCOPE.items()}

Keys = frozenset[str]


@dataclass(frozen=True)
class Inventory:
    """The commands of every scope that could be read, by their keys."""

    profile: Profile
    want: Wanted | None
    """None when the sources cannot be read."""
    manifest: Manifest | None
    live: Mapping[str, Keys]

    def wanted(self, scope: str) -> Keys:
        """What the sources want in a scope."""
        return frozenset(self.want.scopes.get(scope, ())) if self.want else frozenset()

    def surplus(self, scope: str) -> tuple[Keys, Keys]:
        """Live commands that are in no source, entry points left out: ours, and those of other hands."""
        more = self.live[scope] - self.wanted(scope) - self._renamed(scope)
        more = frozenset(one for one in more if not one.startswith(_ENTRY_POINT))
        record = self.manifest.scopes.get(scope) if self.manifest else None
        ours = more & frozenset(record.commands if record else ())
        return ours, more - ours

    def after(self, scope: str) -> Keys:
        """What a deploy would leave in a scope; without sources, what is live."""
        if self.want is None or scope not in self.want.scopes:
            return self.live[scope]
        ours, others = self.surplus(scope)
        gone = ours | others if self._deletes(scope) else ours
        return (self.live[scope] - gone - self._renamed(scope)) | self.wanted(scope)

    def _renamed(self, scope: str) -> Keys:
        """Live commands that get another name by a deploy."""
        live, wanted = self.live[scope], self.wanted(scope)
        renames = (self.want.renames if self.want else None) or {}
        return live & frozenset(old for new, old in renames.items() if new in wanted and new not in live)

    def _deletes(self, scope: str) -> bool:
        return self.profile.unmanaged == "delete" and (scope != GLOBAL or self.profile.global_)


def twice(inventory: Inventory) -> Iterator[Look]:
    """Commands of one kind and name that are global and in a guild: users see both."""
    if GLOBAL not in inventory.live:
        yield unknown("global and guild", "the global commands could not be read")
        return
    groups: dict[tuple[str, bool], list[str]] = {}
    for scope in inventory.live:
        if scope == GLOBAL:
            continue
        now = inventory.live[GLOBAL] & inventory.live[scope]
        then = inventory.after(GLOBAL) & inventory.after(scope)
        for one in now | then:
            groups.setdefault((one, one in now), []).append(scope)
    alike: dict[tuple[bool, tuple[str, ...]], list[str]] = {}
    for (one, now_), where in groups.items():
        alike.setdefault((now_, tuple(where)), []).append(one)
    for (now_, where_), names in sorted(alike.items(), key=lambda item: (not item[0][0], sorted(item[1]))):
        when = "users see both" if now_ else "users would see both after a deploy"
        told = f"{listed(sorted(names), 10)} is global and in {guilds(where_)}: {when}"
        yield warning(
            "global and guild", told, "keep one of the two: take the other out of the sources, or clear that scope"
        )
    if not alike:
        yield good("global and guild", "no command is both global and in a guild")


def stale(inventory: Inventory) -> Iterator[Look]:
    """Live commands that are in no source; for information, unless a deploy would delete or refuse them."""
    look, recorded = "not in the sources", set(inventory.manifest.scopes) if inventory.manifest else set()
    if inventory.want is None:
        yield unknown(look, "the sources cannot be read")
        return
    alike: dict[tuple[Keys, Keys, bool], list[str]] = {}
    for scope in inventory.live:
        left = scope not in inventory.want.scopes
        ours, others = inventory.surplus(scope)
        if left:
            others = frozenset()  # none of this profile's business
        if (ours or others) and (not left or scope in recorded):
            alike.setdefault((ours, others, left), []).append(scope)
    for (ours, others, left), where in alike.items():
        place = _place(where)
        if ours:
            fate = "that scope left the profile; --allow-delete clears it" if left else "the next deploy deletes them"
            yield good(look, f"{place}: {listed(sorted(ours))}, of ours; {fate}")
        if others:
            yield _strangers(look, place, others, "keep" if where == [GLOBAL] and not inventory.profile.global_
                             else inventory.profile.unmanaged)  # fmt: skip
    if not alike:
        yield good(look, "nothing live that is not in them")


def _strangers(look: str, place: str, others: Keys, policy: str) -> Look:
    told = f"{place}: {listed(sorted(others))}, which Botswain did not deploy"
    if policy == "delete":
        fix = "add to the sources what is to stay, or set commands.unmanaged: keep"
        return warning(look, f"{told}; the next deploy deletes them", fix)
    if policy == "refuse":
        fix = "add them to the sources, or set commands.unmanaged to keep or delete"
        return bad(look, f"{told}; deploy refuses that", fix)
    return good(look, f"{told}; they stay")


def limits(inventory: Inventory, created: Mapping[str, int]) -> Iterator[Look]:
    """How many commands a deploy would leave in each scope, and create there, against Discord's limits.

    `created` holds, by scope, how many we created during the last 24 hours.
    """
    alike: dict[tuple[str, bool, bool], list[str]] = {}
    for scope, live in inventory.live.items():
        counts = Counter(one.partition("/")[0] for one in inventory.after(scope))
        for kind, count in counts.items():
            most = _LIMITS.get(kind, 0)
            if most > 1 and count > most * _NEAR:
                told = f"{count} of {most} {kind.replace('_', ' ')} commands"
                alike.setdefault((told, count > most, False), []).append(scope)
        new = len(inventory.wanted(scope) - live)
        total = created.get(scope, 0) + new
        if new and total > CREATES_PER_DAY * _NEAR:
            told = f"a deploy would be at {total} of {CREATES_PER_DAY} new commands a day"
            alike.setdefault((told, total > CREATES_PER_DAY, True), []).append(scope)
    for (told, over, daily), where in alike.items():
        detail = f"{_place(where)}: {told}"
        fix = "wait, or edit commands rather than replace them" if daily else "merge commands into sub-commands"
        yield bad("limits", detail, fix) if over else warning("limits", detail, fix)
    if not alike:
        yield good("limits", "no scope comes near Discord's")


def _place(where: list[str]) -> str:
    ids = [scope for scope in where if scope != GLOBAL]
    return " and ".join(([GLOBAL] if len(ids) < len(where) else []) + ([guilds(ids)] if ids else []))
