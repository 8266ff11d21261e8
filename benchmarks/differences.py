"""False and missed differences over thousands of generated commands, by the code that deploys them."""

from __future__ import annotations

import base64
import itertools
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.figures import Figure, exactly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AT_LEAST = 5_000
A_SET = 130
"""Commands in one scope: nearly all that Discord allows (100 + 15 + 15, and an entry point)."""
_APPLICATION = "100000000000000042"
_GUILD = "200000000000000001"


@dataclass(frozen=True)
class Kind:
    """A scope, and what Discord fills in there."""

    scope: str
    contexts: tuple[int, ...] | None
    installs: tuple[int, ...]


KINDS = [
    *(Kind("global", *both) for both in itertools.product((None, (0, 1, 2)), ((0,), (0, 1)))),
    Kind(_GUILD, (0, 1, 2), (0, 1)),
]


@dataclass(frozen=True)
class Tally:
    """What one set of commands came to."""

    commands: int
    false: int
    mutations: int
    missed: int


def differences() -> list[Figure]:
    """Every set is applied, read back and planned again; then each field of each command is changed once."""
    sets = -(-AT_LEAST // A_SET)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        tallies = list(pool.map(tally, range(sets)))
    commands = sum(one.commands for one in tallies)
    mutated = sum(one.mutations for one in tallies)
    if commands < AT_LEAST:
        raise RuntimeError(f"only {commands} commands were generated")
    return [
        exactly(
            f"false differences: {commands:,} commands applied, then planned again",
            sum(one.false for one in tallies),
            "commands",
            0,
        ),
        exactly(
            f"missed differences: {mutated:,} mutations of {commands:,} commands",
            sum(one.missed for one in tallies),
            "mutations",
            0,
        ),
    ]


def tally(number: int) -> Tally:
    """Measures the set with this number; the same one in every run."""
    from tests.strategies import mutations, random_commands, seeded

    kind = KINDS[number % len(KINDS)]
    sent = random_commands(seeded(number), kind.scope, A_SET)
    if kind.installs == (0,):  # such an application refuses commands for users
        sent = [{**one, "integration_types": [0]} if one.get("integration_types") else one for one in sent]
    return _tally(kind, sent, lambda command: mutations(command, kind.scope))


def _tally(
    kind: Kind, sent: list[dict[str, Any]], mutate: Callable[[dict[str, Any]], Iterator[tuple[str, Any]]]
) -> Tally:
    from botswain.commands.canonical import canonical, key
    from botswain.discord.client import DiscordClient
    from botswain.manifest import ScopeRecord, read_back, record
    from botswain.plan import plan_scope
    from botswain.sandbox.app import Sandbox
    from botswain.sandbox.model import Settings
    from botswain.sandbox.transport import SandboxTransport

    defaults = Settings(limits=False, contexts_default=kind.contexts, integration_types=kind.installs)
    installs = kind.installs if kind.scope == "global" else None
    wanted = {key(one): canonical(one, kind.scope) for one in sent}
    owner = base64.urlsafe_b64encode(_APPLICATION.encode()).decode().rstrip("=")
    with DiscordClient(
        token=f"{owner}.made-up.token",
        api="http://127.0.0.1/api/v10",
        application_id=_APPLICATION,
        requests_per_second=50,
        transport=SandboxTransport(Sandbox(None, settings=defaults)),
    ) as client:
        first = plan_scope(kind.scope, wanted, client.commands(kind.scope), None, install_types=installs)
        client.put_commands(kind.scope, first.payload())
        live = client.commands(kind.scope)
    if len(live) != len(sent):
        raise RuntimeError(f"{len(live)} of {len(sent)} commands are live")
    recorded = record(wanted, read_back(live, kind.scope))
    false = {problem.split(" ")[0] for problem in first.mismatches(live)}
    for known in (None, recorded):
        again = plan_scope(kind.scope, wanted, live, known, install_types=installs)
        false |= {one.key for one in again.commands}

    tried = missed = 0
    by_key = {key(raw): raw for raw in live}
    for command in sent:
        name = key(command)
        known = ScopeRecord({name: wanted[name]}, {}, {name: recorded.defaults.get(name, {})})
        for _path, mutated in mutate(command):
            changed = {key(mutated): canonical(mutated, kind.scope)}
            plan = plan_scope(kind.scope, changed, [by_key[name]], known, install_types=installs)
            tried += 1
            missed += not plan.changed
    return Tally(len(sent), len(false), tried, missed)
