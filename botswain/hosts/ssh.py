"""Commands on hosts by OpenSSH alone: what only looks, and what has to be quick.

Connections are those that Ansible opens and uses, so whoever comes second finds one open: a tenth of a second instead
of half a one. Your own ~/.ssh/config applies. Host keys have to be known.
"""

from __future__ import annotations

import contextlib
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from botswain.ansible import settings
from botswain.ansible.reasons import HostFailed, Unreachable, classified
from botswain.errors import BotswainError
from botswain.hosts.fleet import Host

CONNECT_SECONDS = 10
_HANG_UP = 5
_LOST = ("was lost on the way", "look whether it is up, and the network to it")
"""Of an open connection that breaks, ssh says nothing."""
_SSH_FAILED = 255
"""The exit code with which ssh says that it is not the command that failed."""


_FROM_INPUT = (
    'if sudo -n true 2>/dev/null; then IFS= read -r _; exec sudo -n -- "$@"; else exec sudo -k -S -p "" -- "$@"; fi'
)
"""Takes the first line of its input for sudo, whether or not that wants it; `read` leaves the rest alone."""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


def options(host: Host) -> list[str]:
    """What ssh is told of a host, as Ansible tells it: the connection is then one and the same."""
    known = host.variables
    found = ["-C", "-o", "ControlMaster=auto", "-o", "ControlPersist=60s", "-o", "ServerAliveInterval=5"]
    found += ["-o", "ServerAliveCountMax=3", "-o", f"ConnectTimeout={CONNECT_SECONDS}", "-o", "BatchMode=yes"]
    found += ["-o", f"ControlPath={settings.control_path(settings.folder())}"]
    for flag, names in (
        ("-p", ("ansible_port", "ansible_ssh_port")),
        ("-l", ("ansible_user", "ansible_ssh_user")),
        ("-i", ("ansible_private_key_file", "ansible_ssh_private_key_file")),
    ):
        value = next((known[name] for name in names if known.get(name)), None)
        found += [flag, str(value)] if value is not None else []
    for name in ("ansible_ssh_common_args", "ansible_ssh_extra_args"):
        found += shlex.split(str(known.get(name) or ""))
    return found


def address(host: Host) -> str:
    """What ssh is told to connect to."""
    return str(host.variables.get("ansible_host") or host.variables.get("ansible_ssh_host") or host.name)


def as_root(host: Host, command: Sequence[str], given: str = "") -> tuple[str, str]:
    """A command line for the host that runs a command as root, and its standard input, of which `given` is for it.

    A password for sudo is the first line of that input, and no argument: the host's own list of processes shows those.
    """
    line = shlex.join(command)
    if rooted(host):
        return line, given
    if not host.password:
        return f"sudo -n -- {line}", given
    return f"sh -c {shlex.quote(_FROM_INPUT)} sudo {line}", f"{host.password}\n{given}"


def rooted(host: Host) -> bool:
    """Whether who logs in is root."""
    return host.variables.get("ansible_become") is False or _user(host) == "root"


def _user(host: Host) -> str:
    return str(host.variables.get("ansible_user") or host.variables.get("ansible_ssh_user") or "")


def on_all(hosts: Sequence[Host], command: Sequence[str], given: str = "", seconds: float = 60) -> Mapping[str, Done]:
    """Run a command as root on several hosts at once; by host how it ended. Raises what `on` raises, of the first."""
    with ThreadPoolExecutor(max(1, len(hosts))) as pool:
        running = {one.name: pool.submit(on, one, command, given, seconds) for one in hosts}
    return {name: one.result() for name, one in running.items()}


def on(host: Host, command: Sequence[str], given: str = "", seconds: float = 60) -> Done:
    """Run a command as root on a host, with `given` on its standard input.

    Raises Unreachable when the host cannot be reached, and HostFailed where nobody may become root there.
    """
    done = asked(host, *as_root(host, command, given), seconds)
    if (refusal := refused(host, done.code, done.err)) is not None:
        raise refusal
    return done


def refused(host: Host, code: int, err: str) -> HostFailed | None:
    """Why sudo did not run a command, where that is why it failed."""
    if not code or not any(line.startswith(("sudo: ", "sudo-rs: ", "Sorry, ")) for line in err.splitlines()):
        return None
    found = classified(err)
    return None if found is None else HostFailed(found[0], where=host.name, fix=found[1].format(address=address(host)))


def asked(host: Host, line: str, given: str = "", seconds: float = 60, connect: int = CONNECT_SECONDS) -> Done:
    """Run a command line on a host as who logs in there, with `given` on its standard input. Raises Unreachable.

    `connect` are the seconds that the way there may take.
    """
    argv = ["ssh", "-o", f"ConnectTimeout={connect}", *options(host), "-T", address(host), line]
    environment = {**settings.environment(settings.folder(), {})}
    try:
        done = subprocess.run(
            argv, input=given, capture_output=True, text=True, errors="replace", check=False, timeout=seconds,
            env=environment, start_new_session=True,  # Ctrl-C on a terminal is for us: an order is not cut off
        )  # fmt: skip
    except FileNotFoundError:
        raise BotswainError("ssh is not installed", fix="sudo apt install openssh-client") from None
    except subprocess.TimeoutExpired:
        what = f"does not answer within {seconds:g} s"
        raise Unreachable(
            what, where=host.name, fix="look whether it is up, and whether a firewall is in the way"
        ) from None
    if done.returncode == _SSH_FAILED:
        said = _line(done.stderr)
        what, fix = classified(done.stderr) or (
            (f"cannot be reached: {said}", "log in with ssh to see why") if said else _LOST
        )
        raise Unreachable(what, where=host.name, fix=fix.format(address=address(host)))
    return Done(done.returncode, done.stdout, done.stderr)


def hang_up(host: Host) -> None:
    """Forget the open connection to a host: over one that is dead, everybody would wait for its end."""
    argv = ["ssh", "-O", "exit", *options(host), address(host)]
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(argv, capture_output=True, check=False, timeout=_HANG_UP, stdin=subprocess.DEVNULL)


def _line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
