"""The root file system: a Debian or Ubuntu as a cloud provider hands it out, and further packages as a layer above."""

from __future__ import annotations

import functools
import inspect
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from machines import cache, ubuntu
from machines.tools import call

RELEASE = "bookworm"
"""The release that machines have unless another is asked for."""
OLD, NEW = "bullseye", "trixie"
INCLUDED = (
    "apt", "ca-certificates", "cron", "curl", "dbus", "git", "iproute2", "iputils-ping", "libpam-systemd", "netbase",
    "openssh-server", "procps", "python3", "python3-apt", "sudo", "systemd", "systemd-sysv",
)  # fmt: skip
MAKE_SECONDS = 900
USER = "admin"
"""Who logs in: may become root without a password, as on cloud images."""
_ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}

INSTALL = """
set -e
root=$1 options=$2; shift 2
mount -t overlay overlay -o "$options" "$root"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
printf '#!/bin/sh\\nexit 101\\n' >"$root/usr/sbin/policy-rc.d"; chmod 755 "$root/usr/sbin/policy-rc.d"
chroot "$root" apt-get -qq update
chroot "$root" apt-get -qq install -y --no-install-recommends "$@"
chroot "$root" apt-get -qq clean
rm -rf "$root/usr/sbin/policy-rc.d" "$root"/var/lib/apt/lists/*
"""


@functools.cache
def base(release: str = RELEASE) -> Path:
    """The folder with the bare Debian of a release; made on first use, which takes about a minute."""
    lines = sources(release)
    deciding = [inspect.getsource(_bootstrap), INCLUDED, lines]
    make = _bootstrap_ubuntu if release in ubuntu.RELEASES else _bootstrap
    return cache.once(f"{release}-{cache.digest(deciding)}", lambda folder: make(folder, release, lines))


def layers(packages: Iterable[str], controller: Path, release: str = RELEASE) -> list[Path]:
    """The folders to lay over each other, uppermost first. `controller` is what the network is reached with."""
    below = base(release)
    wanted = sorted(set(packages))
    if not wanted:
        return [below]
    name = f"{release}-{cache.digest([INSTALL, below.name, wanted])}"
    return [cache.once(name, lambda folder: _install(folder, [controller, below], wanted)), below]


def sources(release: str = RELEASE) -> list[str]:
    """Debian's own package sources as this computer's apt has them, of a release; empty where it has none."""
    if release in ubuntu.RELEASES:
        return ubuntu.sources(release)
    return [line.replace(f" {RELEASE}", f" {release}") for line in _sources()]


def _sources() -> list[str]:
    if not shutil.which("apt-get"):
        return []
    known = _targets()
    if not known:  # apt knows whose a source is once it has read it
        call(["apt-get", "-qq", "update"], check=False, timeout=MAKE_SECONDS)
        known = _targets()
    ours = [one for one in known if one[0] == "Debian" and one[1].split("-")[0] == RELEASE and one[2] == "main"]
    return [f"deb {where} {suite} {component}" for _, suite, component, where in ours]


def _targets() -> list[list[str]]:
    """Origin, suite, component and address of the sources that apt has read."""
    fields = "$(ORIGIN) $(CODENAME) $(COMPONENT) $(REPO_URI)"
    lines = call(["apt-get", "indextargets", "--format", fields, "Created-By: Packages"]).stdout.splitlines()
    parts = [line.split(" ") for line in dict.fromkeys(lines) if "$(" not in line]
    return [one for one in parts if len(one) == 4]


def transport() -> str:
    """What this computer's apt configuration says of how a source is reached: proxies, certificates, checks."""
    kinds = ("Acquire::http", "Acquire::https", "Acquire::Check-", "Acquire::Force", "Acquire::Allow")
    lines = (
        call(["apt-config", "dump", "--no-empty"], check=False).stdout.splitlines()
        if shutil.which("apt-config")
        else []
    )
    return "".join(f"{line}\n" for line in lines if line.startswith(kinds))


def _bootstrap(folder: Path, release: str, lines: Sequence[str]) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as options:
        options.write(transport())
        options.flush()
        # Without lines mmdebstrap names Debian's own servers.
        call(
            ["mmdebstrap", "--quiet", "--mode=root", "--format=directory", "--variant=minbase",
             f"--include={','.join(INCLUDED)}", f"--aptopt={options.name}", release, folder, *lines],
            timeout=MAKE_SECONDS, told="mmdebstrap",
        )  # fmt: skip
    folder.chmod(0o755)
    for name in ("etc/apt/apt.conf.d/99mmdebstrap", "etc/resolv.conf", "etc/hostname"):
        (folder / name).unlink(missing_ok=True)
    for key in (folder / "etc/ssh").glob("ssh_host_*"):
        key.unlink()  # each machine has its own
    (folder / "etc/machine-id").write_text("")
    chroot = ["chroot", folder]
    call([*chroot, "useradd", "--create-home", "--shell", "/bin/bash", USER], env=_ENV)
    sudo = folder / f"etc/sudoers.d/90-{USER}"
    sudo.write_text(f"{USER} ALL=(ALL) NOPASSWD: ALL\n")
    sudo.chmod(0o440)
    call([*chroot, "systemctl", "enable", "--quiet", "systemd-networkd"], env=_ENV)
    # A machine lives for minutes; what a server does at night would only make figures unsteady.
    call([*chroot, "systemctl", "mask", "--quiet", "apt-daily.timer", "apt-daily-upgrade.timer"], env=_ENV)


def _bootstrap_ubuntu(folder: Path, release: str, lines: Sequence[str]) -> None:
    _bootstrap(folder, release, ubuntu.sources(release, signed=True))
    (folder / "etc/apt/sources.list").write_text("".join(f"{line}\n" for line in lines))


def _install(upper: Path, lowers: Sequence[Path], packages: Sequence[str]) -> None:
    upper.chmod(0o755)
    beside = upper.with_suffix(".work")
    shutil.rmtree(beside, ignore_errors=True)
    for name in ("work", "root"):
        (beside / name).mkdir(parents=True)
    options = overlay(lowers, upper, beside / "work")
    isolated = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", INSTALL, "install"]
    call([*isolated, beside / "root", options, *packages], env=_ENV, timeout=MAKE_SECONDS, told="apt-get")
    shutil.rmtree(beside)


def overlay(lowers: Iterable[Path], upper: Path, work: Path) -> str:
    """The options of an overlay mount."""
    return f"lowerdir={':'.join(map(str, lowers))},upperdir={upper},workdir={work}"
