"""By hand, over plain ssh, at night: what runs, what there is to go back to, and going back.

    botswain-host [BOT] status               what runs, how it is, and where a rollback leads
    botswain-host [BOT] releases             all that are here, oldest first
    botswain-host [BOT] rollback [RELEASE]   back to the last good release, or to the one named
    botswain-host [BOT] settle               finish what a run left that was killed or cut off
    botswain-host [BOT] start|stop|restart   the bot's process alone
    --json after any of them prints one JSON document

BOT is an environment below /srv/botswain, or a folder; it may be left out where there is only one. What the bot
printed: journalctl -u botswain-BOT. Exit code 0: done; 1: failed, the message says what was done; 3: refused, nothing
changed; 5: a person is needed.
"""

from __future__ import annotations

import json
import os
import pwd
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from botswain.host import looking, releases, running, switch, told
from botswain.host.errors import HostError, Refused
from botswain.host.found import by_hand, check_root, named
from botswain.host.guard import guard_of
from botswain.host.ledger import Ledger
from botswain.host.managers import manager_of
from botswain.host.place import Place

Say = Callable[[str], None]
Done = tuple[dict[str, Any], str]
"""What came of it: as a document, and for people."""


def main(words: list[str]) -> int:
    """Do what a person says; returns the exit code."""
    as_json = "--json" in words
    words = [one for one in words if one != "--json"]
    name = "" if words[:1] and words[0] in _VERBS else "".join(words[:1])
    verb, rest = "".join(words[bool(name) :][:1]), words[bool(name) + 1 :]
    if {"-h", "--help", "help"} & set(words):
        sys.stdout.write(f"{__doc__}")
        return 0
    if verb not in _VERBS or len(rest) > (verb == "rollback"):
        sys.stderr.write(f"{__doc__}")
        return 1
    try:
        place = named(name)
        check_root(place)
        document, text = _VERBS[verb](place, _stderr if as_json else _stdout, *rest)
    except HostError as error:
        _stderr(f"botswain: {error}" + (f"\n--- the last that it printed\n{error.log}" if error.log else ""))
        return 5 if isinstance(error, switch.Stuck) else 3 if isinstance(error, Refused) else 1
    except KeyboardInterrupt:
        _stderr(f"botswain: interrupted; `{by_hand(name, 'settle')}` finishes what was begun")
        return 1
    _stdout(json.dumps(document, indent=1) if as_json else text)
    return 0


def _status(place: Place, _say: Say) -> Done:
    place.load()  # says where nothing was ever deployed
    view = looking.look(place, None)
    return asdict(view), told.status(place, view)


def _releases(place: Place, _say: Say) -> Done:
    known, live = Ledger(place).releases(), place.live()
    return {"live": live, "releases": [asdict(one) for one in known]}, told.releases(known, live)


def _rollback(place: Place, say: Say, to: str | None = None) -> Done:
    service, name = place.load(), place.root.name
    manager, waiting = manager_of(service), switch.pending(place)
    with switch.alone(place):
        live, ledger = place.live(), Ledger(place)
        found = releases.candidate(place, service, to, say)
        left = next((one for one in ledger.releases() if one.id == live), None)
        say(f"{name}: back from {told.named(left, live)} to {told.named(found, found.id)}")
        deadline = place.spec(found.id, service).health.deadline
        say(f"{name}: stopping, switching, starting; it has {deadline:g} s to be well")
        done = switch.back(place, service, manager, found, _me(), _nothing_known)
    if waiting is not None:
        guard_of(place, service).disarm(waiting.token)
    text = f"{name}: {done.release} runs and is well; the bot was away for {done.seconds:.1f} s"
    if done.previous and done.previous != done.release:
        text += f"\n{' ' * len(name)}  to undo this: {by_hand(name, 'rollback', done.previous)}"
    return {"live": done.release, "left": done.previous, "seconds": round(done.seconds, 2)}, text


def _settle(place: Place, say: Say) -> Done:
    service, name, found = place.load(), place.root.name, switch.unfinished(place)
    if found is not None:
        say(f"{name}: the switch to {found.to} was never finished; {found.back or 'no release'} is to run again")
    done = switch.settle(place, service, manager_of(service), _nothing_known)
    if found is not None:
        guard_of(place, service).disarm(found.token)
    live = place.live()
    text = f"{name}: {live or 'no release'} is live; " + ("that is done" if done else "nothing was left to finish")
    return {"live": live, "left": done.left if done else None}, text


def _start(place: Place, say: Say) -> Done:
    service = place.load()
    say(f"{place.root.name}: starting {place.live() or 'nothing, since no release is live'}")
    running.start(place, service, manager_of(service))
    return _state(place)


def _stop(place: Place, say: Say) -> Done:
    service, name = place.load(), place.root.name
    say(f"{name}: stopping; it has {service.stop_timeout:g} s to end by itself")
    running.stop(place, service, manager_of(service), _me())
    document, text = _state(place)
    return document, f"{text}; nothing starts it but a person: {by_hand(name, 'start')}"


def _restart(place: Place, say: Say) -> Done:
    service = place.load()
    say(f"{place.root.name}: stopping, then starting {place.live() or 'nothing, since no release is live'}")
    running.restart(place, service, manager_of(service))
    return _state(place)


def _state(place: Place) -> Done:
    found = looking.state(place, place.load())
    process = f"process {found.pid}" if found.running else found.told
    return asdict(found), f"{place.root.name}: {'runs' if found.running else 'does not run'} ({process})"


_VERBS: dict[str, Callable[..., Done]] = {
    "status": _status, "releases": _releases, "rollback": _rollback, "settle": _settle, "start": _start, "stop": _stop,
    "restart": _restart,
}  # fmt: skip


_PLAIN = "\n\t\u00a0\u200d"


def _me() -> str:
    """Whoever called, also through sudo."""
    try:
        return os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _nothing_known() -> str | None:
    """Nobody here asks how Discord is: by hand, a person decides."""
    return None


def _stdout(text: str) -> None:
    _print(sys.stdout, text)


def _stderr(text: str) -> None:
    _print(sys.stderr, text)


def _print(stream: Any, text: str) -> None:
    """Say it, if anybody still listens: a session that was cut off must not cut off a switch.

    What would drive the terminal, such as an escape sequence in a bot's log, is shown instead.
    """
    plain = "".join(one if one.isprintable() or one in _PLAIN else ascii(one)[1:-1] for one in text)
    try:
        stream.write(f"{plain}\n")
        stream.flush()
    except OSError:
        pass
