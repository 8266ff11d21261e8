"""A Discord that answers from a list, and a clock that only moves when somebody sleeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from botswain.discord.client import DiscordClient

if TYPE_CHECKING:
    from collections.abc import Callable

TOKEN = "MTIz.fake.secret"
VIA = {"Via": "1.1 google"}
BAN_PAGE = "<!doctype html><title>Access denied | discord.com used Cloudflare to restrict access</title>"

Step = httpx.Response | Exception | type[Exception]


class FakeTime:
    """Monotonic and wall clock in one; `slept` lists every wait."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        """The time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Only this moves it."""
        assert seconds >= 0
        self.slept.append(seconds)
        self.now += seconds


class Script:
    """Answers each request with the next step; an exception is raised instead. Keeps what was asked."""

    def __init__(self, *steps: Step | Callable[[httpx.Request], httpx.Response]) -> None:
        self.steps = list(steps)
        self.seen: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """The next step."""
        self.seen.append(request)
        step = self.steps.pop(0)
        if isinstance(step, httpx.Response):
            return step
        if isinstance(step, Exception):
            raise step
        if isinstance(step, type):
            raise step("broken on purpose")
        return step(request)


def client(script: Any, time: FakeTime | None = None, **more: Any) -> DiscordClient:
    """A client of that Discord, without jitter and without real time."""
    time = time or FakeTime()
    settings: dict[str, Any] = {
        "application_id": "42",
        "jitter": lambda: 1.0,
        "token": TOKEN,
        "sleep": time.sleep,
    }
    return DiscordClient(transport=httpx.MockTransport(script), clock=time, wall_clock=time, **(settings | more))


def ok(value: object = (), **headers: str) -> httpx.Response:
    """A 200 with this JSON."""
    return httpx.Response(200, json=value, headers=headers)


def failure(status: int, code: int = 0, message: str = "no", **body: Any) -> httpx.Response:
    """Discord's own kind of error."""
    return httpx.Response(status, json={"code": code, "message": message, **body}, headers=VIA)


def too_many(retry_after: float, *, header: float | None = None, **headers: str) -> httpx.Response:
    """A 429 of Discord's; the header may say something other than the body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(
        429,
        json={"message": "You are being rate limited.", "retry_after": retry_after, "global": False},
        headers={**VIA, "Retry-After": str(retry_after if header is None else header), **named},
    )
