"""The sample bots, installed as their READMEs say, as processes against a served sandbox."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from clients import harbour

from botswain.commands import canonical
from botswain.host import probe
from botswain.sandbox.process import running_server

pytestmark = pytest.mark.slow

GUILD = "222222222222222222"
USER = "175928847299117063"
"""A user of April 30th, 2016, as Discord's documentation has it."""
APPLICATIONS = itertools.count(300000000000000001 + os.getpid() * 1000)
PING = {"command": "ping"}
DRILL = {"command": "drill", "options": {"kind": "fire", "seconds": 2}}
LONG_DRILL = {"command": "drill", "options": {"kind": "fire", "seconds": 60}}
ANSWERS = [
    (PING, r"Aye, awake\. .*Discord.*", True),
    ({"command": "bells", "options": {"hour": 19, "minute": 5}}, r"19:05: 🔔🔔 \(last dog watch\)", False),
    ({"command": "bells"}, r"\d\d:\d\d: .*🔔.* \(.* watch\)", False),
    (
        {"command": "harbour", "options": {"name": "DEHAM"}},
        r"\*\*Hamburg\*\* \(DEHAM\) lies at 53°32′N 9°58′E\.",
        False,
    ),
    ({"command": "harbour", "options": {"name": "reykjavik"}}, r"\*\*Reykjavík\*\* .*", False),
    (
        {"command": "course distance", "options": {"from": "Lisbon", "to": "USNYC"}},
        r"Lisbon → New York: 29\d\d nautical miles as the gull flies, first heading 29\d°\.",
        False,
    ),
    (
        {"command": "course time", "options": {"miles": 1530, "knots": 12.5}},
        r"1530 nautical miles at 12\.5 knots: 5 d 2 h 24 min\.",
        False,
    ),
    (DRILL, r"Fire in the galley! .* in 2 s\.", False),
    (
        {"command": "Papers", "type": "user", "target": USER},
        rf"<@!?{USER}> has sailed with Discord since <t:1462015105:D>: \d{{4}} days\.",
        True,
    ),
]
"""What a person does, and what they read (a regular expression) and whether they alone read it."""


