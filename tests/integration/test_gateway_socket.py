"""The gateway over real sockets: frames, compression, timers, waiting, and the end of the server."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
import time
import zlib
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from botswain.sandbox.process import running_server

APP, GUILD = "111111111111111111", "222222222222222222"
TOKEN = base64.urlsafe_b64encode(APP.encode()).decode().rstrip("=") + ".made-up.token"
IDENTIFY = {"op": 2, "d": {"token": TOKEN, "intents": 1, "properties": {}}}
PATIENCE = 20


@pytest.fixture(scope="module")
def server():
    """One server for all of these tests, without limits and with a short heartbeat."""
    with running_server() as url:
        yield url


def run(server, scenario):
    """Runs a scenario with an HTTP session on the server, which has one command."""

    async def all_of_it():
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        async with aiohttp.ClientSession(server, timeout=timeout, headers={"Authorization": f"Bot {TOKEN}"}) as http:
            await post(http, "/sandbox/settings", limits=False, heartbeat_interval=41_250)
            path = f"/api/v10/applications/{APP}/guilds/{GUILD}/commands"
            async with http.put(path, json=[{"name": "ping", "description": "d"}]) as put:
                assert put.status == 200
            await scenario(http)

    asyncio.run(asyncio.wait_for(all_of_it(), PATIENCE))


async def post(http, path, **body):
    """A control call's answer."""
    async with http.post(path, json=body) as answer:
        assert answer.status in {200, 204}, await answer.text()
        return await answer.json() if answer.status == 200 else None


async def get(http, path):
    """What a GET answers."""
    async with http.get(path) as answer:
        return await answer.json()


@asynccontextmanager
async def bot(http, query="?v=10&encoding=json"):
    """A logged-in WebSocket that has read its guilds; yields it and the session id."""
    async with http.ws_connect(f"/{query}") as socket:
        assert (await socket.receive_json())["op"] == 10
        await socket.send_json(IDENTIFY)
        ready = await socket.receive_json()
        assert (await socket.receive_json())["t"] == "GUILD_CREATE"
        yield socket, ready["d"]


def test_zlib_stream(server):
    """Binary frames of one zlib stream, and payloads in text still go in."""

    async def scenario(http):
        reader = zlib.decompressobj()
        async with http.ws_connect("/?v=10&encoding=json&compress=zlib-stream") as socket:
            for sent, wanted in ((None, 10), ({"op": 1, "d": None}, 11), (IDENTIFY, 0)):
                if sent:
                    await socket.send_json(sent)
                frame = await socket.receive()
                assert frame.type is aiohttp.WSMsgType.BINARY
                assert json.loads(reader.decompress(frame.data))["op"] == wanted

    run(server, scenario)


@pytest.mark.parametrize(
    ("query", "sent", "code"),
    [
        ("?v=8", None, 4012),
        ("?v=10&encoding=etf", None, 4002),
        ("?v=10", "x" * 5000, 4002),
        ("?v=10", '{"op": 3, "d": {}}', 4003),
        ("?v=10", '{"op": 2, "d": {"token": "wrong", "intents": 1}}', 4004),
    ],
)
def test_close_codes_reach_the_client(server, query, sent, code):
    """With their words."""

    async def scenario(http):
        async with http.ws_connect(f"/{query}") as socket:
            if sent:
                await socket.receive()
                await socket.send_str(sent)
            frame = await socket.receive()
            assert (frame.type, frame.data) == (aiohttp.WSMsgType.CLOSE, code)
            assert frame.extra.endswith(".")

    run(server, scenario)


def test_a_silent_client_is_closed(server):
    """After one and a half intervals, by a timer of its own; one that beats stays."""

    async def scenario(http):
        await post(http, "/sandbox/settings", heartbeat_interval=300)
        async with bot(http) as (lively, _), bot(http) as (silent, _):
            begun = time.monotonic()
            beats = asyncio.create_task(beat(lively))
            frame = await silent.receive()
            assert frame.data == 4009
            assert 0.4 <= time.monotonic() - begun < 5
            beats.cancel()
            assert (await get(http, "/sandbox/gateway"))["connections"] >= 1

    async def beat(socket):
        while True:
            await socket.send_json({"op": 1, "d": None})
            await asyncio.sleep(0.1)

    run(server, scenario)


