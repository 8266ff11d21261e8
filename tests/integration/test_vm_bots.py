"""Both sample bots on a real host: what goes well, and everything that may go wrong, one after the other.

Their misbehaviour comes as commits to a copy of the sample. What the internet would bring lies on the host beforehand.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from clients import harbour
from coast import ROOT, Coast
from hosting import until
from offshore import SWITCHED, deploying, drop, guarded, guards, killed, look, mend, small_disk
from samples import installed

from botswain.sandbox.process import running_server

pytestmark = pytest.mark.slow

NAMES = {"ping", "bells", "harbour", "course", "drill", "Papers", "Spell out"}
PACKAGES = "/opt/harbour"
STUBBORN, DYING, IDLE, OUTAGE = "stubborn", "dying", "idle", "outage"
BEHAVIOUR = {
    "harbour-py": {
        STUBBORN: "import asyncio, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
                  "asyncio.SelectorEventLoop.add_signal_handler = lambda *_: None\n",
        DYING: "import os, threading\n"
               "threading.Timer(3, lambda: (print('the bilge pump broke', flush=True), os._exit(3))).start()\n",
        IDLE: "import time\nprint('the crew is asleep', flush=True)\ntime.sleep(600)\n",
        OUTAGE: "import os, urllib.request\nbase = os.environ['DISCORD_API'].removesuffix('/api')\n"
                "urllib.request.urlopen(base + '/sandbox/outage', b'{\"down\": true}', timeout=9).close()\n",
    },
    "harbour-js": {
        STUBBORN: "const on = process.on;\n"
                  "process.on = function (name, does) {\n"
                  "  return name === 'SIGTERM' ? this : on.call(this, name, does);\n"
                  "};\n"
                  "on.call(process, 'SIGTERM', () => {});\n",
        DYING: "setTimeout(() => { console.log('the bilge pump broke'); process.exit(3); }, 3000);\n",
        IDLE: "console.log('the crew is asleep');\nawait new Promise((done) => setTimeout(done, 600_000));\n",
        OUTAGE: "const base = process.env.DISCORD_API.replace(/\\/api$/, '');\n"
                "await fetch(base + '/sandbox/outage', { method: 'POST', body: '{\"down\": true}' });\n",
    },
}  # fmt: skip
"""By bot: what is run before anything else of it."""


class Harbour(Coast):
    """A project whose bot is a copy of a sample, with a module that is run first and scripts for build and test."""

    def __init__(self, folder, api, gateway, sample):
        self.sample = sample
        self.python = sample.name == "harbour-py"
        self.known = (None, None)
        """Name and release of the version that was well last."""
        super().__init__(folder, api, gateway, confirm_within=1, stop_timeout=2)
        shutil.rmtree(self.repo / "commands")
        (self.repo / "bot.py").unlink()
        shutil.copytree(
            sample.folder, self.repo, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".venv", "node_modules")
        )
        main = self.repo / ("harbour/__main__.py" if self.python else "src/main.js")
        first = "import harbour.behave" if self.python else "import './behave.js';"
        main.write_text(f"{first}\n{main.read_text()}")
        if not self.python:  # what reads the commands here needs it; on the host the build makes the same link
            (self.repo / ".git/info/exclude").write_text("node_modules\n")
            (self.repo / "node_modules").symlink_to((sample.folder / "node_modules").resolve())
        self.version("one")

    def ship(self, **fields):
        """Writes the profile."""
        here = f"http://127.0.0.1:{self.port}"
        self.urls = {"alive": f"{here}/healthz", "ready": f"{here}/readyz"}
        source = {"source": "discord.py", "object": "harbour.bot:Harbour", "setup_hook": True}
        run, extra = ["/usr/bin/python3", "-m", "harbour"], {"PYTHONPATH": f"{PACKAGES}/packages"}
        if not self.python:
            source = {"source": "discord.js", "folder": "src/commands"}
            run, extra = [f"{PACKAGES}/node", "src/main.js"], {}
        usual = {
            "target": "vm", "run": run, "port": self.port, "environment": {**extra, "SHUTDOWN_SECONDS": "1"},
            "build": [["sh", "build.sh"]], "test": [["sh", "test.sh"]],
            "health": {**self.urls, "deadline": 30, "stable_for": 0.5},
        }  # fmt: skip
        interpreter = str(self.sample.folder / ".venv/bin/python") if self.python else self.sample.argv[0]
        self.profile(
            repo="bot", api=f"{self.api}/api/v10", commands={**source, "interpreter": interpreter},
            service={**usual, **self.service, **fields},
        )  # fmt: skip

    def version(self, name, how="", **scripts):
        """Commits a version; see `behave`."""
        self.behave(name, how, **scripts)
        return self.commit()

    def behave(self, name, how="", build="", test=""):
        """Makes the work tree's bot behave so, with these lines in the scripts for build and test."""
        module = "harbour/behave.py" if self.python else "src/behave.js"
        self.write(f"bot/{module}", BEHAVIOUR[self.sample.name].get(how, ""))
        link = "" if self.python else f"ln -s {PACKAGES}/node_modules node_modules\n"
        self.write("bot/build.sh", f"set -e\n{link}{build}\n")
        self.write("bot/test.sh", f"set -e\n{test}\n")
        self.write("bot/name", name)

    def runs(self, machine=None):
        """The name of the version that the bot which answers says that it is."""
        found = self.asked(machine)
        return self.git("show", f"{found['commit']}:name") if found else None

    def processes(self, machine=None):
        """Every process of the bot's user."""
        return [int(one) for one in self.on("pgrep -u botswain-dev || true", machine).split()]

    def sail(self):
        """Has a good version run, whatever was before; its name and release."""
        self.ship()
        if self.known != (self.runs(), self.current()):
            self.version("good")
            ran = self.deploy()
            assert ran.code == 0, ran
            self.well("good")
        return self.known

    def well(self, name, release=None):
        """One bot of this version runs, the commands are there, and records, ledger and link tell the same."""
        assert (self.runs(), {*self.live()}) == (name, NAMES)
        assert release in {None, self.current()}
        self.agree()
        until(lambda: look(self).health is None, "a bot that is ready", 60)
        view = look(self)
        assert (view.state.live, view.switch, view.confirmed) == (self.current(), None, False)
        assert guards(self) == []
        self.known = (name, self.current())


