"""Ubuntu's package sources and the keys by which they are trusted, on a computer that is a Debian."""

from __future__ import annotations

import hashlib
import urllib.request
from pathlib import Path

from machines import cache
from machines.tools import MachineError, call

RELEASES = ("noble",)
ARCHIVE = "http://archive.ubuntu.com/ubuntu"
KEYRING = f"{ARCHIVE}/pool/main/u/ubuntu-keyring/ubuntu-keyring_2023.11.28.1_all.deb"
SHA256 = "80a36b0a6de2f69f49d2df75ef473ccde121e9e190b9ea01d20a4f63778d5c31"
"""Of the file with the archive's keys (F6ECB3762474EDA9D21B7022871920D1991BC93C and the one before)."""
_SECONDS = 60


def sources(release: str, *, signed: bool = False) -> list[str]:
    """The archive's lines; `signed` names the keys on this computer, for making a system."""
    by = f"[signed-by={keys()}] " if signed else ""
    suites = (release, f"{release}-updates", f"{release}-security")
    return [f"deb {by}{ARCHIVE} {suite} main universe" for suite in suites]


def keys() -> Path:
    """The file with the archive's keys. Raises MachineError for any other than the known one."""
    return cache.once("ubuntu-keys", _fetch) / "usr/share/keyrings/ubuntu-archive-keyring.gpg"


def _fetch(folder: Path) -> None:
    package = folder / "keyring.deb"
    with urllib.request.urlopen(KEYRING, timeout=_SECONDS) as answer:  # noqa: S310 - http; the digest decides
        package.write_bytes(answer.read())
    call(["dpkg-deb", "-x", package, folder])
    found = folder / "usr/share/keyrings/ubuntu-archive-keyring.gpg"
    if hashlib.sha256(found.read_bytes()).hexdigest() != SHA256:
        raise MachineError(f"{KEYRING} has other keys than the known ones")
    found.chmod(0o644)
    folder.chmod(0o755)
