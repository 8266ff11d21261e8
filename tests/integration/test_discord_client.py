"""The client against the sandbox: embedded, and over real sockets."""

from __future__ import annotations

import time
from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from botswain.discord import errors
from botswain.discord.client import DiscordClient
from botswain.sandbox.app import Sandbox
from botswain.sandbox.process import running_server
from botswain.sandbox.transport import SandboxTransport

if TYPE_CHECKING:
    from collections.abc import Iterator

APPLICATION = "112233445566778899"
TOKEN = f"{urlsafe_b64encode(APPLICATION.encode()).decode().rstrip('=')}.abcdef.very-secret-part"
GUILD = "900000000000000001"
PING = {"name": "ping", "description": "Says pong"}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox that keeps everything in memory."""
    made = Sandbox(None)
    yield made
    made.close()


@pytest.fixture
def discord(sandbox: Sandbox) -> Iterator[DiscordClient]:
    """A client of that sandbox, without sockets."""
    with client(transport=SandboxTransport(sandbox)) as made:
        yield made


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a sandbox in a process of its own."""
    with running_server() as url:
        yield url


def client(**settings: Any) -> DiscordClient:
    """A client that does not wait long between tries."""
    return DiscordClient(token=TOKEN, application_id=APPLICATION, **({"jitter": lambda: 0.1} | settings))


def test_commands_go_there_and_come_back(discord: DiscordClient) -> None:
    """A write returns what a later read shows, ids included, and each costs one request."""
    assert discord.application()["id"] == APPLICATION
    assert discord.gateway()["session_start_limit"]["remaining"] > 0
    written = discord.put_commands(GUILD, [PING | {"name_localizations": {"de": "ping-de"}}])
    assert discord.commands(GUILD) == written
    assert written[0]["name_localizations"] == {"de": "ping-de"}
    assert discord.commands("global") == []
    assert discord.requests.by_method() == {"GET": 4, "PUT": 1}


@pytest.mark.parametrize(("state", "status"), [("forbidden", 403), ("missing", 404)])
def test_a_guild_without_access(sandbox: Sandbox, discord: DiscordClient, state: str, status: int) -> None:
    """It is told apart, and the next guild works."""
    sandbox.set_guild(GUILD, state)
    with pytest.raises(errors.ScopeUnavailable) as caught:
        discord.commands(GUILD)
    assert (caught.value.scope, caught.value.status) == (GUILD, status)
    assert discord.commands("900000000000000002") == []


def test_a_refused_form_names_the_option(discord: DiscordClient) -> None:
    """Indices of the sandbox's own error tree lead back to names."""
    bad = {
        "name": "ban",
        "description": "Bans",
        "options": [{"type": 6, "name": "Bad Name", "description": "Who"}],
    }
    with pytest.raises(errors.InvalidForm) as caught:
        discord.put_commands(GUILD, [PING, bad])
    assert caught.value.lines[0].startswith("/ban Bad Name: name: ")


def test_another_applications_id(sandbox: Sandbox) -> None:
    """A token that belongs to another application is no missing guild."""
    with (
        DiscordClient(token=TOKEN, application_id="42424242424242424", transport=SandboxTransport(sandbox)) as discord,
        pytest.raises(errors.Forbidden, match="the token belongs to another application"),
    ):
        discord.commands(GUILD)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 503, "after": True},
        {"kind": "drop", "after": True},
        {"kind": "html", "status": 200, "after": True},
        {"kind": "truncate"},
    ],
    ids=lambda fault: fault["kind"],
)
def test_a_write_whose_reply_is_lost(sandbox: Sandbox, discord: DiscordClient, fault: dict[str, Any]) -> None:
    """It was applied, it is reported as unknown, and it is not sent a second time."""
    sandbox.fault(**fault, method="PUT")
    with pytest.raises(errors.LostReply):
        discord.put_commands(GUILD, [PING])
    assert [command["name"] for command in discord.commands(GUILD)] == ["ping"]
    assert discord.requests.by_method() == {"GET": 1, "PUT": 1}


