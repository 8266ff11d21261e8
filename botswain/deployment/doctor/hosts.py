"""Whether the hosts of a profile are there, and have what a bot needs: before the first deployment, too."""

from __future__ import annotations

from collections.abc import Iterator

from botswain.ansible.reasons import HostFailed, classified
from botswain.deployment.doctor.by_hand import by_hand, forbidden_by_unit
from botswain.deployment.doctor.look import Look, Verdict, bad, failed, good, unknown, warning
from botswain.errors import BotswainError
from botswain.hosts import fleet as fleets
from botswain.hosts import ssh
from botswain.hosts.engine import engine
from botswain.hosts.fleet import Host
from botswain.hosts.survey import Surveyed, survey
from botswain.profile.settings import Profile
from botswain.secrets.environment import sudo_password

_OLDEST_PYTHON = (3, 9)
"""What the engine is written for."""
_ROOM = 200_000_000
"""Bytes that a release wants."""
_CLOCK = 10.0
"""Seconds that a clock may be wrong."""


def hosts(profile: Profile) -> Iterator[Look]:
    """The inventory, and each host in it; nothing for a bot that runs on this machine."""
    service = profile.service
    if service is None or service.target != "vm":
        return
    inventory = fleets.inventory_of(profile.name, service.inventory)
    try:
        password = sudo_password(profile.name)
        fleet = fleets.fleet_of(inventory, workers=service.workers is not None, password=password)
        known, database = list(fleet.hosts), None
        if profile.database is not None and profile.database.where == "host":
            database = fleets.database_of(inventory, password)
            known += [] if database in known else [database]
    except BotswainError as error:
        yield from failed("inventory", error)
        return
    helpers = f", workers {', '.join(one.name for one in fleet.workers)}" if fleet.workers else ""
    yield good("inventory", f"{inventory}: gateway {fleet.gateway.name}{helpers}")
    found = survey([one for one in known if one.direct], profile.name)
    for one in known:
        look = f"host {one.name}"
        if one.name not in found:
            yield unknown(look, "ssh alone does not do there (a password, or another connection); provision tells more")
            continue
        seen = found[one.name]
        if isinstance(seen, HostFailed):
            yield from failed(look, seen)
        else:
            ready = (seen.bot or one not in fleet.hosts) and (seen.backup or one != database)
            yield from told(one, seen, profile.name, ready=ready)


def told(host: Host, seen: Surveyed, environment: str, *, ready: bool) -> Iterator[Look]:
    """What is wrong with a host, a line each; one line where nothing is. `ready`: provisioned for what it does."""
    look = f"host {host.name}"
    found = list(_wrong(look, host, seen))
    if not ready:
        found.append(bad(look, "is not provisioned for this environment", f"./inv provision --env {environment}"))
    else:
        found += [*by_hand(look, seen, environment), *forbidden_by_unit(look, seen, environment)]
    yield from found
    if any(one.verdict is Verdict.BAD for one in found):
        return
    own = "" if not seen.engine else ", this engine" if seen.engine == engine().digest else ", another engine"
    room = f"{seen.free / 1e9:.1f} GB free"
    yield good(look, f"{seen.user}@{ssh.address(host)}, {seen.system}, Python {seen.python}, {room}, provisioned{own}")


def _wrong(look: str, host: Host, seen: Surveyed) -> Iterator[Look]:
    if not seen.python:
        yield bad(look, "Python is not installed there", "install it: apt-get install python3")
    elif tuple(int(part) for part in seen.python.split(".")[:2]) < _OLDEST_PYTHON:
        yield bad(look, f"has Python {seen.python}, and 3.9 is needed", "install a newer Debian: 11 has 3.9")
    if not seen.systemd:
        yield bad(look, "has no systemd, which is to keep the bot", "take a host with Debian 11 or newer")
    if seen.root:
        what, fix = classified(seen.root) or (
            f"{seen.user} does not become root: {seen.root}",
            "allow it in /etc/sudoers.d on the host, or log in as root",
        )
        yield bad(look, what, fix.format(address=ssh.address(host)))
    if seen.free < _ROOM:
        what = f"has {seen.free // 1_000_000} MB free where bots are, and a release wants {_ROOM // 1_000_000}"
        yield bad(look, what, "free some space there")
    if abs(seen.ahead) > _CLOCK:
        what = f"its clock is {abs(seen.ahead):.0f} s {'ahead of' if seen.ahead > 0 else 'behind'} this machine's"
        yield warning(look, what, "correct the wrong one of both; `timedatectl set-ntp true` keeps it right")
