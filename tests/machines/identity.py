"""What makes one machine different from another: name, address, host key; put into its files before it starts."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from machines.tools import call

NETWORK = """[Match]
Virtualization=container
Name=host0

[Link]
MTUBytes={mtu}

[Network]
Address={address}/24
Gateway={gateway}
IPv6AcceptRA=no
LinkLocalAddressing=no
"""


def give(root: Path, *, name: str, address: str, gateway: str, mtu: int) -> str:
    """Writes it below the root. The machine's public host key, as a line of known_hosts has it after the address."""
    _write(root / "etc/hostname", f"{name}\n")
    _write(root / "etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {name}\n")
    _write(root / "etc/machine-id", f"{uuid.uuid4().hex}\n")
    # It sorts before systemd's own 80-container-host0.network, which asks a DHCP server that is not there.
    network = NETWORK.format(address=address, gateway=gateway, mtu=mtu)
    _write(root / "etc/systemd/network/10-host0.network", network)
    key = root / "etc/ssh/ssh_host_ed25519_key"
    make_key(key, comment=name)
    return " ".join(key.with_suffix(".pub").read_text().split()[:2])


def admit(root: Path, user: str, numbers: tuple[int, int], public: str) -> None:
    """Lets whoever has the private key log in as the user; `numbers` are the user's and the group's."""
    home = root / "home" / user
    keys = home / ".ssh" / "authorized_keys"
    _write(keys, public)
    for path, mode in ((home, 0o755), (keys.parent, 0o700), (keys, 0o600)):
        path.chmod(mode)
        os.chown(path, *numbers)
    home.parent.chmod(0o755)


def make_key(path: Path, comment: str) -> None:
    """Makes a key pair without a passphrase."""
    path.parent.mkdir(parents=True, exist_ok=True)
    call(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path])


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o644)
