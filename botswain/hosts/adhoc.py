"""Ad hoc work on hosts with Fabric: a log that is followed, a shell, the bot's process started and stopped.

Fabric speaks SSH itself. Where it has to go, as whom and with which key OpenSSH tells (`ssh -G`), so that your own
~/.ssh/config and what the inventory says of a host count here as well. A host key that is not known is refused.
"""

from __future__ import annotations

import contextlib
import io
import queue
import re
import shlex
import subprocess
import sys
import termios
import threading
import tty
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botswain.ansible import settings
from botswain.ansible.reasons import HostFailed, Unreachable, classified
from botswain.hosts import ssh
from botswain.hosts.fleet import Host
from botswain.hosts.ssh import Done

if TYPE_CHECKING:
    from fabric import Connection, Remote

_SECONDS = 30
_PROMPT = "[botswain asks sudo] "
_MANY = {"identityfile", "userknownhostsfile", "globalknownhostsfile"}
"""What `ssh -G` tells several times, or with several words."""


def on(host: Host, command: Sequence[str], given: str = "", seconds: float = 60) -> Done:
    """Run a command as root on a host, with `given` on its standard input; as ssh.on does."""
    from invoke.exceptions import CommandTimedOut

    line, text = ssh.as_root(host, command, given)
    with _connected(host) as connection:
        try:
            done = connection.run(line, hide=True, warn=True, timeout=seconds, in_stream=_Whole(text), encoding="utf-8")
        except CommandTimedOut:
            what = f"does not answer within {seconds:g} s"
            raise Unreachable(what, where=host.name, fix="look there; it may go on") from None
    if (refusal := ssh.refused(host, done.exited, done.stderr)) is not None:
        raise refusal
    return Done(done.exited, done.stdout, done.stderr)


def journal(host: Host, unit: str, lines: int, *, follow: bool = False) -> Iterator[str]:
    """The last lines of a unit's journal; with `follow` also what comes from now on, without end."""
    command = ["journalctl", "--quiet", "--no-pager", "--output=cat", f"--unit={unit}", f"--lines={lines}"]
    if not follow:
        done = on(host, command)
        if done.code:
            raise HostFailed(f"journalctl failed: {done.err.strip()}", where=host.name)
        yield from done.out.splitlines()
        return
    yield from _followed(host, [*command, "--follow"])


def shell(host: Host, command: str = "") -> int:
    """An interactive shell, or command, on the terminal; its exit code."""
    from invoke.exceptions import UnexpectedExit

    with _connected(host) as connection, _raw():
        try:
            done = connection.run(command, pty=True, warn=True) if command else connection.shell()
        except UnexpectedExit as error:  # a shell ends with the code of its last command
            done = error.result
        return int(done.exited)


