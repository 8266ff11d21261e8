"""Starts the bot for a manager that cannot hand over secrets: reads them from files and becomes the bot.

    python -m botswain.host.launch <folder>

Each file in `credentials/` is one secret; the release's spec says which of them the bot wants as environment variables.
The bot finds the files themselves through CREDENTIALS_DIRECTORY, as with systemd. Too many starts in a short time are
refused: each one may cost one of the logins that Discord allows in a day, and the last one costs the token.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from botswain.host.errors import HostError
from botswain.host.place import Place, explained
from botswain.host.single import claim

if TYPE_CHECKING:
    from collections.abc import Mapping

STARTS = 6
"""Starts that are allowed in WINDOW."""
WINDOW = 300.0
"""Seconds."""
REFUSED = 75
"""Exit code of a start that was refused (EX_TEMPFAIL); the manager shall take it for an expected one."""
_SIZE = 512
"""Bytes of the list of starts: written over in place, so that a full disk neither hides nor hinders a start."""
_INHERITED = frozenset({"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER", "LOGNAME", "SSL_CERT_FILE", "SSL_CERT_DIR"})


def main() -> None:
    """Become the bot, or say in one line why not."""
    if len(sys.argv) != 2:
        sys.stderr.write(f"{__doc__}\n")
        sys.exit(2)
    place = Place(Path(sys.argv[1]).resolve())
    try:
        live = _live(place)
        service = place.load(live)
        claim(place)
        allow(place)
        variables = environment(place, live, service.environment, service.secrets)
        folder = place.release(live).resolve(strict=True)
        os.chdir(folder)
        argv = list(service.run)
        if "/" in argv[0]:
            argv[0] = str(folder / argv[0])
        os.execvpe(argv[0], argv, variables)  # noqa: S606 - the profile's own command
    except (HostError, OSError, ValueError) as error:
        sys.stderr.write(f"botswain: {service_name(place)} cannot start: {error}\n")
        sys.exit(REFUSED)


def _live(place: Place) -> str:
    live = place.live()
    if live is None:
        raise HostError("no release is live", where=str(place.root), fix="deploy one")
    return live


def service_name(place: Place) -> str:
    """How the bot is called in messages."""
    return place.root.name


def environment(place: Place, live: str, own: Mapping[str, str], secrets: Mapping[str, str]) -> dict[str, str]:
    """The bot's environment: a few of the system's variables, its own, and its secrets."""
    known = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    known |= own
    known["CREDENTIALS_DIRECTORY"] = str(place.credentials)
    known["BOTSWAIN_RELEASE"] = live
    for variable, name in secrets.items():
        path = place.credentials / name
        try:
            value = path.read_text(encoding="utf-8").rstrip("\n")
        except OSError as error:
            raise HostError(f"cannot be read: {error.strerror}", where=str(path), fix="deploy again") from None
        except ValueError:
            raise HostError("is no text", where=str(path), fix="deploy again") from None
        if not value or "\0" in value:
            raise HostError("holds no usable value", where=str(path), fix="correct the secret, then deploy again")
        known[variable] = value
    return known


def allow(place: Place) -> None:
    """Note a start. Raises HostError when there were too many of them, or it cannot be noted."""
    now, path = time.time(), place.starts
    with explained(path, "note a start"):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            known, most = _starts(os.pread(descriptor, _SIZE, 0))
            if most > 1:
                known = [one for one in known if abs(now - one) < WINDOW]  # also where the clock was set back
            if len(known) >= most:
                raise HostError(_refusal(len(known), most), fix="see its log; a deploy or rollback starts it anew")
            _write(descriptor, [*known, now], most)
        finally:
            os.close(descriptor)


def forget(place: Place, *, restarts: bool = True) -> None:
    """Forget the starts so far: somebody starts it on purpose. Without `restarts`, it then starts once and no more."""
    with explained(place.starts, "write it"):
        descriptor = os.open(place.starts, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _write(descriptor, [], STARTS if restarts else 1)
        finally:
            os.close(descriptor)


def _refusal(count: int, most: int) -> str:
    if most == 1:
        return "it is not started again by itself: Discord's logins of the day are spent"
    times = f"{count} times in {WINDOW:g} s"
    return f"it was started {times}; starting it again and again spends Discord's logins"


def _starts(data: bytes) -> tuple[list[float], int]:
    """The starts so far, in Unix seconds, and how many are allowed."""
    with suppress(ValueError, TypeError, AttributeError, KeyError):
        found = json.loads(data)
        return [float(one) for one in found["starts"]], int(found["most"])
    return [], STARTS


def _write(descriptor: int, starts: list[float], most: int) -> None:
    text = json.dumps({"most": most, "starts": [round(one, 2) for one in starts]})
    os.pwrite(descriptor, text.ljust(_SIZE).encode(), 0)


if __name__ == "__main__":
    main()