@pytest.mark.parametrize("kind", ["status", "drop", "html", "truncate"])
def test_a_read_gets_over_what_passes(sandbox: Sandbox, discord: DiscordClient, kind: str) -> None:
    """The same misfortunes on a read are repeated away."""
    discord.put_commands(GUILD, [PING])
    sandbox.fault(kind, method="GET", count=2)
    assert len(discord.commands(GUILD)) == 1
    assert discord.requests.by_method()["GET"] == 3


def test_the_daily_limit_and_edits_after_it(sandbox: Sandbox, discord: DiscordClient) -> None:
    """After 200 creates new commands are refused for a day, while known ones can still be edited."""
    sandbox.configure(put_bucket=[1000, 20.0])
    for round_ in range(2):
        discord.put_commands(GUILD, [PING | {"name": f"c{round_}-{index}"} for index in range(100)])
    with pytest.raises(errors.DailyCreateLimit) as caught:
        discord.put_commands(GUILD, [PING])
    assert caught.value.clears_in is not None
    assert caught.value.clears_in > 80_000
    assert discord.put_commands(GUILD, [{"name": "c1-0", "description": "Edited"}])[0]["description"] == "Edited"


@pytest.mark.parametrize("window", ["fixed", "sliding"])
def test_the_put_bucket_is_never_overrun(window: str) -> None:
    """Twelve PUTs into one guild wait for its bucket of five; a new hash in between costs nothing."""
    clock = FakeTime()
    sandbox = Sandbox(None, clock=clock)
    sandbox.configure(window=window)
    with client(transport=SandboxTransport(sandbox), clock=clock, sleep=clock.sleep) as discord:
        for index in range(12):
            if index == 7:
                sandbox.fault("bucket", method="PUT")
            discord.put_commands(GUILD, [PING | {"description": f"number {index}"}])
        assert discord.requests.rate_limited == 0
    assert clock.slept > 20


class FakeTime:
    """One clock for both sides."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0
        self.slept = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Only this moves it."""
        self.now += seconds
        self.slept += seconds


@pytest.mark.slow
def test_over_sockets_the_token_is_in_no_log(server: str, caplog: pytest.LogCaptureFixture) -> None:
    """The HTTP libraries log a lot at DEBUG; none of it may hold the token."""
    caplog.set_level("DEBUG")
    with client(api=f"{server}/api/v10") as discord:
        assert discord.put_commands("900000000000000003", [PING])[0]["name"] == "ping"
    assert "httpcore" in {record.name.split(".")[0] for record in caplog.records}
    assert "very-secret-part" not in caplog.text


@pytest.mark.slow
def test_a_connection_that_really_breaks_during_a_write(server: str) -> None:
    """What httpx raises for a closed socket is on the right side of sent and not sent."""
    httpx.post(f"{server}/sandbox/faults", json={"kind": "drop", "method": "PUT", "after": True}).raise_for_status()
    with client(api=f"{server}/api/v10") as discord:
        with pytest.raises(errors.LostReply):
            discord.put_commands("900000000000000004", [PING])
        assert len(discord.commands("900000000000000004")) == 1


@pytest.mark.slow
def test_nobody_listens() -> None:
    """After the server is gone, reads and writes are known not to have been sent."""
    with running_server() as url:
        pass
    with client(api=f"{url}/api/v10", sleep=lambda _: None) as discord:
        with pytest.raises(errors.Unreachable, match="refused the connection; is the sandbox running there"):
            discord.commands("global")
        with pytest.raises(errors.Unreachable):
            discord.put_commands("global", [])


@pytest.mark.slow
def test_five_hundred_guilds_at_fifty_a_second(server: str) -> None:
    """With Discord's limits on, 16 threads at 50/s take no 429 and make at least 45 requests a second."""
    time.sleep(1.1)  # what other tests sent counts too
    guilds = [str(910_000_000_000_000_000 + index) for index in range(500)]
    with client(api=f"{server}/api/v10", requests_per_second=50) as discord, ThreadPoolExecutor(16) as pool:
        started = time.perf_counter()
        assert list(pool.map(discord.commands, guilds)) == [[]] * 500
        took = time.perf_counter() - started
        assert discord.requests.by_status() == {200: 500}
    assert 500 / took >= 45
