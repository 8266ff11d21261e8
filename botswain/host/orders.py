"""What a controller may order: `botswain-host ROOT do` reads one JSON document and prints one.

Request: {"orders": [{"verb": "look"}, {"verb": "deploy", "release": …}, …]}, carried out one after the other up to the
first that fails. Each class below is a verb, its fields are the order's; those without a default have to be there, and
any other field is an error. `service` is a Service as JSON, `place.parse` reads it; where an order has one, it and the
`secrets` (values by the name of their file) are stored before anything else happens. `outage` says how Discord is asked
before a bot that runs and is not ready is called bad: {"status": URL or null, "api": URL or null}; null for not at all.

Answer: {"answers": [one for each order that was carried out], "error": null or
{"kind": "failed" | "rolled_back" | "stuck", "what", "where", "fix", "log", "previous"}}. With "failed", what ran before
still runs, or was stopped by hand; "rolled_back" has the release that runs again as `previous`, null where there was
none; after "stuck" a person is needed. The exit code is 0 whenever there is an answer. Progress for people goes to
stderr.

    look         View as JSON (looking.py): {"state": STATE, "releases": [RELEASE], "switch": SWITCH or null, …}
    prepare      {"release", "commit", "reused", "seconds"}                  what base.Built needs
    deploy       {"release", "previous", "seconds", "token", "verdict": {"good", "certain", "why", "ready_after"}}
    confirm      {"confirmed": bool}                                         false: the release before is back already
    revert       {"settled": {"release", "left", "why"} or null}             null: confirmed, or taken back before
    settle       the same                                                    null: nothing was left
    candidate    {"release": RELEASE}
    back         as deploy, with an empty token: nobody has to confirm it
    withdraw     {"left": id or null}
    start, stop, restart   {"state": STATE}
    prune        {"left": [what could not be removed, and why]}
    cancel       {"cancelled": the run}                                      comes while its `deploy` or `back` goes on

RELEASE is ledger.Release, STATE looking.State and SWITCH underway.Switch as JSON; forms.py makes them again of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, Union

from botswain.host.errors import HostError
from botswain.host.place import Service, parse

_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
"""What a secret's file may be called: also what systemd takes as the name of a credential."""


@dataclass(frozen=True)
class Asked:
    """How Discord is asked whether it is in trouble itself."""

    status: str | None = None
    """Its status page."""
    api: str | None = None
    """Its API."""


@dataclass(frozen=True)
class Look:
    """See what there is. The spec is used and not stored; without one, the stored one is used."""

    service: Service | None = None


@dataclass(frozen=True)
class Prepare:
    """Take a commit in, build it, lint and test it. The spec is stored with the release alone."""

    commit: str
    """Its full id."""
    by: str
    deployment: str
    service: Service
    prefix: str = ""
    """The folder of the commit that is the release."""
    bundle: str | None = None
    """A git bundle on this machine that brings the commit; None where `look` listed it among the commits."""
    shallow: tuple[str, ...] = ()
    """Commits of the bundle whose parents the controller does not have: the lines of its `.git/shallow`."""
    held: Mapping[str, str] = field(default_factory=dict)
    """As in `releases.Order`."""


@dataclass(frozen=True)
class Deploy:
    """Switch to a release and wait until it is well; it then has to be confirmed."""

    release: str
    by: str
    deployment: str
    service: Service
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    confirm_within: float = 30.0
    """Seconds after its checks."""
    outage: Asked | None = None
    run: str = ""
    """What a `cancel` calls it; with "" it cannot be called off."""
    since: float | None = None
    """A stop by hand after this time (Unix seconds, as `look` told them) wins; None: one that comes meanwhile."""


@dataclass(frozen=True)
class Confirm:
    """Make a switch final."""

    token: str
    by: str


@dataclass(frozen=True)
class Revert:
    """Take an unconfirmed switch back at once."""

    token: str


@dataclass(frozen=True)
class Settle:
    """Finish what a killed run left."""

    service: Service | None = None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    outage: Asked | None = None


@dataclass(frozen=True)
class Candidate:
    """Find the release that a rollback returns to, and check it."""

    to: str | None = None
    """Its id or commit, or the beginning; None for the last good one."""


@dataclass(frozen=True)
class Back:
    """Return to a release on purpose: the one that `candidate` finds for the same name."""

    by: str
    release: str | None = None
    why: str = ""
    restarts: bool = True
    service: Service | None = None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    outage: Asked | None = None
    anew: bool = False
    """It is what `service` makes: that says how it is judged, and is kept with it once it is well."""
    run: str = ""
    since: float | None = None
    """Both as of a Deploy. One that is called off goes on, and is not waited for."""


