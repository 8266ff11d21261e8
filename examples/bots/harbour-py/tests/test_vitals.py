"""Readiness, what is under way, metrics, and the HTTP port that tells them."""

import asyncio
import json
import math
import time
from typing import Any

import aiohttp

from harbour import web
from harbour.vitals import Vitals


async def ask(vitals: Vitals, path: str) -> tuple[int, str]:
    """Status and text of an answer of the HTTP port."""
    runner, port = await web.start(vitals, "127.0.0.1", 0)
    try:
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as answer:
            return answer.status, await answer.text()
    finally:
        await runner.cleanup()


def figure(vitals: Vitals, name: str, **labels: str) -> float:
    """A metric's value; NaN when there is none."""
    found = vitals.registry.get_sample_value(name, labels)
    return math.nan if found is None else found


def test_readiness_follows_the_connection() -> None:
    """Ready only between a session and its end, and never once it is told to stop; each reason is told."""
    vitals = Vitals("0123abc")

    def readiness() -> tuple[int, Any]:
        status, text = asyncio.run(ask(vitals, "/readyz"))
        return status, json.loads(text)

    assert readiness() == (503, {"ready": False, "reason": "not connected yet", "commit": "0123abc"})
    vitals.connected(resumed=False)
    assert readiness() == (200, {"ready": True, "commit": "0123abc"})
    assert figure(vitals, "discord_gateway_ready") == 1
    vitals.disconnected("gone")
    assert readiness() == (503, {"ready": False, "reason": "gone", "commit": "0123abc"})
    vitals.connected(resumed=True)
    vitals.closing = True
    assert readiness() == (503, {"ready": False, "reason": "shutting down", "commit": "0123abc"})
    assert figure(vitals, "discord_gateway_ready") == 0


def test_health_is_about_the_process_alone() -> None:
    """Alive without a gateway, and while it stops: whoever restarts for that would make an outage worse."""
    vitals = Vitals()
    vitals.closing = True
    assert asyncio.run(ask(vitals, "/healthz"))[0] == 200
    assert asyncio.run(ask(vitals, "/elsewhere"))[0] == 404


def test_connections_are_counted() -> None:
    """A loss counts once however often it is told, and a resumed session is no new one."""
    vitals = Vitals()
    vitals.disconnected("no network")
    vitals.connected(resumed=False)
    vitals.disconnected("lost")
    vitals.disconnected("still lost")
    vitals.connected(resumed=True)
    counted = ("sessions", "resumes", "disconnects")
    assert [figure(vitals, f"discord_gateway_{one}_total") for one in counted] == [1, 1, 1]


def test_commands_are_counted_and_timed() -> None:
    """By name and outcome; one that nobody began ends without a trace."""
    vitals = Vitals()
    vitals.begin(1, "ping")
    vitals.begin(2, "ping")
    assert figure(vitals, "discord_commands_under_way") == 2
    vitals.end(1, "ok")
    vitals.end(2, "error")
    vitals.end(3, "ok")
    assert figure(vitals, "discord_commands_total", command="ping", outcome="ok") == 1
    assert figure(vitals, "discord_commands_total", command="ping", outcome="error") == 1
    assert figure(vitals, "discord_command_duration_seconds_count", command="ping") == 2
    assert figure(vitals, "discord_commands_under_way") == 0


def test_waiting_for_commands() -> None:
    """As long as something is under way, and no longer than the patience lasts."""

    async def run() -> None:
        vitals = Vitals()
        assert await vitals.idle(60) == []
        vitals.begin(1, "drill")
        vitals.begin(2, "ping")
        assert await vitals.idle(0.01) == ["drill", "ping"]
        asyncio.get_running_loop().call_later(0.01, vitals.end, 1, "ok")
        asyncio.get_running_loop().call_later(0.02, vitals.end, 2, "ok")
        assert await vitals.idle(60) == []

    asyncio.run(asyncio.wait_for(run(), 10))


def test_metrics_are_text() -> None:
    """In the format of Prometheus, with the build."""
    status, text = asyncio.run(ask(Vitals("0123abc"), "/metrics"))
    assert status == 200
    assert 'discord_bot_build_info{commit="0123abc",version="1.0.0"} 1.0' in text.splitlines()


def test_the_lag_of_the_event_loop() -> None:
    """A loop that was held up shows in the figure."""
    vitals = Vitals()

    async def run() -> None:
        looking = asyncio.create_task(vitals.measure_lag(every=0.02))
        await asyncio.sleep(0)
        time.sleep(0.2)  # noqa: ASYNC251 - what is measured
        while not figure(vitals, "event_loop_lag_seconds"):  # noqa: ASYNC110 - a metric is no event
            await asyncio.sleep(0)
        looking.cancel()

    asyncio.run(asyncio.wait_for(run(), 10))
    assert figure(vitals, "event_loop_lag_seconds") > 0.1
