"""Ad hoc work on a host by Fabric: against a real SSH server, on this machine."""

from __future__ import annotations

import socket
import threading
from types import SimpleNamespace

import paramiko
import pytest

from botswain.host import orders
from botswain.hosts import adhoc
from botswain.hosts.fleet import Fleet, Host
from botswain.targets.engines import Engines


class Hasty(paramiko.ServerInterface):
    """Lets everybody in, and ends every command before it has read anything."""

    def check_auth_none(self, _user):
        """Everybody may come in."""
        return paramiko.AUTH_SUCCESSFUL

    def check_auth_publickey(self, _user, _key):
        """With any key."""
        return paramiko.AUTH_SUCCESSFUL

    def get_allowed_auths(self, _user):
        """Keys."""
        return "publickey"

    def check_channel_request(self, _kind, _number):
        """Sessions, and whatever else."""
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel, _command):
        """Ends in a moment, as a shell does that finds no such command."""

        def end():
            channel.sendall_stderr(b"sh: 1: botswain-host: not found\n")
            channel.send_exit_status(127)
            channel.close()

        threading.Timer(0.1, end).start()
        return True


@pytest.fixture
def hasty(tmp_path):
    """A host whose commands end at once."""
    own, user = paramiko.RSAKey.generate(2048), tmp_path / "key"
    paramiko.RSAKey.generate(2048).write_private_key_file(str(user))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        known = tmp_path / "known_hosts"
        known.write_text(f"[127.0.0.1]:{port} {own.get_name()} {own.get_base64()}\n")

        def serve():
            transport = paramiko.Transport(listening.accept()[0])
            transport.add_server_key(own)
            transport.start_server(server=Hasty())
            served.append(transport)

        served = []
        thread = threading.Thread(target=serve)
        thread.start()
        yield Host("gate", {
            "ansible_host": "127.0.0.1", "ansible_port": port, "ansible_user": "root",
            "ansible_ssh_private_key_file": str(user), "ansible_ssh_common_args": f"-o UserKnownHostsFile={known}",
        })  # fmt: skip
        thread.join(20)
        for one in served:
            one.close()


def test_a_host_without_the_engine(hasty):
    """Its shell ends before the order is through, and what the shell says is told, not how the order got stuck."""
    long = {"secret": "x" * 5_000_000}
    engines = Engines(Fleet(SimpleNamespace(), hasty), "stage")
    found = engines.tell([hasty], {"gate": [orders.Start(secrets=long)]}, adhoc.on)["gate"]
    assert str(found.error) == "gate: nothing of Botswain is installed on it; ./inv provision --env stage"
