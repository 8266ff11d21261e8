"""The bridge of a lab: its addresses, the way out to package registries, and links that can be cut."""

from __future__ import annotations

import contextlib
import ipaddress
import json
from dataclasses import dataclass
from pathlib import Path

from machines.tools import MachineError, call, until

POOL = "10.213"
"""Networks are POOL.N.0/24, N being the number of the lab."""
LINK_SECONDS = 10.0


@dataclass(frozen=True)
class Network:
    """The network of lab `number`."""

    number: int

    @property
    def bridge(self) -> str:
        """The bridge's name."""
        return f"bw{self.number}"

    @property
    def subnet(self) -> ipaddress.IPv4Network:
        """All addresses."""
        return ipaddress.IPv4Network(f"{POOL}.{self.number}.0/24")

    @property
    def gateway(self) -> str:
        """The controller's address."""
        return self.address(1)

    def address(self, host: int) -> str:
        """The address of one host."""
        return str(self.subnet[host])

    def free(self) -> bool:
        """Whether this computer has no route into it."""
        routes = json.loads(call(["ip", "-j", "-4", "route"]).stdout)
        used = [ipaddress.IPv4Network(one["dst"], strict=False) for one in routes if one["dst"] != "default"]
        return not any(one.overlaps(self.subnet) for one in used)

    def make(self) -> None:
        """Makes the bridge, and lets machines reach what this computer reaches."""
        call(["ip", "link", "add", self.bridge, "type", "bridge"])
        call(["ip", "address", "add", f"{self.gateway}/24", "dev", self.bridge])
        call(["ip", "link", "set", self.bridge, "up"])
        _forwarding(self.bridge).write_text("1")
        for table, chain, rule in self._rules():
            call(["iptables", "-w", "-t", table, "-I", chain, *rule])

    def remove(self) -> None:
        """Takes away what is there of it."""
        for table, chain, rule in self._rules():
            while call(["iptables", "-w", "-t", table, "-D", chain, *rule], check=False).returncode == 0:
                pass
        for link in (*Path("/sys/class/net").glob(f"vb-{self.bridge}-*"), Path("/sys/class/net", self.bridge)):
            if link.exists():  # links too: those of a container that was killed may stay
                call(["ip", "link", "delete", link.name], check=link.name == self.bridge)

    def _rules(self) -> list[tuple[str, str, list[str]]]:
        """Translation of addresses, and passage where a firewall (Docker's, say) lets nothing through by itself."""
        return [
            ("nat", "POSTROUTING", ["-s", str(self.subnet), "!", "-o", self.bridge, "-j", "MASQUERADE"]),
            ("filter", "FORWARD", ["-i", self.bridge, "-j", "ACCEPT"]),
            ("filter", "FORWARD", ["-o", self.bridge, "-j", "ACCEPT"]),
        ]


def uplinks() -> list[str]:
    """The interfaces of the default routes."""
    return [one["dev"] for one in json.loads(call(["ip", "-j", "-4", "route", "show", "default"]).stdout)]


def widest() -> int:
    """The largest packet that leaves this computer: machines send none that has to be cut."""
    sizes = [int(Path("/sys/class/net", one, "mtu").read_text()) for one in uplinks()]
    return min([1500, *sizes])


def open_uplinks() -> list[str]:
    """Lets the interfaces of the default routes forward; those that did not before."""
    closed = [one for one in uplinks() if _forwarding(one).read_text().strip() == "0"]
    for one in closed:
        _forwarding(one).write_text("1")
    return closed


def close_uplinks(names: list[str]) -> None:
    """Undoes it."""
    for one in names:
        with contextlib.suppress(OSError):
            _forwarding(one).write_text("0")


def connect(link: str, bridge: str) -> None:
    """Puts a machine's link on the bridge."""
    _exists(link)
    call(["ip", "link", "set", link, "master", bridge])


def disconnect(link: str) -> None:
    """Takes it off: packets go nowhere, and the machine's own interface stays up, as when a switch fails."""
    _exists(link)
    # A link that is on no bridge is one by which packets for this computer come in: the last answer would be heard.
    Path(f"/proc/sys/net/ipv4/conf/{link}/rp_filter").write_text("1\n")
    call(["ip", "link", "set", link, "nomaster"])


def _exists(link: str) -> None:
    path = Path("/sys/class/net", link)
    with contextlib.suppress(MachineError):
        until(lambda: path.exists() or None, seconds=LINK_SECONDS, what=lambda: f"no link {link}")


def _forwarding(interface: str) -> Path:
    return Path("/proc/sys/net/ipv4/conf", interface, "forwarding")