@contextmanager
def switching(ship):
    """A deployment that has just switched, and the name and release of what was well before."""
    name, good = ship.sail()
    ship.ship(health={**ship.urls, "deadline": 30, "stable_for": 5})
    ship.version("two")
    with deploying(ship) as child:
        until(lambda: ship.current() not in {good, None}, "the switch", 60)
        yield child, name, good


@pytest.fixture(scope="module")
def gate(lab, tmp_path_factory):
    """One machine for both bots, made ready once."""
    made = lab.start("gate")
    with running_server() as api:
        Coast(tmp_path_factory.mktemp("ready"), api, made).provision()
    yield made
    made.stop()


@pytest.fixture(scope="module", params=harbour.NAMES)
def ship(request, gate, tmp_path_factory):
    """A sample bot whose first version is deployed to a host where nothing was before."""
    folder = tmp_path_factory.mktemp("project")
    sample = installed(request.param, folder / "sample")
    gate.run(f"mkdir -p {PACKAGES}")
    if request.param == "harbour-py":
        (packages,) = (sample.folder / ".venv/lib").resolve().glob("python*/site-packages")
        gate.copy(packages, f"{PACKAGES}/packages")
    else:
        gate.copy((sample.folder / "node_modules").resolve(), f"{PACKAGES}/node_modules")
        gate.copy(Path(sample.argv[0]).resolve(), f"{PACKAGES}/node")
        # As `provision` does it for a host that it is to install Debian's node on.
        gate.write("/etc/systemd/system/botswain-dev.service.d/node.conf", "[Service]\nMemoryDenyWriteExecute=no\n")
        gate.run("systemctl daemon-reload")
    (folder / "project").mkdir()
    with running_server() as api:
        made = Harbour(folder / "project", api, gate, sample)
        ran = made.deploy()
        assert ran.code == 0, ran
        made.well("one")
        yield made
    gate.run(
        f"systemctl stop botswain-dev; rm -rf /etc/systemd/system/botswain-dev.service.d && systemctl daemon-reload;"
        f" cd {ROOT} && rm -rf releases/* services current mirror.git ledger.jsonl *.json credentials/*"
    )


