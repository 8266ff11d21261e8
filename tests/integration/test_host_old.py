"""The packed engine on the oldest Python that it promises to run on, with the git of that time: Debian 11."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest
from hosting import Repository, git
from machines import MachineError, ability, cache, image
from machines.tools import call

from botswain.hosts.engine import engine

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("machines")]
SECONDS = 600
SCRIPT = """
import dataclasses, importlib, json, sys, zipfile
sys.path.insert(0, "/opt/engine.pyz")
for name in zipfile.ZipFile("/opt/engine.pyz").namelist():
    if name.startswith("botswain/host/") and "__main__" not in name:
        importlib.import_module(name[:-3].replace("/", ".").replace(".__init__", ""))
from pathlib import Path
from botswain.host import __main__ as door, answers, found, gate, hand, looking, orders, place

class Memory:
    runs = False
    def start(self, *, restarts=True): self.runs = True
    def stop(self): self.runs = False
    def process(self): return gate.Process(self.runs, 7, 1.0, "running" if self.runs else "stopped")
    def log(self, lines): return "log"

class Guard:
    def arm(self, switch): pass
    def disarm(self, token): pass

memory, commit = Memory(), sys.argv[1]
for module in (answers, looking, hand):
    module.manager_of = lambda service: memory
answers.guard_of = hand.guard_of = lambda *_: Guard()
found.HOME = Path("/srv")

def do(*asked):
    document = json.loads(json.dumps(orders.request(asked)))
    told = answers.answer(place.Place(Path("/srv/bot")), document)
    assert told["error"] is None, told
    return told["answers"]

service = place.Service(
    "bot", ("/bin/true",), build=(("id", "-un"), ("touch", "made")), test=(("true",),), user="nobody",
    health=place.Health(stable_for=0.0), shared=("data/",), free_space=0,
)
for recipe in "abc":
    one = dataclasses.replace(service, environment={"R": recipe})
    made = do(orders.Prepare(commit, "ann", "d", one, bundle="/opt/bundle"))[0]["release"]
    done = do(orders.Deploy(made, "ann", "d", one, {"token": "x"}))[0]
    assert do(orders.Confirm(done["token"], "ann")) == [{"confirmed": True}]
assert Path("/srv/bot/logs", f"build-{made}.log").read_text().splitlines()[1] == "nobody"
assert Path("/srv/bot/releases", made, "made").owner() == "nobody"
for words in (["status"], ["bot", "rollback"], ["releases"], ["status", "--json"]):
    assert door.main(words) == 0
last = do(orders.Look(), orders.Back("ann"), orders.Settle(), orders.Prune(), orders.Stop(), orders.Start(),
          orders.Withdraw("ann"))
assert last[0]["state"]["running"] and last[4]["state"]["told"] == "stopped"
print(sys.version_info[:2])
"""


@pytest.fixture
def old(tmp_path):
    """The root of a Debian 11, and folders of this test to lay over it."""
    try:
        ability.require()
        lines = [line.replace(image.RELEASE, "bullseye") for line in image.sources()]
        made = cache.once(f"bullseye-{cache.digest(lines)}", lambda folder: bootstrap(folder, lines))
    except (ability.Unable, MachineError) as error:
        pytest.skip(f"no Debian 11 here: {error}")
    for name in ("upper/opt", "upper/dev", "work", "root"):
        (tmp_path / name).mkdir(parents=True)
    os.mknod(tmp_path / "upper/dev/null", stat.S_IFCHR, os.makedev(1, 3))
    (tmp_path / "upper/dev/null").chmod(0o666)
    return made


def bootstrap(folder: Path, lines: list[str]) -> None:
    """Make it."""
    call(
        ["mmdebstrap", "--quiet", "--mode=root", "--format=directory", "--variant=minbase", "--include=python3,git",
         "bullseye", folder, *[line for line in lines if "security" not in line and "updates" not in line]],
        timeout=SECONDS, told="mmdebstrap",
    )  # fmt: skip
    folder.chmod(0o755)


def test_an_engine_of_today_on_a_host_of_yesterday(old, tmp_path):
    """Every module is imported and every order carried out by Python 3.9, without a warning."""
    home = tmp_path / "upper/opt"
    (home / "engine.pyz").write_bytes(engine().data)
    (home / "script.py").write_text(SCRIPT)
    repository = Repository(tmp_path / "repository")
    commit = repository.commit(a="1", b__c="2")
    git(repository.root, "bundle", "create", "-q", str(home / "bundle"), "main")
    over = image.overlay([old], tmp_path / "upper", tmp_path / "work")
    script = f'mount -t overlay overlay -o {over} {tmp_path}/root && exec chroot {tmp_path}/root "$@"'
    python = ["python3", "-W", "error", "-IS", "/opt/script.py", commit]
    argv = ["unshare", "--mount", "--pid", "--fork", "sh", "-c", script, "sh", *python]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "(3, 9)"
