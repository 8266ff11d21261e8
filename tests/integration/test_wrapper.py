"""./inv itself: where it may be called from, and how it recovers from an installation that was cut off.

Nothing is installed here: a stand-in for pip says what it was asked for.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from desk import ROOT
from standin import runs, until

pytestmark = pytest.mark.slow

PIP = """#!/bin/sh
case "$*" in
    *--version*) [ -z "$BROKEN" ] && exit 0 || exit 1 ;;
    *"-m pip install"*) echo "installs $*" >&2; sleep "${PIP_TAKES:-0}"; exit "${PIP_FAILS:-0}" ;;
    *"-m botswain.cli"*) echo "runs in $PWD"; exit 0 ;;
    *) exec REAL "$@" ;;
esac
"""


MAKER = """#!/bin/sh
case "$*" in
    "-m venv .venv") sleep 1; mkdir -p .venv/bin; cp kept .venv/bin/python ;;
    *) exec REAL "$@" ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose .venv is made, with a Python that installs nothing."""
    folder = tmp_path / "checkout"
    (folder / "requirements").mkdir(parents=True)
    for name in ("inv", "tasks.py", "requirements/base.txt"):
        shutil.copy(ROOT / name, folder / name)
    python = folder / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(PIP.replace("REAL", sys.executable))
    python.chmod(0o755)
    return folder


def inv(*command: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs a command with an environment of its own."""
    environment = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_installs_once(checkout: Path) -> None:
    """The second run installs nothing; a changed lock file is installed again."""
    first, second = (inv("./inv", "status", cwd=checkout) for _ in range(2))
    assert "--require-hashes" in first.stderr
    assert (second.stderr, second.stdout) == ("", f"runs in {checkout}\n")
    later = (checkout / ".venv/stamp").stat().st_mtime + 2
    os.utime(checkout / "requirements/base.txt", (later, later))
    assert "installing requirements/base.txt" in inv("./inv", "status", cwd=checkout).stderr


def test_a_failed_installation_is_done_again(checkout: Path) -> None:
    """One line says what failed, and nothing counts as installed."""
    failed = inv("./inv", "status", cwd=checkout, PIP_FAILS="1")
    assert failed.returncode == 1
    assert failed.stderr.endswith("could not install requirements/base.txt; see above, then run the command again\n")
    assert "installs" in inv("./inv", "status", cwd=checkout).stderr


def test_two_at_once_install_once(checkout: Path) -> None:
    """One sets up, the other waits for it and says so; neither takes the other's environment away."""
    (checkout / ".venv/bin/python").replace(checkout / "kept")  # as a clone has it, so that it is made anew
    environment = {"PATH": os.environ["PATH"], "PIP_TAKES": "1", "BOTSWAIN_PYTHON": str(checkout / "maker")}
    (checkout / "maker").write_text(MAKER.replace("REAL", sys.executable))
    (checkout / "maker").chmod(0o755)
    runs = [
        subprocess.Popen(
            ["./inv", "status"],
            cwd=checkout,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    told = [run.communicate(timeout=60) for run in runs]
    assert [out for out, _ in told] == [f"runs in {checkout}\n"] * 2
    both = "".join(err for _, err in told)
    assert both.count("botswain: making .venv") == both.count("botswain: waiting for another run") == 1


def test_from_anywhere(checkout: Path, tmp_path: Path) -> None:
    """From another folder, through a link, and by sh: it always works in its own checkout."""
    inv("./inv", "status", cwd=checkout)
    link = tmp_path / "bin" / "ship"
    link.parent.mkdir()
    link.symlink_to(checkout / "inv")
    for command, cwd in (
        ([str(checkout / "inv")], tmp_path),
        ([str(link)], tmp_path),
        (["bin/ship"], tmp_path),
        (["sh", "inv"], checkout),
    ):
        assert inv(*command, cwd=cwd).stdout == f"runs in {checkout}\n", command
    assert not (link.parent / ".venv").exists()


def test_a_copy_without_a_checkout_says_so(checkout: Path, tmp_path: Path) -> None:
    """It makes no environment in somebody else's folder."""
    shutil.copy(checkout / "inv", tmp_path / "inv")
    ran = inv("./inv", cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (
        1,
        "botswain: there is no tasks.py beside ./inv; call the inv of a checkout\n",
    )


def test_an_environment_cut_off_while_it_was_made_is_made_anew(checkout: Path) -> None:
    """Ctrl-C during the first run leaves a Python without pip; the next run does not trip over it."""
    made = inv("./inv", "status", cwd=checkout, BROKEN="1", BOTSWAIN_PYTHON="/bin/false")
    assert made.stderr == "botswain: BOTSWAIN_PYTHON=/bin/false is no Python 3.11 or newer\n"
    assert "making .venv" in inv("./inv", "status", cwd=checkout, BROKEN="1", PATH=_without_pip(checkout)).stderr


def _without_pip(checkout: Path) -> str:
    """A PATH whose python3 says that it made an environment, and makes none."""
    bin_ = checkout / "bin"
    bin_.mkdir()
    (bin_ / "python3").write_text(
        '#!/bin/sh\ncase "$*" in *--version*) echo Python 3.99 ;; *venv\\ .venv*) exit 1 ;; esac\n'
    )
    (bin_ / "python3").chmod(0o755)
    return f"{bin_}:/usr/bin:/bin"


def test_without_a_python_it_says_what_to_install(checkout: Path, tmp_path: Path) -> None:
    """One line, with the packages' names."""
    shutil.rmtree(checkout / ".venv")
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("sh", "readlink"):
        (tools / tool).symlink_to(shutil.which(tool))
    ran = inv(str(tools / "sh"), "inv", cwd=checkout, PATH=str(tools))
    assert (ran.returncode, ran.stderr) == (
        1,
        "botswain: no Python 3.11 or newer found; install it (Debian, Ubuntu: sudo apt install python3 python3-venv)\n",
    )


@pytest.mark.parametrize("during", ["making .venv", "installing"])
def test_ctrl_c_while_venv_is_made_shows_one_line(checkout: Path, during: str) -> None:
    """Ctrl-C ends all that was started and says one line, without a traceback of Python's; the next run does it all."""
    maker = checkout / "maker"
    slow = "import os, time; print('traceback', flush=True); open('begun', 'w').write(str(os.getpid())); time.sleep(60)"
    maker.write_text(MAKER.replace("REAL", sys.executable).replace("sleep 1;", f'{sys.executable} -Sc "{slow}";'))
    maker.chmod(0o755)
    python = checkout / ".venv/bin/python"
    if during == "installing":
        python.write_text(PIP.replace("REAL", sys.executable).replace("sleep", f'{sys.executable} -Sc "{slow}"; :'))
        python.chmod(0o755)
    else:
        python.replace(checkout / "kept")
    environment = {"PATH": os.environ["PATH"], "BOTSWAIN_PYTHON": str(maker)}
    ran = subprocess.Popen(
        ["./inv", "status"], cwd=checkout, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    begun = checkout / "begun"
    until(lambda: begun.exists() and begun.read_text())
    os.killpg(ran.pid, signal.SIGINT)  # as a terminal does, to everything that is in front
    out, err = ran.communicate(timeout=20)
    assert ran.returncode == 130
    assert err.splitlines()[-1] == "botswain: interrupted; run the command again to start the installation over"
    assert "Traceback" not in out + err
    until(lambda: not runs(int(begun.read_text())))
    assert not (checkout / ".venv/stamp").exists()
