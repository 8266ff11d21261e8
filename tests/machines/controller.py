"""What a machine needs of the computer that it runs on to reach package registries: names, certificates, addresses.

Nothing here is in a cached image: it is laid over it when a machine starts, so that another network needs no new image.
"""

from __future__ import annotations

import configparser
import os
import shutil
from pathlib import Path

from machines import image

BUNDLE = Path("etc/ssl/certs/ca-certificates.crt")
PIP = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout")


def lay(folder: Path) -> None:
    """Fills the folder with the files, at their places below the root."""
    _write(folder / "etc/resolv.conf", "".join(f"nameserver {one}\n" for one in nameservers()))
    _write(folder / "etc/apt/apt.conf.d/99controller", image.transport())
    if (Path("/") / BUNDLE).is_file():
        _write(folder / BUNDLE, (Path("/") / BUNDLE).read_text())
        _write(folder / "etc/environment", "".join(f"{name}=/{BUNDLE}\n" for name in _certified()))
        local = Path("/usr/local/share/ca-certificates")
        if local.is_dir():
            shutil.copytree(local, folder / "usr/local/share/ca-certificates", dirs_exist_ok=True)
    if settings := pip():
        _write(
            folder / "etc/pip.conf", "[global]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items())
        )
    for place in ("etc/npmrc", "usr/local/etc/npmrc"):  # Debian's npm, and one that was copied to /usr/local
        _write(folder / place, "".join(f"{name}={value}\n" for name, value in npm().items()))
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)


def nameservers() -> list[str]:
    """Addresses of name servers that a machine can reach: none on this computer's loopback."""
    for place in ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"):
        path = Path(place)
        words = [line.split() for line in path.read_text().splitlines()] if path.is_file() else []
        found = [line[1] for line in words if line[:1] == ["nameserver"] and not line[1].startswith(("127.", "::1"))]
        if found:
            return found
    return []


def pip() -> dict[str, str]:
    """How pip reaches its index, of this computer's files and environment. Folders of this computer are left out."""
    read = configparser.RawConfigParser()
    home = Path.home()
    files = [
        Path("/etc/xdg/pip/pip.conf"),
        Path("/etc/pip.conf"),
        home / ".pip/pip.conf",
        home / ".config/pip/pip.conf",
    ]
    named = os.environ.get("PIP_CONFIG_FILE")
    read.read([*files, named] if named else files)
    found = dict(read.items("global")) if read.has_section("global") else {}
    found |= {
        name[4:].lower().replace("_", "-"): value for name, value in os.environ.items() if name.startswith("PIP_")
    }
    kept = {
        name: " ".join(word for word in found.get(name, "").split() if not word.startswith("file:")) for name in PIP
    }
    if (Path("/") / BUNDLE).is_file():
        kept["cert"] = f"/{BUNDLE}"
    return {name: value for name, value in kept.items() if value}


def npm() -> dict[str, str]:
    """Where npm's registry is, if this computer says so, and its certificates. No token is taken along."""
    found = {"cafile": f"/{BUNDLE}"} if (Path("/") / BUNDLE).is_file() else {}
    for place in ("/etc/npmrc", "/usr/etc/npmrc", "/usr/local/etc/npmrc", Path.home() / ".npmrc"):
        path = Path(place)
        for line in path.read_text().splitlines() if path.is_file() else ():
            name, _, value = line.partition("=")
            if name.strip() == "registry":
                found["registry"] = value.strip()
    names = [name for name in os.environ if name.lower() == "npm_config_registry"]
    named = os.environ[names[0]] if names else ""
    return {**found, "registry": named} if named else found


def _certified() -> list[str]:
    """The variables by which this computer tells programs about its certificates; a machine tells them the same."""
    known = (
        "SSL_CERT_FILE",
        "REQUESTS_CA_BUNDLE",
        "PIP_CERT",
        "CURL_CA_BUNDLE",
        "GIT_SSL_CAINFO",
        "NODE_EXTRA_CA_CERTS",
    )
    return [name for name in known if os.environ.get(name)]


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o644)
