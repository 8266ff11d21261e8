"""Starts the bot for its manager: reads its secrets from files and becomes the bot.

    python -m botswain.host.launch <folder>

Each file in `credentials/` is one secret; the release's spec says which of them the bot wants as environment variables.
The bot finds the files themselves through CREDENTIALS_DIRECTORY; systemd makes copies there for the bot alone. Too many
starts in a short time are refused, by systemd or here: each one may cost one of the logins that Discord allows in a
day, and the last one costs the token.

During a switch nobody answers for the bot while this module is loaded, so it imports next to nothing: no pathlib, no
dataclasses, no typing.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time

from botswain.host.errors import HostError

STARTS = 6
"""Starts that are allowed in WINDOW."""
WINDOW = 300.0
"""Seconds."""
REFUSED = 75
"""Exit code of a start that was refused (EX_TEMPFAIL); the manager shall take it for an expected one."""
PATIENCE = 3.0
"""Seconds that a starting bot waits for the one before to be gone: its manager says that it is."""
_PAUSE = 0.02
_SIZE = 512
"""Bytes of the list of starts: written over in place, so that a full disk neither hides nor hinders a start."""
_INHERITED = frozenset({"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER", "LOGNAME", "SSL_CERT_FILE", "SSL_CERT_DIR"})


def main(words: list[str], *, kept: bool = False) -> None:
    """Become the bot, or say in one line why not. `kept`: for systemd, which counts the starts and copies secrets."""
    if len(words) != 1:
        sys.stderr.write(f"{__doc__}\n")
        sys.exit(2)
    root = os.path.realpath(words[0])
    try:
        _check_halted(root)
        live = _live(root)
        made = _made(root, live)
        _check_user(made.get("user"))
        claim(f"{root}/.running")
        if not kept:
            allow(f"{root}/starts.json")
        copies = os.environ.get("CREDENTIALS_DIRECTORY") if kept else None
        given = copies or f"{root}/credentials"
        own = {"GIT_CEILING_DIRECTORIES": f"{root}/releases", **made.get("environment", {})}
        variables = environment(given, live, own, made.get("secrets", {}))
        folder = os.path.realpath(f"{root}/releases/{live}")
        os.chdir(folder)
        argv = [str(one) for one in made["run"]]
        if "/" in argv[0]:
            argv[0] = os.path.join(folder, argv[0])
        os.execvpe(argv[0], argv, variables)
    except (HostError, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        sys.stderr.write(f"botswain: {os.path.basename(root)} cannot start: {error}\n")
        sys.exit(REFUSED)


def _check_halted(root: str) -> None:
    if os.path.exists(f"{root}/halted.json"):
        raise HostError("a person stopped it by hand", where=root, fix="start it, deploy, or roll back")


def _live(root: str) -> str:
    """The release that is live."""
    try:
        return os.path.basename(os.readlink(f"{root}/current"))
    except FileNotFoundError:
        raise HostError("no release is live", where=root, fix="deploy one") from None


def _made(root: str, live: str) -> dict[str, dict[str, str]]:
    """How the release is run, as it was made; as it was stored last where that is not there any more."""
    for path in (f"{root}/services/{live}.json", f"{root}/service.json"):
        try:
            with open(path, "rb") as file:
                made = json.load(file)
        except (OSError, ValueError):
            continue
        if isinstance(made, dict) and made.get("run"):
            return made
    raise HostError("nobody knows how to start it: what was stored is gone or damaged", where=path, fix="deploy again")


def _check_user(name: object) -> None:
    if name and os.geteuid() == 0:
        raise HostError(f"root does not run what {name} is to run", fix="use botswain-host start")


def environment(given: str, live: str, own: dict[str, str], secrets: dict[str, str]) -> dict[str, str]:
    """The bot's environment: a few of the system's variables, its own, and its secrets, which are files in `given`."""
    known = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    known["PYTHONUNBUFFERED"] = "1"  # else its log has a line only when its buffer is full
    known.update(own)
    known["CREDENTIALS_DIRECTORY"] = given
    known["BOTSWAIN_RELEASE"] = live
    called = live.split("-")  # day, time, commit
    if len(called) > 2:
        known.setdefault("GIT_SHA", called[2])
    for variable, name in secrets.items():
        path = f"{given}/{name}"
        try:
            with open(path, encoding="utf-8") as file:
                value = file.read().rstrip("\n")
        except OSError as error:
            raise HostError(f"cannot be read: {error.strerror}", where=path, fix="deploy again") from None
        except ValueError:
            raise HostError("is no text", where=path, fix="deploy again") from None
        if not value or "\0" in value:
            raise HostError("holds no usable value", where=path, fix="correct the secret, then deploy again")
        known[variable] = value
    return known


def claim(running: str | os.PathLike[str]) -> None:
    """Be the bot's one process, by a lock that it inherits through `exec`. Raises HostError if there is another."""
    try:
        descriptor = os.open(running, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        try:
            descriptor = os.open(running, os.O_RDONLY)  # for a user who may not write here, root laid it
        except OSError as error:
            raise HostError.of(error, running, "lock it") from error
    end = time.monotonic() + PATIENCE
    while not locked(descriptor):
        if time.monotonic() >= end:
            from botswain.host.single import seen

            root = os.path.dirname(running)
            what = f"another process of this bot still runs ({seen(running)})"
            raise HostError(what, where=root, fix="a deploy or rollback ends it first")
        time.sleep(_PAUSE)
    os.set_inheritable(descriptor, True)


def locked(descriptor: int) -> bool:
    """Whether the lock of an open file could be taken."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def allow(starts: str | os.PathLike[str]) -> None:
    """Note a start. Raises HostError when there were too many of them, or it cannot be noted."""
    now = time.time()
    try:
        descriptor = os.open(starts, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            known, most = _starts(os.pread(descriptor, _SIZE, 0))
            if most > 1:
                known = [one for one in known if abs(now - one) < WINDOW]  # also where the clock was set back
            if len(known) >= most:
                raise HostError(_refusal(len(known), most), fix="see its log; a deploy or rollback starts it anew")
            _write(descriptor, [*known, now], most)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise HostError.of(error, starts, "note a start") from error


def forget(starts: str | os.PathLike[str], *, restarts: bool = True) -> None:
    """Forget the starts so far: somebody starts it on purpose. Without `restarts`, it then starts once and no more."""
    try:
        descriptor = os.open(starts, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _write(descriptor, [], STARTS if restarts else 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise HostError.of(error, starts, "write it") from error


def lately(starts: str | os.PathLike[str]) -> int:
    """How often the bot was started lately, since somebody started it on purpose; 0 where nobody can tell."""
    try:
        descriptor = os.open(starts, os.O_RDONLY)
    except OSError:
        return 0
    try:
        known, _ = _starts(os.pread(descriptor, _SIZE, 0))
    except OSError:
        return 0
    finally:
        os.close(descriptor)
    return len([one for one in known if abs(time.time() - one) < WINDOW])


def _refusal(count: int, most: int) -> str:
    if most == 1:
        return "it is not started again by itself: Discord's logins of the day are spent"
    times = f"{count} times in {WINDOW:g} s"
    return f"it was started {times}; starting it again and again spends Discord's logins"


def _starts(data: bytes) -> tuple[list[float], int]:
    """The starts so far, in Unix seconds, and how many are allowed."""
    try:
        found = json.loads(data)
        return [float(one) for one in found["starts"]], int(found["most"])
    except (ValueError, TypeError, AttributeError, KeyError):
        return [], STARTS


def _write(descriptor: int, starts: list[float], most: int) -> None:
    text = json.dumps({"most": most, "starts": [round(one, 2) for one in starts]})
    os.pwrite(descriptor, text.ljust(_SIZE).encode(), 0)


if __name__ == "__main__":
    main(sys.argv[1:])
