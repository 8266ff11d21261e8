"""What Discord says: whose the credentials are, which scopes can be reached, the clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from botswain.commands.canonical import key
from botswain.deployment import credentials
from botswain.deployment.doctor.look import Look, bad, failed, good, guilds, unknown, warning
from botswain.deployment.session import workers
from botswain.discord.enums import GLOBAL
from botswain.discord.errors import (
    BadAnswer,
    Blocked,
    DiscordError,
    RateLimited,
    Rejected,
    ScopeUnavailable,
    ServerTrouble,
    TooManyInvalidRequests,
    Unreachable,
)
from botswain.errors import Refused
from botswain.profile.settings import Profile
from botswain.wording import many

if TYPE_CHECKING:
    from botswain.discord.client import DiscordClient
    from botswain.manifest import Manifest

SKEW = (5.0, 60.0)
"""Seconds by which the clock may be off before that is a warning, and before it is bad."""
OUTAGE = (BadAnswer, Blocked, RateLimited, ServerTrouble, TooManyInvalidRequests, Unreachable)
"""Failures that say nothing about the project."""
INVITE = "https://discord.com/oauth2/authorize?client_id={}&scope=applications.commands&guild_id={}"

Keys = frozenset[str]


def application(client: DiscordClient, profile: Profile, manifest: Manifest | None) -> Look:
    """Whether the credentials work, and belong to the application of profile and manifest."""
    try:
        told = client.application()
        credentials.belongs(profile, told["id"])
    except OUTAGE as error:
        return unknown("application", f"{error.where}: {error.what}")
    except (DiscordError, Refused) as error:
        return failed("application", error)[0]
    if manifest is not None and manifest.application_id != told["id"]:
        kind = "client secret" if client.commands_only else "token"
        what = f"the {kind} belongs to {told['id']}, and {manifest.application_id} was deployed to"
        return bad("application", what, f"use that application's {kind}, or {credentials.anew(profile)}")
    client.application_id = told["id"]
    return good("application", f"{told.get('name') or 'without a name'} ({told['id']})")


def clock(client: DiscordClient, profile: Profile) -> Look:
    """Whether this machine knows what time it is."""
    offset = client.clock_offset
    if profile.sandbox:
        return good("clock", "the embedded sandbox has this machine's")
    if offset is None:
        return unknown("clock", "no answer told Discord's time")
    told = f"{abs(offset):.0f} s {'ahead of' if offset > 0 else 'behind'} Discord's"
    fix = "switch time synchronization on: sudo timedatectl set-ntp true"
    if abs(offset) > SKEW[1]:
        return bad("clock", told, fix)
    return warning("clock", told, fix) if abs(offset) > SKEW[0] else good("clock", "agrees with Discord's")


def read(client: DiscordClient, scopes: list[str]) -> dict[str, Keys | DiscordError]:
    """The commands of each scope by their keys, or why it could not be read; several scopes at a time."""

    def one(scope: str) -> Keys | DiscordError:
        try:
            return frozenset(key(raw) for raw in client.commands(scope))
        except DiscordError as error:
            return error

    with workers(len(scopes)) as pool:
        return dict(zip(scopes, pool.map(one, scopes), strict=True))


def access(found: Mapping[str, Keys | DiscordError], application_id: str) -> Iterator[Look]:
    """Which of the profile's scopes can be reached; guilds that answer alike are told together."""
    alike: dict[tuple[type[DiscordError], int, int], list[DiscordError]] = {}
    for one in found.values():
        if isinstance(one, DiscordError):
            status, code = (one.status, one.discord_code) if isinstance(one, Rejected) else (0, 0)
            alike.setdefault((type(one), status, code), []).append(one)
    for errors in alike.values():
        yield _unreached(errors, application_id)
    reached = [scope for scope, one in found.items() if not isinstance(one, DiscordError)]
    ids = [scope for scope in reached if scope != GLOBAL]
    parts = (["global commands"] if GLOBAL in reached else []) + ([guilds(ids)] if ids else [])
    if parts:
        yield good("access", f"{' and '.join(parts)} can be reached")


def _unreached(errors: list[DiscordError], application_id: str) -> Look:
    first = errors[0]
    ids = [error.scope for error in errors if error.scope != GLOBAL]
    both = (["global commands"] if len(ids) < len(errors) else []) + ([guilds(ids)] if ids else [])
    told = f"{' and '.join(both)}: {first.what}"
    if isinstance(first, OUTAGE):
        return unknown("access", told)
    if not isinstance(first, ScopeUnavailable):
        return bad("access", told, first.fix or "check the application in the Developer Portal")
    url = INVITE.format(application_id, ids[0] if len(ids) == 1 else "ID")
    each = "" if len(ids) == 1 else ", for each of them with its ID at the end"
    take = "it out of the profile" if len(ids) == 1 else f"all {many(len(ids), 'guild')} out of the profile"
    return bad("access", told, f"open {url}{each}; or take {take}")
