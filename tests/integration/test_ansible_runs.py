"""ansible-playbook as it is run: what is known of it comes from its events, and it ends when it is told to."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest

from botswain.ansible import process, settings
from botswain.ansible.inventory import hosts_of
from botswain.ansible.run import run
from botswain.errors import BotswainError

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def strict(monkeypatch):
    """What Ansible would silently leave unrendered fails; and a folder for variables that no other run uses."""
    monkeypatch.setenv("_ANSIBLE_TEMPLAR_UNTRUSTED_TEMPLATE_BEHAVIOR", "error")
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own in it
    with tempfile.TemporaryDirectory(prefix="bw-", dir=memory if memory.is_dir() else None) as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield


@pytest.fixture
def inventory(tmp_path):
    """Two hosts that are this machine."""
    path = tmp_path / "inventory"
    path.mkdir()
    (path / "hosts.yml").write_text(
        textwrap.dedent(f"""\
        all:
          vars: {{ansible_connection: local, ansible_python_interpreter: {sys.executable}}}
          children: {{bot: {{hosts: {{one: , two: }}}}}}
        """)
    )
    return path


@pytest.fixture
def play(tmp_path):
    """Writes a playbook of these tasks."""

    def write(tasks, **more):
        import json

        path = tmp_path / "play.yml"
        path.write_text(json.dumps([{"name": "Try", "hosts": "bot", "gather_facts": False, "tasks": tasks, **more}]))
        return path

    return write


def command(script, name="Try", **more):
    """A task that runs a shell script."""
    return {"name": name, "ansible.builtin.command": {"argv": ["sh", "-c", script]}, **more}


def test_each_host_has_its_own_end(inventory, play):
    """One fails, the other goes on; both are told, and the exit code is not asked."""
    path = play([
        command("[ {{ inventory_hostname }} = one ] || { echo no luck >&2; exit 3; }"),
        command("true", "Go on", changed_when=False),
    ])  # fmt: skip
    said = []
    found = run(path, inventory, say=said.append)
    assert {name: one.status for name, one in found.hosts.items()} == {"one": "changed", "two": "failed"}
    assert found.modules == 2
    assert said == ["Try", "Go on"]
    with pytest.raises(BotswainError, match="two: Try: ") as caught:
        found.insist()
    assert "no luck" in caught.value.log


def test_variables_arrive_as_they_are_and_are_seen_nowhere(inventory, play, monkeypatch):
    """Braces and quotes too; not in a command line, an environment, or a file that others can read or that stays."""
    monkeypatch.delenv("_ANSIBLE_TEMPLAR_UNTRUSTED_TEMPLATE_BEHAVIOR")  # what is meant not to be rendered is no mistake
    secret = 'SENTINEL-{{ x }}-"\\-9f2'
    seen = (
        "cat /proc/[0-9]*/cmdline /proc/$PPID/environ 2>/dev/null | tr '\\0' '\\n' | grep -a -c 'SENTINE[L]';"
        " find /dev/shm /tmp /run/user -name 'variables-*' ! -perm 0600 2>/dev/null"
    )
    path = play([
        {"name": "Compare", "ansible.builtin.assert": {"that": "s | length == length"}},
        command(seen, "Look", register="look", failed_when=False, changed_when=False),
        {"name": "Nothing", "ansible.builtin.assert": {"that": "look.stdout_lines == ['0']"}},
    ])  # fmt: skip
    found = run(path, inventory, limit=["one"], variables={"s": secret, "length": len(secret)}).insist()
    assert found.of("two").status == "left out"
    assert not list(settings.folder().glob("variables-*"))


def test_hidden_results_are_hidden_in_events_too(inventory, play, tmp_path):
    """A task that must not be logged tells only whether it failed."""
    events = tmp_path / "events"
    path = play([
        command("echo SENTINEL-1", no_log=True), command("echo SENTINEL-2; exit 1", no_log=True, ignore_errors=True),
        command("echo {{ item }}", no_log=True, loop=["SENTINEL-3"]), command("echo SENTINEL-4 >&2; exit 1"),
    ])  # fmt: skip
    environment = {**settings.environment(settings.folder(), {}), "BOTSWAIN_EVENTS": str(events)}
    environment["ANSIBLE_CALLBACKS_ENABLED"] = "botswain.host.events"
    subprocess.run([settings.program(), "-i", inventory, path], env=environment, check=False, capture_output=True)
    text = events.read_text()
    assert not [one for one in ("SENTINEL-1", "SENTINEL-2", "SENTINEL-3") if one in text]
    assert "SENTINEL-4" in text  # what fails in the open is told
    assert text.count("hidden, since it may hold secrets") == 6  # of three tasks, on two hosts


def test_what_takes_too_long_is_ended(inventory, play):
    """With all that it started, and told as such."""
    began = time.monotonic()
    with pytest.raises(BotswainError, match="did not end within 3 s"):
        run(play([command(f"exec sleep 4321.{os.getpid()}")]), inventory, seconds=3)
    assert time.monotonic() - began < 30
    assert gone(f"sleep 4321.{os.getpid()}")


def test_a_worker_that_outlives_ansible_is_ended_too():
    """One that was started as the end came, in a session of its own."""
    nap = f"4323.{os.getpid()}"
    program = f"import subprocess, time; subprocess.Popen(['sleep', '{nap}'], start_new_session=True); time.sleep(60)"
    ended = process.carried_out([sys.executable, "-c", program], os.environ, lambda _event: None, seconds=2)
    assert (ended.in_time, ended.code) == (False, -signal.SIGINT)
    assert gone(f"sleep {nap}")


RUNNER = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from botswain.ansible import process
from botswain.ansible.run import run
process._GRACE = 300  # what is not told to end is killed later than a test waits
try:
    run(Path(sys.argv[1]), Path(sys.argv[2]), say=lambda one: print(one, flush=True))
except KeyboardInterrupt:
    sys.exit(99)
"""


