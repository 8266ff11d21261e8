"""All looks at one environment, in the order in which their findings matter."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from botswain.deployment.doctor import engines, hosts, kept, machine, project, service
from botswain.deployment.doctor.look import Look, Verdict, failed, good, safely, unknown
from botswain.deployment.records import Records
from botswain.deployment.session import Session, connected, open_records
from botswain.deployment.wanted import Wanted, wanted
from botswain.discord.enums import GLOBAL
from botswain.errors import BotswainError, InvalidInput
from botswain.profile.load import read
from botswain.profile.settings import Profile

if TYPE_CHECKING:
    from botswain.manifest import Manifest

_OF_RECORDS = ("records", "lock", "unfinished run", "audit log", "records writable")
_OF_DISCORD = ("application", "clock", "access", "global and guild", "not in the sources", "limits")


def examine(environment: str) -> Iterator[Look]:
    """Every look, as soon as it is done. Raises BotswainError only when there is no such environment."""
    found, problem = _profile(environment)
    yield from safely("python", machine.python)
    yield from safely("packages", machine.packages)
    yield from safely("git", machine.git)
    yield from safely(".env", project.dotenv)
    yield from safely("variables", partial(project.variables, environment))
    if found is None:
        yield from failed("profile", problem)
        for look in ("credentials", "sources", "commit", *_OF_RECORDS, *_OF_DISCORD):
            yield unknown(look, "the profile cannot be read")
        return
    yield from safely("profile", partial(project.profile, found))
    readable = _at_hand(found)
    want: list[Wanted] = []
    yield from _code(found, readable, want)
    yield from safely("versions", partial(engines.engines, found))
    yield from safely("registration", partial(project.registration, found))
    yield from safely("commit", partial(project.commit, found))
    yield from _service(found)
    records: list[Records] = []
    yield from _records(found, records)
    yield from _discord(found, want[0] if want else None, records[0] if records else None)


_READS_CODE = ("node", "bot's python")
"""The looks without which no code can be read; of its packages, reading tells best whether they do."""


def _code(found: Profile, readable: Profile, want: list[Wanted]) -> Iterator[Look]:
    """What reading the commands needs, and what was read."""
    code = list(safely(found.source.kind, partial(machine.bot_code, readable.source)))
    there = [look for look in code if look.verdict is Verdict.GOOD or look.look == "node"]
    if there != code and project.built_first(found):
        yield from there
        yield good("sources", "nothing is installed here; the first deployment builds it, and reads the commands there")
        return
    if any(look.look in _READS_CODE and look.verdict is Verdict.BAD for look in code):
        yield from code
        yield unknown("sources", "what they need is not there, as was said")
        return
    sources = list(safely("sources", partial(_sources, readable, want)))
    yield from there if want and want[0].count else code
    yield from sources


def _service(found: Profile) -> Iterator[Look]:
    yield from safely("place", partial(service.place, found))
    places = list(safely("inventory", partial(hosts.hosts, found)))
    yield from places
    if any(look.verdict is Verdict.BAD for look in places):
        yield unknown("service", "it runs on hosts that are not ready, as was said")
    else:
        yield from safely("service", partial(service.service, found))


def _profile(environment: str) -> tuple[Profile | None, InvalidInput]:
    try:
        return read(environment), InvalidInput([])
    except InvalidInput as error:
        return None, error


def _at_hand(found: Profile) -> Profile:
    """The profile with its sources as a deployment reads them: by what the live release has installed."""
    if found.service is None or not found.source.runs_code:
        return found
    from botswain.deployment.readable import at_hand

    try:
        return at_hand(found)
    except BotswainError:  # the look at the service says so
        return found


def _sources(found: Profile, want: list[Wanted]) -> Iterator[Look]:
    want.append(wanted(found))
    yield from project.sources(found, want[0])


def _records(found: Profile, opened: list[Records]) -> Iterator[Look]:
    try:
        opened.append(open_records(found))
    except BotswainError as error:
        yield from failed("records", error)
        for look in _OF_RECORDS[1:]:
            yield unknown(look, "the records cannot be opened")
        return
    session = Session(found, opened[0])
    finds = (kept.history, kept.lock, kept.cut_off, kept.audit, kept.room)
    for look, find in zip(_OF_RECORDS, finds, strict=True):
        yield from safely(look, partial(find, session))


def _discord(found: Profile, want: Wanted | None, records: Records | None) -> Iterator[Look]:
    secrets = list(safely("credentials", partial(project.secrets, found)))
    yield from secrets
    if any(look.verdict is not Verdict.GOOD for look in secrets):
        for look in _OF_DISCORD:
            yield unknown(look, "there are no usable credentials")
        return
    yield from safely("Discord", partial(_online, found, want, records))


def _online(found: Profile, want: Wanted | None, records: Records | None) -> Iterator[Look]:
    from botswain.deployment.doctor import inventory, live

    manifest, created = _recorded(records)
    with connected(found, manifest.application_id if manifest else None) as client:
        identity = live.application(client, found, manifest)
        yield identity
        yield live.clock(client, found)
        if identity.verdict is Verdict.BAD or client.application_id is None:
            for look in _OF_DISCORD[2:]:
                yield unknown(look, "the application is not known")
            return
        named = [GLOBAL, *dict.fromkeys((*found.guild_ids, *found.owner_guild_ids))]
        left = [scope for scope in (manifest.scopes if manifest else ()) if scope not in named]
        answers = live.read(client, [*named, *left])
        yield from live.access({scope: answers[scope] for scope in named}, client.application_id)
    keys = {scope: one for scope, one in answers.items() if isinstance(one, frozenset)}
    if not keys:
        for look in _OF_DISCORD[3:]:
            yield unknown(look, "no scope could be read")
        return
    stock = inventory.Inventory(found, want, manifest, keys)
    yield from safely("global and guild", partial(inventory.twice, stock))
    yield from safely("not in the sources", partial(inventory.stale, stock))
    yield from safely("limits", partial(inventory.limits, stock, created))


def _recorded(records: Records | None) -> tuple[Manifest | None, dict[str, int]]:
    """What the records know; when they are damaged, their own look says so."""
    try:
        return (records.manifest(), records.creates(datetime.now(UTC))) if records else (None, {})
    except BotswainError:
        return None, {}