def test_there_and_back_again(ship):
    """Nothing new, good versions, back, further, to where nothing was, to named ones, and to one that was pruned."""
    (before,) = ship.processes()
    assert ship.deploy().document["deployment"] is None
    assert ship.processes() == [before]
    ids, found = {"one": ship.manifest()["deploymentId"]}, {"one": ship.current()}
    for name in ("two", "three"):
        ship.version(name)
        ran = ship.deploy()
        assert ran.code == 0, ran
        ids[name], found[name] = ran.document["deployment"]["deploymentId"], ship.current()
        ship.well(name)
    for name in ("two", "one"):
        assert ship.rollback().code == 0
        ship.well(name, found[name])
    assert ship.rollback().code == 0
    assert (ship.processes(), ship.current(), ship.live()) == ([], None, {})
    ship.agree()
    ran = ship.rollback()
    assert (ran.code, "there is nothing to go back to" in ran.err) == (1, True), ran
    assert ship.rollback("--to", ids["two"]).code == 0
    ship.well("two", found["two"])
    assert ship.rollback("--only", "service", "--to", found["three"]).code == 0
    ship.well("three", found["three"])
    ship.ship(keep_releases=1)
    ship.version("four")
    assert ship.deploy().code == 0
    assert {one.id for one in look(ship).releases} == {found["three"], ship.current()}
    ran = ship.rollback("--to", ids["one"])
    assert ran.code == 1, ran
    assert found["one"] in ran.document["error"]
    ship.well("four")
    assert ship.rollback().code == 0
    ship.well("three", found["three"])


def test_what_does_not_build_or_passes_no_test_stops_nothing(ship):
    """Exit 1; the old bot never stops, and what the command printed last is told."""
    name, good = ship.sail()
    before = ship.processes()
    for broken in ({"build": "echo no planks; exit 4"}, {"test": "echo the hull leaks; exit 4"}):
        ship.version("bad", **broken)
        ran = ship.deploy()
        assert ran.code == 1, ran
        assert "failed with exit code 4" in ran.document["error"]
        assert set(ran.document["log"]) & {"no planks", "the hull leaks"}, ran
        assert ship.processes() == before
    ship.well(name, good)


@harbour.one
def test_a_bad_version_never_stays(ship):
    """One that is never healthy, and one that dies after some seconds: the one before comes back, with the reason."""
    name, good = ship.sail()
    ship.ship(health={**ship.urls, "deadline": 3, "stable_for": 1})
    ship.version("idle", IDLE)
    ran = ship.deploy()
    assert ran.code == 4, ran
    assert "was not ready within 3 s" in ran.document["error"]
    assert "the crew is asleep" in str(ran.document["log"])
    ship.ship(health={**ship.urls, "deadline": 30, "stable_for": 5})
    ship.version("dying", DYING)
    ran = ship.deploy()
    assert ran.code == 4, ran
    assert "process ended" in ran.document["error"]
    assert "the bilge pump broke" in str(ran.document["log"])
    ship.well(name, good)


@harbour.one
def test_one_that_ignores_sigterm_is_replaced(ship):
    """After its time it is killed, and one process runs."""
    ship.sail()
    ship.version("deaf", STUBBORN)
    assert ship.deploy().code == 0
    (deaf,) = ship.processes()
    ship.version("two")
    ran = ship.deploy()
    assert ran.code == 0, ran
    assert deaf not in ship.processes()
    ship.well("two")