@contextlib.contextmanager
def apart(path, inventory):
    """A run in a process of its own, which has come to its first task."""
    argv = [sys.executable, "-c", RUNNER.format(root=str(ROOT)), path, inventory]
    child = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert child.stdout.readline() == "First\n"
        time.sleep(1)
        yield child
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def gone(pattern, seconds=15):
    """Whether no process matches any more."""
    end = time.monotonic() + seconds
    while subprocess.run(["pgrep", "-f", pattern], check=False, capture_output=True).returncode == 0:
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def test_ctrl_c_ends_it_once_and_wholly(inventory, play, tmp_path):
    """Nothing of it goes on, and the next task never begins."""
    mark = tmp_path / "mark"
    nap = f"sleep 4322.{os.getpid()}"
    with apart(play([command(f"exec {nap}", "First"), command(f"touch {mark}", "Second")]), inventory) as child:
        child.send_signal(signal.SIGINT)
        assert child.wait(60) == 99
        assert gone(nap)
    assert not mark.exists()
    assert not list(settings.folder().glob("variables-*"))


def test_a_controller_that_was_killed_leaves_nobody_who_goes_on(inventory, play, tmp_path):
    """The task that is under way ends; the next one never begins, since nobody waits for it. Variables go later."""
    mark = tmp_path / "mark"
    with apart(play([command("sleep 3", "First"), command(f"touch {mark}", "Second")]), inventory) as child:
        left = set(settings.folder().glob("variables-*"))
        child.kill()
        child.wait()
        assert gone(str(tmp_path / "[p]lay.yml"))
    assert not mark.exists()
    assert left
    run(play([command("true")]), inventory).insist()
    assert not left & set(settings.folder().glob("variables-*"))


def test_a_host_that_is_not_in_the_inventory_is_named(inventory, play):
    """Before anything is done; where others were meant too, it is left out."""
    with pytest.raises(BotswainError, match="has no host three"):
        run(play([command("true")]), inventory, limit=["three"])
    found = run(play([command("true")]), inventory, limit=["one", "three"])
    assert (found.of("one").status, found.of("three").status) == ("changed", "left out")


@pytest.mark.parametrize(
    ("text", "told"),
    [("all: [", "is no inventory that Ansible can read"), ("all: {}", "has no host"), (None, "there is no inventory")],
)
def test_an_inventory_that_cannot_be_used_is_told_in_one_line(tmp_path, play, text, told):
    """Malformed, without hosts, or not there at all."""
    folder = tmp_path / "broken"
    if text is not None:
        folder.mkdir()
        (folder / "hosts.yml").write_text(text)
    with pytest.raises(BotswainError, match=told) as caught:
        run(play([command("true")]), folder)
    assert "\n" not in str(caught.value)


def test_a_playbook_that_cannot_be_read_says_so_and_shows_what_was_printed(inventory, tmp_path):
    """Without pretending to know more."""
    (tmp_path / "bad.yml").write_text("- hosts: bot\n  tasks: [{nonsense: 1, more: 2}]\n")
    with pytest.raises(BotswainError, match="Ansible ended before it began") as caught:
        run(tmp_path / "bad.yml", inventory)
    assert "nonsense" in caught.value.log


def test_groups_have_their_hosts_in_order(tmp_path):
    """Those of inner groups too."""
    (tmp_path / "hosts.ini").write_text("[bot]\nb\na x=1\n[both:children]\nbot\nother\n[other]\nc\n")
    found = hosts_of(tmp_path / "hosts.ini")
    assert found.groups["bot"] == ("b", "a")
    assert found.groups["both"] == ("b", "a", "c")
    assert found.hosts["a"]["x"] in {1, "1"}


@pytest.mark.parametrize("path", sorted((ROOT / "playbooks").glob("*.yml")), ids=lambda path: path.name)
def test_the_playbooks_can_be_read(path):
    """By this version of Ansible."""
    argv = [settings.program(), "--syntax-check", "-i", ROOT / "inventories/example", path]
    environment = settings.environment(settings.folder(), {})
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["engine", "backup", "database", "packages"])
def test_the_modules_are_documented(name):
    """`ansible-doc` reads all of it."""
    argv = [settings.program("ansible-doc"), "-t", "module", "-j", f"botswain.host.{name}"]
    environment = {**settings.environment(settings.folder(), {}), "HOME": os.environ.get("HOME", "/")}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert '"examples"' in done.stdout
    assert '"return"' in done.stdout
