"""What a host is like, also before anything of Botswain is on it: one look over ssh, which needs but a shell."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botswain.ansible.reasons import HostFailed
from botswain.hosts import inspection, ssh
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
password={password}
if [ "$(id -u)" = 0 ]; then say root yes; as_root() {{ "$@"; }}
elif said=$(sudo -n true 2>&1); then say root yes; as_root() {{ sudo -n -- "$@"; }}
elif [ -n "$password" ] && said=$(printf '%s\\n' "$password" | sudo -k -S -p '' true 2>&1); then
  say root yes; as_root() {{ {{ printf '%s\\n' "$password"; cat; }} | sudo -k -S -p '' -- "$@"; }}
else say root "$(printf '%s' "$said" | tail -n 1)"; as_root() {{ "$@"; }}
fi
say unit "$(ls /etc/systemd/system/botswain-{environment}.service 2>/dev/null)"
say backup "$(ls /usr/local/bin/botswain-backup 2>/dev/null)"
say engine "$(sha256sum {engine} 2>/dev/null | cut -d ' ' -f 1)"
place=/srv/botswain; [ -d $place ] || place=/srv; [ -d $place ] || place=/
say free "$(df -Pk $place | tail -n 1 | awk '{{print $4}}')"
printf 'inspected='; as_root python3 -IS - {environment} 2>/dev/null <<'BOTSWAIN_INSPECTION'
{inspection}
BOTSWAIN_INSPECTION
echo
"""
"""A password that sudo wants is in this text, which travels on standard input, and in no argument of a program."""


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
    recorded: bool = True
    """Whether provisioning left a record of what it made."""
    by_hand: tuple[Mapping[str, Any], ...] = ()
    """What was changed there since; see inspection.py."""
    log: str = ""
    """The last lines that the bot printed since it was started."""


def survey(hosts: Sequence[Host], environment: str) -> Mapping[str, Surveyed | HostFailed]:
    """All hosts at once; by host what it is like, or why it could not be reached."""

    def one(host: Host) -> Surveyed | HostFailed:
        source = Path(inspection.__file__).read_text(encoding="utf-8")
        password = shlex.quote(host.password)
        script = _SCRIPT.format(environment=environment, engine=PATH, password=password, inspection=source)
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
    inspected = _inspected(known.get("inspected", ""))
    now, root, free = _number(known.get("now", "")), known.get("root", ""), _number(known.get("free", ""))
    ahead = 0.0 if now is None or began <= now <= ended else now - ended if now > ended else now - began
    return Surveyed(
        known.get("user", ""), known.get("system", ""), known.get("python", ""), bool(known.get("systemd")),
        "" if root == "yes" else root or "sudo says nothing", bool(known.get("unit")),
        bool(known.get("backup")), known.get("engine", ""), int(free or 0) * 1024, round(ahead, 1),
        bool(inspected.get("recorded", True)), tuple(inspected.get("found", ())), str(inspected.get("log", "")),
    )  # fmt: skip


def _inspected(text: str) -> Mapping[str, Any]:
    """What the host's Python printed; nothing where there is none."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
