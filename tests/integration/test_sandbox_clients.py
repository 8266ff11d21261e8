"""Unmodified clients against the server: what they report is what users would see."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from botswain.errors import BotswainError
from botswain.sandbox.process import running_server

pytestmark = pytest.mark.slow

SCRIPTS = Path(__file__).resolve().parents[1] / "clients"
APP = "111111111111111111"
GUILD = "222222222222222222"
TOKEN = base64.urlsafe_b64encode(APP.encode()).decode().rstrip("=") + ".made-up.token"


@pytest.fixture
def server():
    """A server of its own, with Discord's limits on."""
    with running_server() as url:
        yield url


def run_python(script, *arguments):
    """What a client script in Python prints."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(SCRIPTS / script), *arguments],
        capture_output=True, text=True, check=False, timeout=60, env={**os.environ, "NO_PROXY": "127.0.0.1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def log(server):
    """Methods and statuses that the server saw."""
    seen = httpx.get(f"{server}/sandbox/log", trust_env=False).json()
    return [(one["method"], one["path"].rpartition("/")[2], one["status"]) for one in seen]


def test_discord_js(server, node_client):
    """Builders and REST: a PUT, a GET with localizations, and an error whose message names the fields."""
    told = node_client.run("sync.mjs", f"{server}/api", TOKEN, APP, GUILD)
    assert [one["name"] for one in told["put"]] == ["echo", "admin", "Report This"]
    assert told["got"] == told["put"]
    echo, admin, _ = told["put"]
    assert echo["name_localizations"] == {"de": "echo-de"}
    assert "required" not in echo["options"][1]
    assert admin["default_member_permissions"] == "8"
    assert told["globally"][0]["contexts"] == [0, 1, 2]
    error = told["error"]
    assert error["known"]
    assert (error["name"], error["code"], error["status"]) == ("DiscordAPIError[50035]", 50035, 400)
    assert error["message"].splitlines() == [
        "Invalid Form Body",
        "1.name[STRING_TYPE_REGEX]: String value did not match validation regex.",
        "1.description[BASE_TYPE_BAD_LENGTH]: Must be between 1 and 100 in length.",
    ]


def test_discord_py(server):
    """`tree.sync()` and `fetch_commands()`; a refusal is a CommandSyncFailure that names the parameter."""
    told = run_python("discord_py.py", f"{server}/api/v10", TOKEN, GUILD)
    assert told["application"] == APP
    assert told["fetched"] == told["synced"]
    assert sorted(one["name"] for one in told["synced"]) == ["Report This", "echo", "roll"]
    assert told["global"] == 0
    failure = told["failure"]
    assert (failure["code"], failure["status"]) == (50035, 400)
    assert "In command 'echo' defined in function 'build.<locals>.echo'" in failure["text"]
    assert "In parameter 'text'" in failure["text"]
    assert "Must be between 1 and 100 in length." in failure["text"]


def test_discord_py_waits_out_a_rate_limit(server):
    """A 429 with Via is waited out and tried again; without Via discord.py would raise."""
    fault = {"kind": "rate_limit", "method": "PUT", "retry_after": 0.2}
    httpx.post(f"{server}/sandbox/faults", json=fault, trust_env=False).raise_for_status()
    told = run_python("discord_py.py", f"{server}/api/v10", TOKEN, GUILD)
    assert len(told["synced"]) == 3
    puts = [status for method, _, status in log(server) if method == "PUT"]
    assert puts == [429, 200, 200, 400]


def test_hikari(server):
    """set_application_commands and fetch_application_commands; a refusal carries the nested errors."""
    told = run_python("hikari_rest.py", f"{server}/api/v10", TOKEN, APP, GUILD)
    assert told["application"] == APP
    assert set(told["made"]) == {"echo", "Report This"}
    assert told["fetched"] == told["made"]
    assert told["options"] == ["text"]
    assert told["sessions"] == 1000
    assert told["refusal"]["code"] == 50035
    assert "description" in told["refusal"]["errors"]["0"]


def test_content_type_is_bare(server):
    """A charset suffix would make discord.py read JSON as text."""
    answer = httpx.get(f"{server}/api/v10/gateway", trust_env=False)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"url": server.replace("http", "ws")}


def test_dropped_connection_over_a_socket(server):
    """The client sees the connection close without an answer, though the write was applied."""
    with httpx.Client(base_url=server, headers={"Authorization": f"Bot {TOKEN}"}, trust_env=False) as http:
        http.post("/sandbox/faults", json={"kind": "drop", "method": "PUT", "after": True})
        path = f"/api/v10/applications/{APP}/commands"
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            http.put(path, json=[{"name": "a", "description": "b"}])
        assert [one["name"] for one in http.get(path).json()] == ["a"]


def test_state_survives_a_kill(tmp_path):
    """After SIGKILL the next server on the folder has every command that was answered for."""
    path = f"/api/v10/applications/{APP}/commands"
    command = [sys.executable, "-m", "botswain.sandbox", "--port", "0", "--state", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        url = json.loads(process.stdout.readline())["url"]
        auth = {"Authorization": f"Bot {TOKEN}"}
        made = httpx.put(url + path, json=[{"name": "a", "description": "b"}], headers=auth, trust_env=False)
        process.kill()
    with running_server(tmp_path) as url:
        again = httpx.get(f"{url}{path}?with_localizations=true", headers=auth, trust_env=False)
    assert again.json() == made.json()


@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGTERM])
def test_stops_when_asked(signal_):
    """Either signal ends the server at once with exit code 0, even with a client still connected."""
    command = [sys.executable, "-m", "botswain.sandbox", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        url = json.loads(process.stdout.readline())["url"]
        with httpx.Client(trust_env=False) as http:
            http.get(f"{url}/api/v10/gateway")
            process.send_signal(signal_)
            assert process.wait(5) == 0
        assert process.stderr.read() == ""


def test_taken_port_is_told_in_one_line():
    """No traceback: what, where, what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(BotswainError, match="did not start"), running_server(port=port):
            pass
        command = [sys.executable, "-m", "botswain.sandbox", "--port", str(port)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 1
    assert done.stderr.startswith(f"127.0.0.1:{port}: cannot listen (")
    assert len(done.stderr.splitlines()) == 1