@dataclass(frozen=True)
class Withdraw:
    """Undo a first deployment."""

    by: str
    why: str = ""


@dataclass(frozen=True)
class Start:
    """Start the live release unless it runs."""

    service: Service | None = None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Stop:
    """Stop the bot: no switch, guard or reboot starts it again, only another order."""

    by: str = ""


@dataclass(frozen=True)
class Restart:
    """Stop, then start the live release."""

    service: Service | None = None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Prune:
    """Remove releases that nobody needs. The spec, which says how many to keep, is used and not stored."""

    service: Service | None = None


@dataclass(frozen=True)
class Cancel:
    """Have a `deploy` that is under way, or on its way, go back at once; a `back` not wait any more."""

    run: str


Order = Union[
    Look, Prepare, Deploy, Confirm, Revert, Settle, Candidate, Back, Withdraw, Start, Stop, Restart, Prune, Cancel
]  # fmt: skip
VERBS: dict[str, type[Order]] = {
    one.__name__.lower(): one
    for one in (
        Look, Prepare, Deploy, Confirm, Revert, Settle, Candidate, Back, Withdraw, Start, Stop, Restart, Prune, Cancel
    )
}  # fmt: skip


def request(orders: Sequence[Order]) -> dict[str, Any]:
    """The document that orders this."""
    return {"orders": [{"verb": type(one).__name__.lower(), **asdict(one)} for one in orders]}


def read(document: object) -> list[Order]:
    """The orders of a request. Raises HostError for the first thing in it that is not as it has to be."""
    if not isinstance(document, dict) or set(document) != {"orders"} or not isinstance(document["orders"], list):
        raise HostError('is no request: it has to be {"orders": […]}', where="stdin")
    return [_order(number, one) for number, one in enumerate(document["orders"], 1)]


def _order(number: int, found: object) -> Order:
    verb = found.get("verb") if isinstance(found, dict) else None
    if not isinstance(found, dict) or verb not in VERBS:
        raise HostError(f"{verb!r} is no verb; there are: {', '.join(VERBS)}", where=f"order {number}")
    kind, where = VERBS[verb], f"order {number} ({verb})"
    known = {one.name: one for one in fields(kind)}
    for name in set(found) - {"verb", *known}:
        fix = f"its fields are: {', '.join(known) or 'none'}"
        raise HostError(f'unknown field "{name}"', where=where, fix=f"{fix}; or bring the engine up to date")
    for name, one in known.items():
        if name not in found and one.default is MISSING and one.default_factory is MISSING:
            raise HostError(f'field "{name}" is missing', where=where)
    values = {}
    for name in set(known) & set(found):
        try:
            values[name] = _READERS[str(known[name].type)](found[name])
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            told = f": {error}" if isinstance(error, _Wrong) or name == "service" else ""
            raise HostError(f'field "{name}" is not as it has to be{told}', where=where) from None
    return kind(**values)


class _Wrong(ValueError):
    """Told to whoever ordered it; holds no value, which may be a secret."""


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _Wrong("it is no text")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise _Wrong("it is neither true nor false")
    return value


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e6:
        raise _Wrong("it is no number of seconds")
    return float(value)


def _moment(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise _Wrong("it is no time")
    return float(value)


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise _Wrong("it is no list")
    return tuple(_text(one) for one in value)


def _secrets(value: object) -> Mapping[str, str]:
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise _Wrong("it is no object of texts")
    for name in value:
        if not _FILE.fullmatch(name):
            raise _Wrong(f"{name!r} cannot be the name of a secret's file")
    return value


def _asked(value: object) -> Asked:
    if not isinstance(value, dict) or not set(value) <= {"status", "api"}:
        raise _Wrong('it has to be {"status": URL or null, "api": URL or null}')
    return Asked(**{name: _or_none(_text)(one) for name, one in value.items()})


def _service(value: object) -> Service:
    if not isinstance(value, dict):
        raise _Wrong("it is no object")
    return parse(value)


def _or_none(reader: Callable[[object], Any]) -> Callable[[object], Any]:
    return lambda value: None if value is None else reader(value)


_READERS: dict[str, Callable[[object], Any]] = {
    "str": _text,
    "str | None": _or_none(_text),
    "bool": _flag,
    "float": _seconds,
    "float | None": _or_none(_moment),
    "tuple[str, ...]": _texts,
    "Mapping[str, str]": _secrets,
    "Asked | None": _or_none(_asked),
    "Service": _service,
    "Service | None": _or_none(_service),
}
"""By the type of a field."""
