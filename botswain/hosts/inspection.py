"""What was changed by hand on a host since it was provisioned. Sent to the host as text and run there by its Python.

`python3 - ENVIRONMENT` prints one JSON document: a list of findings. Provisioning leaves records of what it made
(botswain.host.record), and the programs of one file have their digests beside them. Standard library of 3.9 alone.
"""

from __future__ import annotations

import contextlib
import grp
import hashlib
import json
import os
import pwd
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

RECORDS = Path("/etc/botswain/provisioned")
PROGRAMS = ("/usr/local/lib/botswain/botswain-host.pyz", "/usr/local/lib/botswain/botswain-backup.pyz")
UPWARD = (".env", ".git", ".npmrc", ".python-version", ".tool-versions", ".venv", "node_modules", "package.json",
          "pyproject.toml", "setup.cfg", "tox.ini", "uv.toml")  # fmt: skip
"""What git, npm, Node, uv, pytest, ruff, mise and dotenv look for in every folder up to the root."""
_BY_HAND = ("/etc/systemd/", "/run/systemd/")
"""Where drop-ins are that a person made, by `systemctl edit` or `set-property`."""
ENGINES = ("50-botswain.conf", "90-started-once.conf")
"""Drop-ins that the engine itself writes when it starts the bot."""
_SHOWN = ("Id", "LoadState", "UnitFileState", "NeedDaemonReload", "DropInPaths")

Finding = dict[str, Any]
_SECONDS = 15
_FIELDS = 3
"""Words of a package's line: its name, what is wanted, what is there."""


def main(environment: str) -> None:
    """Print what is found."""
    records = known(environment)
    found = [one for path in PROGRAMS for one in program(path)]
    paths = {path: wanted for record in records for path, wanted in record.get("paths", {}).items()}
    for path, wanted in sorted(paths.items()):
        found += differences(path, wanted)
    found += unit_findings(sorted({one for record in records for one in record.get("units", [])}))
    found += package_findings(sorted({one for record in records for one in record.get("packages", [])}))
    found += above(f"/srv/botswain/{environment}/releases")
    log = output(["journalctl", "--quiet", "--no-pager", "--output=cat", "--boot", "--lines=80",
                  f"--unit=botswain-{environment}.service"])  # fmt: skip
    print(json.dumps({"recorded": bool(records), "found": found, "log": log}))  # noqa: T201 - read by who sent this


def known(environment: str) -> list[dict[str, Any]]:
    """The records of this environment and of the whole host."""
    records = []
    for path in sorted(RECORDS.glob("*.json")):
        if path.stem in {"host", "nats"} or path.stem.split("-", 1)[1:] == [environment]:
            with contextlib.suppress(OSError, ValueError):
                records.append(json.loads(path.read_bytes()))
    return records


def program(path: str) -> list[Finding]:
    """Whether a program is other than it was installed."""
    try:
        wanted = Path(f"{path}.sha256").read_text(encoding="ascii").split()[0]
    except (OSError, ValueError, IndexError):
        return []
    return differences(path, {"sha256": wanted})


def differences(path: str, wanted: dict[str, str]) -> list[Finding]:
    """What is not as it was recorded; nothing where this user may not look."""
    try:
        found = Path(path).lstat()
    except PermissionError:
        return []
    except OSError:
        return [{"kind": "missing", "name": path}]
    since = int(max(found.st_mtime, 0))
    if stat.S_ISLNK(found.st_mode):
        masked = os.readlink(path) == os.devnull  # noqa: PTH115 - a text
        return [] if masked else [{"kind": "changed", "name": path, "since": since}]  # what is masked, systemd tells
    if wanted.get("sha256"):
        digest = hashed(path)
        if digest and digest != wanted["sha256"]:
            return [{"kind": "changed", "name": path, "since": since}]
    told = {"mode": f"{stat.S_IMODE(found.st_mode):04o}", "owner": owner(found.st_uid), "group": group(found.st_gid)}
    other = [f"{name} {one}, was {wanted[name]}" for name, one in told.items() if wanted.get(name, one) != one]
    return [{"kind": "access", "name": path, "detail": "; ".join(other), "since": int(found.st_ctime)}] if other else []


def hashed(path: str) -> str:
    """The digest of a file; empty where it cannot be read."""
    with contextlib.suppress(OSError):
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    return ""


def owner(number: int) -> str:
    """The name of a user."""
    with contextlib.suppress(KeyError):
        return pwd.getpwuid(number).pw_name
    return str(number)


def group(number: int) -> str:
    """The name of a group."""
    with contextlib.suppress(KeyError):
        return grp.getgrgid(number).gr_name
    return str(number)


def unit_findings(names: list[str]) -> list[Finding]:
    """Units that are masked, not enabled any more, not loaded as they are, or changed by drop-ins."""
    if not names:
        return []
    text = output(["systemctl", "show", "--property=" + ",".join(_SHOWN), "--", *names])
    found: list[Finding] = []
    for block in text.strip().split("\n\n"):
        shown = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        name = shown.get("Id", "")
        if shown.get("LoadState") == "masked":
            found.append({"kind": "masked", "name": name})
            continue
        if shown.get("UnitFileState") in {"disabled", "static", "linked"} and shown.get("LoadState") == "loaded":
            found.append({"kind": "disabled", "name": name})
        if shown.get("NeedDaemonReload") == "yes":
            found.append({"kind": "stale", "name": name})
        paths = shown.get("DropInPaths", "").split()
        found += [drop_in(name, one) for one in paths if one.startswith(_BY_HAND) and Path(one).name not in ENGINES]
    return found


def above(releases: str) -> list[Finding]:
    """What lies above the releases and would be used by tools of the bot that look upward for settings."""
    found = []
    for folder in [Path(releases), *Path(releases).parents]:
        for name in UPWARD:
            path = folder / name
            with contextlib.suppress(OSError):
                seen = path.lstat()
                if seen.st_size or name != ".env":  # an empty one is the engine's: there the search for it ends
                    found.append({"kind": "above", "name": str(path), "since": int(seen.st_mtime)})
    return found


def drop_in(name: str, path: str) -> Finding:
    """A file of settings beside a unit, and what it sets."""
    lines, since = [], None
    with contextlib.suppress(OSError, ValueError):
        since = int(Path(path).stat().st_mtime)
        text = Path(path).read_text(encoding="utf-8")
        lines = [line.strip() for line in text.splitlines() if "=" in line and not line.lstrip().startswith(("#", ";"))]
    return {"kind": "drop-in", "name": name, "path": path, "detail": ", ".join(lines[:4]), "since": since}


def package_findings(names: list[str]) -> list[Finding]:
    """Packages that were removed, or are kept from being upgraded."""
    if not names:
        return []
    text = output(["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Want} ${db:Status-Status}\\n", *names])
    there: dict[str, tuple[str, str]] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == _FIELDS and there.get(words[0], ("", ""))[1] != "installed":
            there[words[0]] = (words[1], words[2])
    removed = [one for one in names if there.get(one, ("", ""))[1] != "installed"]
    held = [one for one in names if there.get(one, ("", "")) == ("hold", "installed")]
    return [{"kind": "removed", "name": one} for one in removed] + [{"kind": "held", "name": one} for one in held]


def output(argv: list[str]) -> str:
    """What a program prints; nothing where it is not there."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        known = {**os.environ, "LC_ALL": "C", "SYSTEMD_PAGER": ""}
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=_SECONDS, env=known).stdout
    return ""


if __name__ == "__main__":
    main(sys.argv[1])