@pytest.fixture(scope="session")
def cache():
    """Where installations are kept, of the user or of BOTSWAIN_TEST_CACHE."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "botswain-tests"
    return Path(os.environ.get("BOTSWAIN_TEST_CACHE") or default)


@pytest.fixture(scope="session")
def installed(cache, tmp_path_factory):
    """Either bot, installed once."""
    samples = {}

    def install(name):
        if name not in samples:
            try:
                samples[name] = harbour.sample(name, cache, tmp_path_factory.mktemp("bots") / name)
            except LookupError as error:
                if os.environ.get("CI"):
                    raise
                pytest.skip(str(error))
            except subprocess.CalledProcessError as error:
                pytest.fail(f"{error.cmd} failed:\n{error.stdout}\n{error.stderr}")
        return samples[name]

    return install


@pytest.fixture(params=harbour.NAMES)
def sample(request, installed):
    """One bot after the other."""
    return installed(request.param)


@pytest.fixture(scope="module")
def server():
    """A sandbox for all; every test is an application of its own there."""
    with running_server() as url:
        yield url


class Ship:
    """An application in the sandbox, and the bot that serves it."""

    def __init__(self, server, sample):
        self.server, self.sample = server, sample
        self.application = str(next(APPLICATIONS))
        self.token = harbour.token(self.application)
        self.registered = False
        self.variables = {"DISCORD_API": f"{server}/api", "DISCORD_TOKEN": self.token}

    def control(self, route, **body):
        """Does something to the sandbox."""
        answer = httpx.post(f"{self.server}/sandbox/{route}", json=body, trust_env=False)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def register(self, definitions):
        """Registers commands as Botswain would: in a guild."""
        self.registered = True
        answer = httpx.put(
            f"{self.server}/api/v10/applications/{self.application}/guilds/{GUILD}/commands",
            json=definitions, headers={"Authorization": f"Bot {self.token}"}, trust_env=False, timeout=harbour.PATIENCE,
        )  # fmt: skip
        assert answer.status_code == 200, answer.text

    def run(self, **variables):
        """Starts the bot."""
        return harbour.running(self.sample, {**self.variables, **variables})

    def use(self, body, locale="en-US"):
        """Uses a command, of those that the bot's code defines unless others are registered; the interaction's id."""
        if not self.registered:
            self.register(self.sample.definitions)
        asked = {"application_id": self.application, "guild_id": GUILD, "locale": locale, **body}
        sent = self.control("interactions", **asked)
        assert sent["delivered"] == 1
        return sent["id"]

    def outcome(self, identity, responses=0):
        """What became of it, once it was answered, or once the bot did so many things."""
        query = {"wait": harbour.PATIENCE, **({"responses": responses} if responses else {})}
        url = f"{self.server}/sandbox/interactions/{identity}"
        return httpx.get(url, params=query, trust_env=False, timeout=harbour.PATIENCE + 5).json()

    def read(self, body, locale="en-US"):
        """Uses a command; what the bot answered in the end, and whether only its user sees it."""
        outcome = self.outcome(self.use(body, locale))
        assert outcome["state"] == "answered", outcome
        last = outcome["responses"][-1]
        return last["message"]["content"], last["ephemeral"]

    def sessions(self):
        """Its sessions in the sandbox, those that wait for a RESUME as well."""
        known = httpx.get(f"{self.server}/sandbox/gateway", trust_env=False).json()["sessions"]
        return [one for one in known if one["application_id"] == self.application]


@pytest.fixture
def ship(server, sample):
    """An application of its own."""
    return Ship(server, sample)


def paths(definitions):
    """Every command and sub-command: `ping`, `course distance`."""
    for one in definitions:
        subs = [f"{one['name']} {option['name']}" for option in one.get("options") or () if option["type"] == 1]
        yield from subs or [one["name"]]


def test_both_bots_define_the_same_commands(installed):
    """Read by Botswain's own sources, the two are one bot: names, bounds, both languages, everything."""
    one, two = ({canonical.key(data): canonical.canonical(data, GUILD) for data in installed(name).definitions}
                for name in harbour.NAMES)  # fmt: skip
    assert one == two
    assert {key.partition("/")[0] for key in one} == {"chat_input", "user", "message"}
    for data in one.values():
        assert set(data["name_localizations"]) == {"de", "fr"}


def test_every_command_is_answered_and_counted(ship):
    """A bot that is ready answers all its commands, and its metrics tell how often and how long."""
    with ship.run(GIT_SHA="0123abc") as bot:
        bot.ready()
        assert bot.get("/readyz").json() == {"ready": True, "commit": "0123abc"}
        for body, expected, ephemeral in ANSWERS:
            text, alone = ship.read(body)
            assert re.fullmatch(expected, text), (body, text)
            assert alone is ephemeral, body
        posted = ship.outcome(ship.use(ANSWERS[1][0]))["message"]
        spelled, alone = ship.read({"command": "Spell out", "type": "message", "target": posted["id"]})
        assert alone
        assert spelled.split("\n") == [
            "One Nine Zero Five", "Lima Alfa Sierra Tango", "Delta Oscar Golf", "Whiskey Alfa Tango Charlie Hotel",
        ]  # fmt: skip
        for path in paths(ship.sample.definitions):
            assert bot.metric(f'discord_commands_total{{command="{path}",outcome="ok"}}') > 0, path
        assert bot.metric('discord_commands_total{command="bells",outcome="ok"}') == 3
        assert bot.metric('discord_command_duration_seconds_count{command="bells"}') == 3
        assert 2 <= bot.metric('discord_command_duration_seconds_sum{command="drill"}') < 30
        assert bot.metric("discord_gateway_ready") == 1
        assert bot.metric("discord_gateway_sessions_total") == 1
        assert bot.metric('discord_bot_build_info{commit="0123abc",version="1.0.0"}') == 1
        assert abs(bot.metric("process_start_time_seconds") - time.time()) < 120
        assert bot.metric("discord_commands_under_way") == 0
    assert {one["level"] for one in bot.log()} == {"info"}, bot.log()


