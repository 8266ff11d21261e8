"""Whether this computer can run machines, what it lacks, and in CI: getting it."""

from __future__ import annotations

import functools
import os
import shutil
import sys
import tempfile
from pathlib import Path

from machines import cgroups
from machines.tools import call

PACKAGES = {
    "systemd-nspawn": "systemd-container",
    "mmdebstrap": "mmdebstrap",
    "iptables": "iptables",
    "ip": "iproute2",
    "ssh": "openssh-client",
    "nsenter": "util-linux",
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
}
"""What is used here, a program or a file, and the Debian or Ubuntu package that has it."""
CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21}
INSTALL_SECONDS = 300


class Unable(Exception):
    """This computer cannot run machines; the text says why, and what to do."""


@functools.cache
def require() -> None:
    """Raises Unable where machines cannot run. With CI=true what is missing is installed first."""
    if reason := _forbidden():
        raise Unable(reason)
    wanted = missing()
    if wanted and os.environ.get("CI") == "true":
        install(wanted)
        wanted = missing()
    if wanted:
        raise Unable(f"not installed: {', '.join(wanted)}; apt-get install {' '.join(wanted)}")
    if reason := _refused():
        raise Unable(reason)


def missing() -> list[str]:
    """The Debian packages to install, sorted."""
    return sorted({package for name, package in PACKAGES.items() if not (shutil.which(name) or Path(name).is_file())})


def install(packages: list[str]) -> None:
    """Installs Debian packages, as CI may."""
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        call(["apt-get", "-qq", *arguments], env=env, timeout=INSTALL_SECONDS)


def _forbidden() -> str:
    if sys.platform != "linux":
        return "machines need Linux"
    if os.geteuid() != 0:
        return "machines need root: systemd-nspawn, a bridge and overlay mounts; run the tests as root"
    return ""


def _refused() -> str:
    """What the kernel does not let this process do, tried once."""
    if not cgroups.hierarchies():
        return "no cgroup hierarchy is mounted that systemd could use; systemd-nspawn needs one"
    if not all(os.access(one, os.W_OK) for one in cgroups.hierarchies()):
        return "the cgroup hierarchies are read-only; a container with --privileged has them"
    held = int(
        next(line for line in Path("/proc/self/status").read_text().splitlines() if line[:6] == "CapEff")[7:], 16
    )
    if lacking := [name for name, bit in CAPABILITIES.items() if not held >> bit & 1]:
        return f"this root may not do everything: {', '.join(lacking)} lacking; a privileged container has it"
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        for name in ("lower", "upper", "work", "root"):
            (Path(folder) / name).mkdir()
        options = f"lowerdir={folder}/lower,upperdir={folder}/upper,workdir={folder}/work"
        mounted = ["unshare", "--mount", "mount", "-t", "overlay", "overlay", "-o", options, f"{folder}/root"]
        done = call(mounted, check=False)
    return f"no overlay can be mounted: {done.stderr.strip()}" if done.returncode else ""
