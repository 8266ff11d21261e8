"""One booted systemd: its files laid over an image, its processes in one control group, its end."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from machines import cgroups, image
from machines.tools import Done, MachineError, call, until

BOOT_SECONDS = 60.0
# Mounts are in a namespace of this shell: they go when its processes go. systemd-nspawn ends with 133 for a reboot.
BOOT = """
set -e
root=$1 options=$2; shift 2
while [ "$1" != -- ]; do echo $$ >"$1"; shift; done; shift
mount -t overlay overlay -o "$options" "$root"
while :; do
  code=0; "$@" || code=$?
  [ $code = 133 ] || exit $code
done
"""
_INSIDE = ("--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd")
_ENV = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}


@dataclass
class Container:
    """A machine without its network: `unit` is its name on this computer, `folder` has its files."""

    unit: str
    folder: Path
    lowers: Sequence[Path]
    bridge: str
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def upper(self) -> Path:
        """What the machine wrote, and what is put into it before it starts."""
        return self.folder / "upper"

    @property
    def link(self) -> str:
        """The controller's end of its network cable."""
        return f"vb-{self.unit}"

    def prepare(self) -> None:
        """Makes the folders."""
        for name in ("upper", "work", "root"):
            (self.folder / name).mkdir(parents=True)
        self.upper.chmod(0o755)

    def start(self) -> None:
        """Boots; returns before systemd is done."""
        nspawn = [
            "systemd-nspawn", "--quiet", "--boot", f"--directory={self.folder / 'root'}", f"--machine={self.unit}",
            "--register=no", "--keep-unit", f"--network-bridge={self.bridge}", "--resolv-conf=off", "--timezone=off",
            "--link-journal=no", "--console=pipe",
            "--system-call-filter=bpf", "--capability=CAP_BPF",  # or IPAddressDeny= would have no effect
        ]  # fmt: skip
        options = image.overlay(self.lowers, self.upper, self.folder / "work")
        groups = cgroups.make(self.unit)
        isolated = ["unshare", "--mount", "sh", "-c", BOOT, "boot"]
        with (self.folder / "console").open("ab") as console:
            self._process = subprocess.Popen(
                [*isolated, self.folder / "root", options, *groups, "--", *nspawn],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True,
                env={**_ENV, "SYSTEMD_NSPAWN_LOCK": "0", "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
            )  # fmt: skip

    def init(self, other_than: int | None = None) -> int:
        """The process that is number 1 inside, as this computer numbers it; waits for it."""
        return until(lambda: self._init(other_than), seconds=BOOT_SECONDS, what=lambda: f"no boot:\n{self.console()}")

    def _init(self, other_than: int | None) -> int | None:
        if self._process is None or self._process.poll() is not None:
            raise MachineError(f"the machine {self.unit} does not run:\n{self.console()}")
        for nspawn in _children(self._process.pid):
            for child in _children(nspawn):
                with contextlib.suppress(OSError, IndexError):
                    status = Path("/proc", str(child), "status").read_text()
                    numbers = status.split("NSpid:")[1].splitlines()[0].split()
                    if len(numbers) > 1 and numbers[-1] == "1" and child != other_than:
                        return child
        return None

    def enter(self, words: Sequence[object], *, check: bool, text: str | None, timeout: float) -> Done:
        """Runs a program inside, as root, past any login."""
        argv = [*self._inside(), *words]
        return call(argv, check=check, text=text, timeout=timeout, env=_ENV, told=" ".join(map(str, words)))

    def pipe(self, command: str, inside: str) -> None:
        """Leads what a shell command on this computer prints to one that runs inside."""
        entered = shlex.join([*self._inside(), "sh", "-c", inside])
        call(["bash", "-o", "pipefail", "-c", f"{command} | {entered}"], timeout=BOOT_SECONDS, env=_ENV)

    def _inside(self) -> list[str]:
        return ["nsenter", "--target", str(self.init()), *_INSIDE, "--"]

    def kill(self) -> None:
        """Ends every process at once, as a power cut does; what was written stays."""
        cgroups.end(self.unit)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def remove(self) -> None:
        """Ends it and removes its files."""
        self.kill()
        forget(self.unit)
        shutil.rmtree(self.folder)

    def console(self) -> str:
        """What the machine printed while it booted."""
        path = self.folder / "console"
        return path.read_text(errors="replace")[-4000:] if path.exists() else ""


def forget(unit: str) -> None:
    """Removes what systemd-nspawn keeps of a machine on this computer when it is killed."""
    for place in ("propagate", "unix-export"):
        with contextlib.suppress(OSError):
            os.rmdir(Path("/run/systemd/nspawn", place, unit))  # noqa: PTH106 - one word for one folder


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(word) for word in Path("/proc", str(pid), "task", str(pid), "children").read_text().split()]
    return []