def test_answers_are_in_the_language_of_the_user(ship):
    """German and French for those who speak it, English for everybody else."""
    with ship.run() as bot:
        bot.ready()
        noon = {"command": "bells", "options": {"hour": 12}}
        assert ship.read(noon, "de")[0] == "12:00: 🔔🔔 🔔🔔 🔔🔔 🔔🔔 (Nachmittagswache)"
        assert ship.read(noon, "fr")[0] == "12:00 : 🔔🔔 🔔🔔 🔔🔔 🔔🔔 (quart de l'après-midi)"
        assert ship.read(noon, "ja")[0] == "12:00: 🔔🔔 🔔🔔 🔔🔔 🔔🔔 (afternoon watch)"


def test_completions(ship):
    """What was typed is looked for in names and codes; names that begin with it come first."""
    with ship.run() as bot:
        bot.ready()
        typed = {"command": "harbour", "options": {"name": "b"}, "autocomplete": "name"}
        outcome = ship.outcome(ship.use(typed), responses=1)
        names = [one["name"] for one in outcome["responses"][0]["choices"]]
        assert names[:5] == ["Barcelona", "Bergen", "Boston", "Bremerhaven", "Brest"]
        assert {"Hamburg", "Lisbon"} <= set(names[5:])
        typed = {"command": "course distance", "options": {"from": "Kiel", "to": "valpara"}, "autocomplete": "to"}
        outcome = ship.outcome(ship.use(typed), responses=1)
        assert outcome["responses"][0]["choices"] == [{"name": "Valparaíso", "value": "CLVAP"}]
        assert "discord_commands_total{" not in bot.get("/metrics").text


def test_what_cannot_be_done_is_told_to_the_user_alone(ship):
    """A wrong value is the user's to put right: friendly, ephemeral, counted, and no error in the log."""
    with ship.run() as bot:
        bot.ready()
        text, alone = ship.read({"command": "harbour", "options": {"name": "Atlantis"}})
        assert text == "“Atlantis” is not on my charts; pick a harbour from the list."
        assert alone
        same = {"command": "course distance", "options": {"from": "Kiel", "to": "DEKEL"}}
        assert ship.read(same) == ("You are there already.", True)
        assert bot.metric('discord_commands_total{command="harbour",outcome="rejected"}') == 1
        assert bot.metric('discord_commands_total{command="course distance",outcome="rejected"}') == 1
        assert {one["level"] for one in bot.log()} == {"info"}


def test_a_failing_command_is_told_logged_and_counted(ship):
    """The user reads friendly words and a number; the log has that number and the cause; the bot goes on."""
    with ship.run() as bot:
        bot.ready()
        ship.control("faults", kind="status", method="POST", path="callback$", status=400)
        identity = ship.use(PING)
        outcome = ship.outcome(identity)
        assert (
            f"A rope broke, and the crew was told. Please try again later. (Error {identity})"
            == (outcome["message"]["content"])
        )
        assert outcome["responses"][-1]["ephemeral"]
        line = bot.said("a command failed")
        assert (line["level"], line["command"], line["interaction"]) == ("error", "ping", identity)
        assert "400" in line["message"] or "400" in line["error"]
        assert "ping" in line["error"]
        assert bot.metric('discord_commands_total{command="ping",outcome="error"}') == 1
        assert ship.read(PING)[1]