@pytest.mark.parametrize(("code", "resumes"), [(1000, False), (4000, True)])
def test_how_a_client_leaves_decides_whether_it_can_come_back(server, code, resumes):
    """The code of its close frame counts."""

    async def scenario(http):
        async with bot(http) as (socket, ready):
            await socket.close(code=code)
        resume = {"op": 6, "d": {"token": TOKEN, "session_id": ready["session_id"], "seq": 2}}
        async with http.ws_connect(f"{ready['resume_gateway_url']}/?v=10") as socket:
            await socket.receive()
            await socket.send_json(resume)
            told = await socket.receive_json()
            assert (told["op"], told["t"]) == ((0, "RESUMED") if resumes else (9, None))

    run(server, scenario)


def test_waiting_for_an_answer(server):
    """The wait ends with the answer, not with its time; `responses` waits for more than one."""

    async def scenario(http):
        async with bot(http) as (socket, _):
            made = await post(http, "/sandbox/interactions", guild_id=GUILD, command="ping")
            told = (await socket.receive_json())["d"]
            begun = time.monotonic()
            place = f"/sandbox/interactions/{made['id']}?wait=15"
            waiting = asyncio.create_task(get(http, place))
            longer = asyncio.create_task(get(http, f"{place}&responses=2"))
            await asyncio.sleep(0.2)
            assert not waiting.done()
            callback = f"/api/v10/interactions/{told['id']}/{told['token']}/callback"
            async with http.post(callback, json={"type": 4, "data": {"content": "pong"}}) as answer:
                assert answer.status == 204
            assert (await waiting)["state"] == "answered"
            assert not longer.done()
            async with http.post(f"/api/v10/webhooks/{APP}/{told['token']}", json={"content": "more"}) as answer:
                assert answer.status == 200
            assert len((await longer)["responses"]) == 2
            assert time.monotonic() - begun < 10

    run(server, scenario)


def test_waiting_ends_when_time_is_up(server):
    """After three seconds of the double's time nobody answers any more; moving the clock wakes whoever waits."""

    async def scenario(http):
        made = await post(http, "/sandbox/interactions", guild_id=GUILD, command="ping", application_id=APP)
        begun = time.monotonic()
        waiting = asyncio.create_task(get(http, f"/sandbox/interactions/{made['id']}?wait=15"))
        await asyncio.sleep(0.1)
        await post(http, "/sandbox/clock", seconds=3)
        assert (await waiting)["state"] == "timed out"
        assert time.monotonic() - begun < 2.5
        for path in ("unknown?wait=5", f"{made['id']}?wait=x"):
            async with http.get(f"/sandbox/interactions/{path}") as answer:
                assert answer.status == (400 if "unknown" in path else 200)

    run(server, scenario)


def test_an_outage_refuses_connections(server):
    """Open ones are cut without a close frame, new ones get 503, until it ends."""

    async def scenario(http):
        async with bot(http) as (socket, _):
            await post(http, "/sandbox/outage", down=True)
            try:
                frame = await socket.receive()
                assert frame.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
                assert socket.close_code == 1006
                with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
                    await http.ws_connect("/?v=10")
            finally:
                await post(http, "/sandbox/outage", down=False)
        async with bot(http):
            pass

    run(server, scenario)


def test_other_paths_are_no_gateway(server):
    """Only the root speaks it."""

    async def scenario(http):
        with pytest.raises(aiohttp.WSServerHandshakeError, match="404"):
            await http.ws_connect("/api/v10/nothing")

    run(server, scenario)


def test_an_idle_bot_costs_no_time(server):
    """Ten connected bots that say nothing use no processor time to speak of."""

    def spent():
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    (pid,) = [int(one) for one in children(os.getpid()) if "botswain.sandbox" in command(one)]

    async def scenario(http):
        sockets = []
        for _ in range(10):
            sockets.append(await http.ws_connect("/?v=10"))
            await sockets[-1].receive()
            await sockets[-1].send_json(IDENTIFY)
            await sockets[-1].receive()
        before = spent()
        await asyncio.sleep(1.5)
        assert spent() - before <= 0.03
        for socket in sockets:
            await socket.close()

    run(server, scenario)


def children(pid):
    """The processes that this one started."""
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def command(pid):
    """What a process was started with."""
    return Path(f"/proc/{pid}/cmdline").read_text()


@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGTERM])
def test_a_server_with_bots_stops_when_asked(signal_):
    """They are told 1001, and it ends with exit code 0 and not a word."""
    arguments = [sys.executable, "-m", "botswain.sandbox", "--port", "0"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        url = json.loads(process.stdout.readline())["url"]

        async def scenario(http):
            async with bot(http) as (socket, _):
                process.send_signal(signal_)
                assert (await socket.receive()).data == 1001

        run(url, scenario)
        assert process.wait(5) == 0
        assert process.stderr.read() == ""
