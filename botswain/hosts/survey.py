"""What a host is like, also before anything of Botswain is on it: one look over ssh, which needs but a shell."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from botswain.ansible.reasons import HostFailed
from botswain.hosts import ssh
from botswain.hosts.engine import PATH
from botswain.hosts.fleet import Host

_SECONDS = 20.0
_CONNECT = 5
_SCRIPT = """
say() {{ printf '%s=%s\\n' "$1" "$2"; }}
say now "$(date +%s.%N)"
say user "$(id -un)"
say system "$(. /etc/os-release 2>/dev/null && echo "$PRETTY_NAME")"
say python "$(python3 -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null)"
say systemd "$(command -v systemctl)"
if [ "$(id -u)" = 0 ]; then say root yes; else say root "$(sudo -n true 2>&1 && echo yes)"; fi
say unit "$(ls /etc/systemd/system/botswain-{environment}.service 2>/dev/null)"
say backup "$(ls /usr/local/bin/botswain-backup 2>/dev/null)"
say engine "$(sha256sum {engine} 2>/dev/null | cut -d ' ' -f 1)"
place=/srv/botswain; [ -d $place ] || place=/srv; [ -d $place ] || place=/
say free "$(df -Pk $place | tail -n 1 | awk '{{print $4}}')"
"""


@dataclass(frozen=True)
class Surveyed:
    """What a look at a host found; empty words for what is not there."""

    user: str
    """Who logs in."""
    system: str
    """Debian GNU/Linux 13 (trixie)."""
    python: str
    """The version of its python3."""
    systemd: bool
    root: str
    """Empty where the user is root, or becomes it without a password; else what sudo says."""
    bot: bool
    """Whether it was provisioned for this environment's bot."""
    backup: bool
    """Whether it was provisioned for backups."""
    engine: str
    """SHA-256 of the engine there."""
    free: int
    """Bytes on the disk of the bots."""
    ahead: float
    """Seconds that its clock is before ours; what the look itself took is not held against it."""


def survey(hosts: Sequence[Host], environment: str) -> Mapping[str, Surveyed | HostFailed]:
    """All hosts at once; by host what it is like, or why it could not be reached."""

    def one(host: Host) -> Surveyed | HostFailed:
        script = _SCRIPT.format(environment=environment, engine=PATH)
        began = time.time()
        try:
            done = ssh.asked(host, "sh", script, seconds=_SECONDS, connect=_CONNECT)
        except HostFailed as error:
            return error
        return _parsed(done.out, began, time.time())

    with ThreadPoolExecutor(max(1, len(hosts))) as pool:
        return {host.name: found for host, found in zip(hosts, pool.map(one, hosts), strict=True)}


def _parsed(text: str, began: float, ended: float) -> Surveyed:
    known: dict[str, str] = {}
    for line in text.splitlines():
        name, found, value = line.partition("=")
        known.setdefault(name, value if found else "")
    now, root, free = _number(known.get("now", "")), known.get("root", ""), _number(known.get("free", ""))
    ahead = 0.0 if now is None or began <= now <= ended else now - ended if now > ended else now - began
    return Surveyed(
        known.get("user", ""), known.get("system", ""), known.get("python", ""), bool(known.get("systemd")),
        "" if root == "yes" else root or "sudo says nothing", bool(known.get("unit")),
        bool(known.get("backup")), known.get("engine", ""), int(free or 0) * 1024, round(ahead, 1),
    )  # fmt: skip


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