@harbour.one
def test_discord_down_during_the_gate_flips_nothing(ship):
    """A bot that runs and cannot log in stays, exit 1; the commands wait for the next deployment."""
    ship.sail()
    ship.ship(health={**ship.urls, "deadline": 6, "stable_for": 0.5})
    ship.version("two", OUTAGE)
    try:
        ran = ship.deploy()
    finally:
        httpx.post(f"{ship.api}/sandbox/outage", json={"down": False}, trust_env=False).raise_for_status()
    assert (ran.code, ran.document["outcome"]) == (1, "partial"), ran
    assert "nobody can tell" in str(ran.document["notes"])
    assert ship.runs() == "two"
    ship.agree()
    ship.ship()
    ship.version("three")
    assert ship.deploy().code == 0
    ship.well("three")


@harbour.one
def test_a_controller_that_is_gone_before_it_confirms(ship):
    """The host returns by itself to what it had; the next deployment goes on as if nothing had been."""
    name, good = ship.sail()
    ship.version("two")
    assert killed(ship, SWITCHED, "deploy") == SWITCHED
    assert ship.runs() == "two"
    guarded(ship, good)
    until(lambda: ship.runs() == name, "the good one", 60)
    assert len(ship.processes()) == 1
    assert ship.deploy().code == 0
    ship.well("two")


@harbour.one
def test_a_host_that_lets_nobody_in_before_and_in_the_middle(ship):
    """Nothing is begun, or only built: exit 1 with the host's name, and the bot runs on."""
    _, good = ship.sail()
    before = ship.processes()
    ship.version("two", build="sleep 4")
    drop(ship.gateway)
    try:
        ran = ship.deploy()
        assert (ran.code, ran.document.get("deployment")) == (1, None), ran
        assert ran.document["error"].startswith("gate: "), ran
        mend(ship.gateway)
        with deploying(ship, "--json") as child:
            until(lambda: ship.on("pgrep -f build.sh || true"), "the build", 60)
            drop(ship.gateway)
            out, err = child.communicate(timeout=180)
    finally:
        mend(ship.gateway)
    assert child.returncode == 1, out + err
    assert "gate: " in out
    assert (ship.processes(), ship.current()) == (before, good)
    ran = ship.deploy()
    assert ran.code == 0, ran
    ship.well("two")


@harbour.one
def test_the_line_breaks_during_the_switch(ship):
    """The host goes back by itself; the controller looks for it until it gets through, and tells what runs."""
    with switching(ship) as (child, name, good):
        drop(ship.gateway)
        try:
            guarded(ship, good)
        finally:
            mend(ship.gateway)
        out, err = child.communicate(timeout=180)
    assert child.returncode == 4, out + err
    ship.well(name, good)


@harbour.one
def test_a_full_disk(ship):
    """It is told before anything is built; one that fills up meanwhile fails the build, and is no hindrance then."""
    name, good = ship.sail()
    with small_disk(ship.gateway, "300M"):
        ship.version("full", build="head -c 400M /dev/zero >planks")
        ran = ship.deploy()
        assert ran.code == 1, ran
        assert "No space left" in str(ran.document["log"])
        until(lambda: ship.runs() == name, "the bot", 60)
        ship.version("two")
        ship.on("head -c 150M /dev/zero >/small/ballast")
        ran = ship.deploy()
        assert ran.code == 1, ran
        assert "MB free, and a release wants" in ran.document["error"]
        ship.on("rm /small/ballast")
        ship.well(name, good)
        assert ship.deploy().code == 0
        ship.well("two")


@harbour.one
def test_a_reboot_in_the_middle(ship):
    """The host comes back with the release that it had, and one bot."""
    with switching(ship) as (child, name, good):
        ship.gateway.reboot()
        out, err = child.communicate(timeout=240)
    assert child.returncode in {4, 5}, out + err
    until(lambda: ship.current() == good and ship.runs() == name, "the good one", 60)
    assert len(ship.processes()) == 1
    ran = ship.deploy()
    assert ran.code == 0, ran
    ship.well("two")
