"""Whose a port is: by the process that has it, on every address family, whoever runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from desk import ROOT
from hosting import free_port

from botswain.host import ports

LISTEN = """
import socket, sys, time
host, port, family = sys.argv[1], int(sys.argv[2]), socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
one = socket.create_server((host, port), family=family, dualstack_ipv6=host.startswith("::") and host != "::1")
print(1, flush=True)
time.sleep(600)
"""
ADDRESSES = ("127.0.0.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1")  # noqa: S104 - compared, not bound
root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@contextmanager
def listening(host: str, port: int):
    """A process that listens there; its id."""
    process = subprocess.Popen([sys.executable, "-S", "-c", LISTEN, host, str(port)], stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"1\n"
        yield process.pid
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("host", ADDRESSES)
def test_a_port_is_known_by_its_process_on_every_address_family(host):
    """Whatever address is asked and whatever address it listens on: the bot's own is free, another's has a name."""
    port = free_port()
    wanted = [(name, port) for name in ("127.0.0.1", "localhost", "::1")]
    with listening(host, port) as pid:
        assert ports.in_the_way(wanted, lambda one: one == pid, {pid}) == []
        assert ports.in_the_way(wanted, lambda one: one == pid, ()) == []
        (found,) = ports.in_the_way(wanted, lambda _: False, ())
        assert (found.port, found.pid) == (port, pid)
        told = str(found.refusal())
        assert f"port {port}, which the bot needs, is used by process {pid} (python" in told
        assert told.startswith((f"{host}:{port}: ", f"[{host}]:{port}: "))
    assert ports.in_the_way(wanted, lambda _: False, ()) == []


def test_a_port_of_another_address_of_this_machine_is_in_nobodys_way():
    """A proxy on the machine's outer address and a bot on its loopback may share a port's number."""
    port = free_port()
    with listening("127.0.0.2", port):
        assert ports.in_the_way([("127.0.0.1", port), ("localhost", port)], lambda _: False, ()) == []


def test_the_bots_own_socket_does_not_hide_anothers_at_the_same_port():
    """The bot on one address and a program on another: the program is named, though the bot has the port, too."""
    port = free_port()
    with listening("127.0.0.1", port) as bot, listening("::1", port) as other:
        (found,) = ports.in_the_way([("localhost", port)], lambda pid: pid == bot, {bot})
        assert found.pid == other


@root
def test_a_process_of_another_user_is_no_bot_though_nobody_may_look_at_it():
    """Without the right to see whose socket it is, its user is told, and the command that names the process."""
    port = free_port()
    code = (
        "import json, os\n"
        "from botswain.host import ports\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        f"found = ports.in_the_way([('127.0.0.1', {port})], lambda pid: pid == os.getpid(), {{os.getpid()}})\n"
        "print(json.dumps([str(one.refusal()) for one in found]))"
    )
    with listening("127.0.0.1", port):
        done = subprocess.run(
            [sys.executable, "-c", code], cwd="/", env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [
        (
            f"127.0.0.1:{port}: port {port}, which the bot needs, is used by a process of the user root; sudo ss -tlnp"
            f" 'sport = :{port}' names it; stop it, or give the bot another port (service.port, service.health)"
        )
    ]


def test_without_lists_of_the_kernel_a_try_to_listen_tells(monkeypatch):
    """Where there is no /proc, a port that cannot be had is another's, unless the bot runs."""
    port = free_port()
    real = Path.read_text

    def read(path: Path, *words: str) -> str:
        if str(path).startswith("/proc/net"):
            raise FileNotFoundError
        return real(path, *words)

    monkeypatch.setattr(Path, "read_text", read)
    with listening("127.0.0.1", port) as pid:
        assert [one.pid for one in ports.in_the_way([("127.0.0.1", port)], lambda _: False, ())] == [0]
        assert ports.in_the_way([("127.0.0.1", port)], lambda _: False, {pid}) == []
    assert ports.in_the_way([("127.0.0.1", port)], lambda _: False, ()) == []