def test_a_command_that_the_code_no_longer_has(ship):
    """A command that is live without a handler is answered all the same, and all of them are one figure."""
    ship.register([
        *ship.sample.definitions,
        {"name": "keelhaul", "description": "No longer done"},
        {"name": "ping", "type": 2},
    ])  # fmt: skip
    with ship.run() as bot:
        bot.ready()
        text = "That command is no longer aboard; it will soon be gone from the list."
        assert ship.read({"command": "keelhaul"}) == (text, True)
        assert ship.read({"command": "ping", "type": "user", "target": USER}) == (text, True)
        assert bot.metric('discord_commands_total{command="unknown",outcome="unknown"}') == 2
        assert "keelhaul" not in bot.get("/metrics").text
        assert [one["level"] for one in bot.log()].count("warning") == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_good_order(ship, number):
    """Exit code 0 within seconds, and the session is over in Discord's eyes: the bot is offline at once."""
    with ship.run() as bot:
        bot.ready()
        assert len(ship.sessions()) == 1
        bot.stop(number)
        assert bot.ended(15) == 0
        assert ship.sessions() == []
        assert bot.log()[-1]["message"] == "stopped"


def test_a_signal_does_not_wait_for_those_who_ask_how_it_is(server, sample):
    """A connection that comes while it stops, as a probe's may, does not keep it for a second."""
    for _ in range(6):  # each as another application, since one logs in every five seconds
        with Ship(server, sample).run() as bot, ThreadPoolExecutor(4) as pool:
            bot.ready()
            over = threading.Event()
            for _ in range(4):
                pool.submit(_ask_on_and_on, bot.said("listening")["port"], over)
            time.sleep(0.2)
            begun = time.monotonic()
            bot.stop()
            try:
                assert bot.ended(15) == 0
                assert time.monotonic() - begun < 0.8
            finally:
                over.set()


def _ask_on_and_on(port, over):
    while not over.is_set():
        probe.ask(f"http://127.0.0.1:{port}/readyz", 2.0)