@contextlib.contextmanager
def _raw() -> Iterator[None]:
    """Leave every key to the host's terminal, Enter and Ctrl-C as well: Fabric alone only takes lines apart.

    With ours in between, Enter arrives as Ctrl-J, by which an editor justifies text.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    tty.setraw(sys.stdin)
    sys.stdout.drives = True  # type: ignore[union-attr]  # RedactedStream's; nothing on a plain stream
    try:
        yield
    finally:
        sys.stdout.drives = False  # type: ignore[union-attr]  # as above
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _followed(host: Host, command: Sequence[str]) -> Iterator[str]:
    """What a command prints as root, as it prints it; ends when the command or the reader does."""
    heard: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    class Sink(io.TextIOBase):
        rest = ""

        def write(self, text: str) -> int:
            *whole, self.rest = (self.rest + text).split("\n")
            for one in whole:
                heard.put(one)
            return len(text)

    def listen(connection: Connection) -> None:
        try:
            # With a terminal the command over there ends with the connection.
            connection.run(
                line, hide=True, warn=True, pty=True, out_stream=Sink(), in_stream=False, encoding="utf-8",
                watchers=watchers,
            )  # fmt: skip
        except Exception as error:  # noqa: BLE001 - whoever reads is told
            heard.put(f"botswain: {host.name}: {error}")
        finally:
            heard.put(None)

    line, watchers = _on_terminal(host, command)
    with _connected(host) as connection:
        threading.Thread(target=listen, args=(connection,), daemon=True).start()
        while (found := heard.get()) is not None:
            if (shown := found.rstrip("\r")) != _PROMPT:
                yield shown.removeprefix(_PROMPT)


def _on_terminal(host: Host, command: Sequence[str]) -> tuple[str, list[Any]]:
    """A command line that runs a command as root on a terminal, and what answers sudo there, which shows no echo."""
    if not host.password or ssh.rooted(host):
        return ssh.as_root(host, command)[0], []
    from invoke.watchers import Responder

    line = f"sudo -p {shlex.quote(_PROMPT)} -- {shlex.join(command)}"
    return line, [Responder(re.escape(_PROMPT), f"{host.password}\n")]


@contextlib.contextmanager
def _connected(host: Host) -> Iterator[Connection]:
    """A connection to a host. Raises Unreachable."""
    import paramiko
    from fabric import Config, Connection
    from paramiko.ssh_exception import NoValidConnectionsError

    told = _told(host)
    arguments: dict[str, Any] = {"key_filename": [one for one in told["identityfile"] if Path(one).is_file()]}
    connection = Connection(
        told["hostname"][0], user=told["user"][0], port=int(told["port"][0]), connect_timeout=_SECONDS,
        connect_kwargs=arguments, gateway=_gateway(told),
        config=Config(overrides={"load_ssh_configs": False, "runners": {"remote": _runner()}}),
    )  # fmt: skip
    client = connection.client
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    for path in (*told["userknownhostsfile"], *told["globalknownhostsfile"]):
        with contextlib.suppress(OSError):
            client.load_system_host_keys(str(Path(path).expanduser()))
    try:
        connection.open()
    except NoValidConnectionsError as error:
        reason = next(iter(error.errors.values()), error)
        raise _unreachable(host, getattr(reason, "strerror", None) or str(reason)) from None
    except paramiko.BadHostKeyException:
        raise _unreachable(host, "REMOTE HOST IDENTIFICATION HAS CHANGED") from None
    except paramiko.AuthenticationException:
        raise _unreachable(host, "Permission denied") from None
    except paramiko.SSHException as error:
        told_by = "Host key verification failed" if "not found in known_hosts" in str(error) else str(error)
        raise _unreachable(host, told_by) from None
    except OSError as error:
        raise _unreachable(host, error.strerror or str(error)) from None
    with connection:
        yield connection


class _Whole(io.StringIO):
    """Text that is read in one go: Invoke asks for a character at a time, and sleeps after each."""

    def read(self, _size: int | None = -1, /) -> str:
        return super().read()


def _runner() -> type[Remote]:
    """What runs commands: one that ends before it has read all that it is given has ended, and that is all.

    Fabric itself fails then, with how its own thread did.
    """
    from fabric import Remote

    class Heedless(Remote):  # type: ignore[misc]  # Fabric has no types
        def _write_proc_stdin(self, data: bytes) -> None:
            with contextlib.suppress(OSError):
                super()._write_proc_stdin(data)

        def close_proc_stdin(self) -> None:
            with contextlib.suppress(OSError):
                super().close_proc_stdin()

    return Heedless


def _told(host: Host) -> dict[str, list[str]]:
    """What OpenSSH would do, by its own account."""
    argv = ["ssh", "-G", *ssh.options(host), ssh.address(host)]
    environment = settings.environment(settings.folder(), {})
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment, timeout=_SECONDS)
    if done.returncode:
        raise _unreachable(host, done.stderr)
    found: dict[str, list[str]] = {name: [] for name in _MANY}
    for line in done.stdout.splitlines():
        name, _, value = line.partition(" ")
        found.setdefault(name, []).extend(value.split() if name in _MANY else [value])
    found["identityfile"] = [str(Path(one).expanduser()) for one in found["identityfile"]]
    return found


def _gateway(told: dict[str, list[str]]) -> Connection | str | None:
    """What leads there: another host, or a command."""
    from fabric import Connection

    jump, command = told.get("proxyjump", ["none"])[0], told.get("proxycommand", ["none"])[0]
    if jump != "none":
        gateway = None
        for one in jump.split(","):
            gateway = Connection(one, gateway=gateway)
        return gateway
    return command if command != "none" else None


def _unreachable(host: Host, told: str) -> Unreachable:
    what, fix = classified(told) or (f"cannot be reached: {told.strip()}", "log in with ssh to see why")
    return Unreachable(what, where=host.name, fix=fix.format(address=ssh.address(host)))