def test_a_signal_does_not_wait_for_a_silent_discord(sample):
    """A Discord that never answers the goodbye keeps nobody from stopping."""
    command = [sys.executable, "-m", "botswain.sandbox", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as silent:
        try:
            ship = Ship(json.loads(silent.stdout.readline())["url"], sample)
            with ship.run() as bot:
                bot.ready()
                silent.send_signal(signal.SIGSTOP)
                bot.stop()
                assert bot.ended(15) == 0
        finally:
            silent.kill()


def test_a_signal_lets_commands_finish_and_takes_no_more(ship):
    """Not ready, but alive; what is under way is answered, what comes is declined in friendly words."""
    with ship.run() as bot:
        bot.ready()
        drill = ship.use(DRILL)
        ship.outcome(drill, responses=1)
        assert bot.metric("discord_commands_under_way") == 1
        bot.stop()
        bot.said("SIGTERM")
        readiness = bot.get("/readyz")
        assert readiness.status_code == 503
        assert readiness.json()["reason"] == "shutting down"
        assert bot.get("/healthz").status_code == 200
        assert bot.metric("discord_gateway_ready") == 0
        late = ship.use(PING)
        ship.outcome(late)
        assert bot.metric('discord_commands_total{command="ping",outcome="refused"}') == 1
        assert bot.ended() == 0
    assert ship.outcome(drill)["message"]["content"].startswith("Fire in the galley!")
    (declined,) = ship.outcome(late)["responses"]
    assert declined["message"]["content"] == "Casting off for a moment; please try again in a minute."
    assert declined["ephemeral"]
    assert ship.sessions() == []


def test_commands_that_do_not_finish_in_time_are_named(ship):
    """After SHUTDOWN_SECONDS it ends, with 0, and says what was cut off."""
    with ship.run(SHUTDOWN_SECONDS="1") as bot:
        bot.ready()
        ship.outcome(ship.use(LONG_DRILL), responses=1)
        bot.stop()
        began = time.monotonic()
        assert bot.ended(15) == 0
        assert time.monotonic() - began >= 0.9
        assert bot.said("commands did not end in time")["commands"] == ["drill"]
        assert ship.sessions() == []


def test_a_second_signal_ends_it_at_once(ship):
    """Whoever is in a hurry says it twice."""
    with ship.run(SHUTDOWN_SECONDS="60") as bot:
        bot.ready()
        ship.outcome(ship.use(LONG_DRILL), responses=1)
        bot.stop()
        bot.said("SIGTERM: taking no more commands")
        bot.stop()
        assert bot.ended(5) == 128 + signal.SIGTERM


def test_it_waits_for_discord(ship):
    """Without Discord it is alive and not ready, says why, and stops when told; it does not end by itself."""
    with ship.run(DISCORD_API="http://127.0.0.1:9/api") as bot:
        bot.said("cannot connect")
        assert bot.get("/healthz").status_code == 200
        readiness = bot.get("/readyz")
        assert readiness.status_code == 503
        assert readiness.json()["ready"] is False
        assert readiness.json()["reason"].startswith("cannot connect: ")
        bot.stop()
        assert bot.ended(15) == 0


def test_it_comes_when_discord_is_back(sample):
    """An outage at the start is waited out."""
    with running_server() as url:
        ship = Ship(url, sample)
        ship.control("outage", down=True)
        with ship.run() as bot:
            bot.said("cannot connect")
            assert bot.get("/readyz").status_code == 503
            ship.control("outage", down=False)
            bot.ready()


@pytest.mark.parametrize("how", ["drop", "reconnect"])
def test_a_lost_connection_is_taken_up_again(ship, how):
    """The session is resumed, not begun anew: sessions are few, and nothing is missed."""
    with ship.run() as bot:
        bot.ready()
        ship.control("gateway/kick", application_id=ship.application, how=how)
        bot.said("connected again")
        bot.ready()
        assert bot.metric("discord_gateway_resumes_total") == 1
        assert bot.metric("discord_gateway_sessions_total") == 1
        assert bot.metric("discord_gateway_disconnects_total") == 1
        assert ship.read(PING)[1]


@pytest.mark.parametrize(("code", "word"), [(4004, "token"), (4014, "intent"), (4011, "shard")])
def test_a_hopeless_close_is_one_line_and_its_own_exit_code(ship, code, word):
    """77: a supervisor that leaves it at that does not use up the day's sessions."""
    with ship.run() as bot:
        bot.ready()
        ship.control("gateway/kick", application_id=ship.application, how="close", code=code)
        assert bot.ended() == 77
    critical = [one["message"] for one in bot.log() if one["level"] == "critical"]
    assert len(critical) == 1
    assert word in critical[0]


def test_a_refused_token(ship):
    """77 and one line, which does not have the token in it."""
    ship.control("tokens", refuse=ship.token)
    with ship.run(LOG_LEVEL="debug") as bot:
        assert bot.ended() == 77
    (line,) = [one for one in bot.log() if one["level"] in {"error", "critical"}]
    assert line["message"] == "Discord refuses the token; make a new one in the Developer Portal"
    assert ship.token not in "".join(bot.lines)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"DISCORD_TOKEN": None}, "DISCORD_TOKEN is missing"),
        ({"DISCORD_TOKEN": "Bot s3cret"}, "DISCORD_TOKEN holds no bot token"),
        ({"PORT": "80a"}, "PORT is no whole number"),
    ],
)
def test_a_bad_setting_is_one_line_and_its_own_exit_code(ship, variables, message):
    """78, before anything is asked of Discord; the value itself is not told, since it may be a secret."""
    with ship.run(**variables) as bot:
        assert bot.ended() == 78
    (line,) = bot.log()
    assert line["level"] == "critical"
    assert line["message"].startswith(message)
    assert "s3cret" not in bot.lines[0]


CRASHES = {
    "harbour-py": (
        "-c",
        "import sys; from harbour import __main__, run; run.stay_connected = None; sys.exit(__main__.main())",
    ),
    "harbour-js": ("--import", "data:text/javascript,setTimeout(() => null.nothing, 500)", "src/main.js"),
}
"""How to start a bot that fails on its way, by a fault of the program."""


def test_a_fault_of_the_program_is_logged(ship):
    """In the one form that all lines have, with where it came from; then it ends with 1, to be started again."""
    sample = replace(ship.sample, argv=(ship.sample.argv[0], *CRASHES[ship.sample.name]))
    with harbour.running(sample, {**ship.variables, "DISCORD_API": "http://127.0.0.1:9/api"}) as bot:
        assert bot.ended() == 1
    (line,) = [one for one in bot.log() if one["level"] == "critical"]
    assert line["message"].startswith("uncaught TypeError: ")
    assert "\n" in line["error"]


def test_a_port_in_use(ship):
    """1 and one line that names it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with ship.run(PORT=str(port)) as bot:
            assert bot.ended() == 1
    (line,) = bot.log()
    assert line["message"].startswith(f"cannot listen on 127.0.0.1:{port} (")


def test_the_token_from_systemd(ship, tmp_path):
    """`LoadCredential=discord_token:…` is enough; a newline at the end does not matter."""
    (tmp_path / "discord_token").write_text(f"{ship.token}\n")
    with ship.run(DISCORD_TOKEN=None, CREDENTIALS_DIRECTORY=str(tmp_path)) as bot:
        bot.ready()
        assert ship.read(PING)[1]


def test_the_log_never_has_the_token(ship):
    """Every line is a JSON object with time, level and message, at any level, and none has the token.

    Not even when somebody puts it where it does not belong.
    """
    with ship.run(LOG_LEVEL="debug", GIT_SHA=ship.token, DISCORD_API=f"{ship.server}/api/v10/") as bot:
        bot.ready()
        ship.read(PING)
        bot.stop()
        assert bot.ended() == 0
    assert len(bot.lines) > 5
    for line in bot.lines:
        written = json.loads(line)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", written["time"])
        assert written["level"] in {"debug", "info", "warning"}
        assert written["message"]
        assert ship.token not in line
    assert any(one["level"] == "debug" for one in bot.log())
    assert bot.said("listening")["commit"] == "[token]"


def test_the_port_serves_this_machine_alone(ship):
    """127.0.0.1 unless HOST says otherwise; what is not there is 404."""
    with ship.run(DISCORD_API="http://127.0.0.1:9/api") as bot:
        assert bot.said("listening")["host"] == "127.0.0.1"
        assert bot.get("/").status_code == 404
        assert bot.get("/metrics").headers["content-type"].startswith("text/plain")
        port = bot.said("listening")["port"]
        listening = Path("/proc/net/tcp").read_text().split()
        assert f"0100007F:{port:04X}" in listening
        assert f"00000000:{port:04X}" not in listening


def test_a_bot_carries_its_own_tests(sample):
    """What a user copies comes with tests that pass where they are, with nothing of ours around."""
    if sample.name == "harbour-py":
        (site,) = (sample.folder / ".venv").resolve().glob("lib/python3*/site-packages")
        argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        extra = {"PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
    else:
        argv, extra = [sample.argv[0], "--test"], {}
    done = subprocess.run(
        argv, cwd=sample.folder, capture_output=True, text=True, check=False, timeout=120,
        env={"PATH": os.environ["PATH"], **extra},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"[1-9]\d* passed|# pass [1-9]\d|ℹ pass [1-9]\d", done.stdout), done.stdout


def test_the_python_bot_is_typed_and_tidy(installed):
    """`mypy` in its strict mode and `ruff`, both as its own pyproject.toml configures them."""
    folder = installed("harbour-py").folder
    tools = Path(sys.executable).parent
    for argv in (
        [tools / "ruff", "check", "--no-cache"],
        [tools / "ruff", "format", "--check", "--no-cache"],
        [tools / "mypy", "--python-executable", ".venv/bin/python", "--cache-dir=/dev/null", "harbour"],
    ):
        done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, f"{argv}\n{done.stdout}{done.stderr}"


def test_lock_files_name_no_registry():
    """They lock versions and hashes, and leave where to get them to whoever installs."""
    for path in (harbour.FOLDER / "harbour-py/requirements.txt", harbour.FOLDER / "harbour-js/package-lock.json"):
        text = path.read_text()
        assert "resolved" not in text
        assert set(re.findall(r"https?://([^/\"]+)", text)) <= {"github.com", "opencollective.com"}
        assert "sha256:" in text or "sha512-" in text
