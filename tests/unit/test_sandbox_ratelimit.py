"""Rate limits as a client meets them."""

from __future__ import annotations

import pytest
from sandbox_client import Client, bot_token, slash

from botswain.sandbox.model import Response, Settings

HEADERS = ("Limit", "Remaining", "Reset", "Reset-After", "Bucket")


@pytest.fixture
def client():
    """A bot that meets the limits."""
    return Client(Settings())


def state(answer):
    """The rate limit headers."""
    return {name: answer.headers.get(f"X-RateLimit-{name}") for name in HEADERS}


def test_every_answer_tells_its_bucket(client):
    """Success and error alike carry the five headers, and Via, which discord.py insists on."""
    for answer in (client.put([]), client.put([{}])):
        told = state(answer)
        assert answer.headers["Via"]
        assert float(told["Reset"]) == pytest.approx(client.clock.now + float(told["Reset-After"]))
    assert (told["Limit"], told["Remaining"], told["Reset-After"]) == ("5", "3", "20.000")


def test_sixth_write_in_20_seconds(client):
    """POST, PATCH and DELETE share five in 20 seconds; the 429 says how long, rounded up in the header."""
    made = client.post(slash()).data["id"]
    for _ in range(3):
        assert client.patch(made, {"nsfw": True}).status == 200
    client.delete(made)
    client.clock.now += 0.5
    answer = client.post(slash())
    assert answer.status == 429
    assert answer.data == {"message": "You are being rate limited.", "retry_after": 19.5, "global": False}
    assert (answer.headers["Retry-After"], answer.headers["X-RateLimit-Scope"]) == ("20", "user")
    assert answer.headers["X-RateLimit-Remaining"] == "0"
    assert answer.headers["Via"]
    assert "X-RateLimit-Global" not in answer.headers
    client.clock.now += 19.5
    assert client.post(slash()).status == 201


def test_a_refused_write_changes_nothing(client):
    """A 429 comes before the request is looked at."""
    for _ in range(5):
        client.put([slash("a")])
    assert client.put([slash("b")]).status == 429
    assert [one["name"] for one in client.get().data] == ["a"]


def test_buckets_are_apart(client):
    """Bulk PUTs, single writes and reads have buckets of their own, and so has each guild."""
    for _ in range(5):
        client.put([])
    assert client.put([]).status == 429
    assert client.put([], "333").status == client.put([], "global").status == 200
    assert client.post(slash()).status == 201
    assert client.get().status == 200
    hashes = {state(one)["Bucket"] for one in (client.put([]), client.post(slash()), client.get())}
    assert len(hashes) == 3
    assert state(client.put([], "333"))["Bucket"] == state(client.put([]))["Bucket"]


def test_sliding_window_gives_slots_back_one_by_one(client):
    """Retry-After is the time to one slot, Reset-After the time to a full refill."""
    client.sandbox.configure(window="sliding")
    for _ in range(5):
        last = client.put([])
    assert float(state(last)["Reset-After"]) == pytest.approx(20)
    answer = client.put([])
    assert (answer.status, answer.data["retry_after"]) == (429, 4)
    client.clock.now += 4
    assert client.put([]).status == 200
    assert client.put([]).status == 429


def test_51st_request_in_a_second_is_global(client):
    """The global 429 names itself and has no bucket headers; another application is not affected."""
    answers = [client.get(str(index + 1)) for index in range(51)]
    assert [one.status for one in answers] == [200] * 50 + [429]
    last = answers[-1]
    assert last.data["global"] is True
    assert (last.headers["X-RateLimit-Global"], last.headers["X-RateLimit-Scope"]) == ("true", "global")
    assert set(state(last).values()) == {None}
    client.clock.now += 1
    assert client.get("1").status == 200


@pytest.mark.parametrize("window", ["fixed", "sliding"])
def test_500_guilds_at_50_a_second_meet_no_429(client, window):
    """GET, PUT and GET of 500 guilds at the documented pace pass."""
    client.sandbox.configure(global_window=window)
    for index in range(1500):
        guild = str(1 + index // 3)
        answer = client.put([], guild) if index % 3 == 1 else client.get(guild)
        assert answer.status == 200
        client.clock.now += 1 / 50


def test_ten_thousand_refusals_end_in_a_ban(client):
    """10,000 401, 403 and 429 answers in ten minutes: Cloudflare's HTML, for everyone, for a while."""
    assert client.get().status == 200
    for _ in range(9_999):
        client.sandbox._limiter.note(Response(401))
    assert client.get().status == 200
    assert client.get(Authorization="").status == 401
    banned = client.get()
    assert (banned.status, banned.headers["Content-Type"]) == (429, "text/html; charset=UTF-8")
    assert "Via" not in banned.headers
    client.clock.now += 600
    assert client.get().status == 200


def test_shared_limits_are_nobodys_fault(client):
    """A shared 429 does not count towards the ban, and may come with slots left."""
    client.sandbox.fault("rate_limit", scope="shared")
    answer = client.get()
    assert (answer.status, answer.headers["X-RateLimit-Remaining"]) == (429, "9")
    assert client.sandbox._limiter._refused == 0


def test_limits_can_be_switched_off(client):
    """A benchmark may write as fast as it likes; then no header speaks of limits."""
    client.sandbox.configure(limits=False)
    answers = [client.put([]) for _ in range(60)]
    assert {one.status for one in answers} == {200}
    assert state(answers[0])["Limit"] is None


def test_bucket_sizes_can_be_chosen(client):
    """Real ones are unknown."""
    client.sandbox.configure(put_bucket=[1, 3.0])
    assert client.put([]).status == 200
    assert client.put([]).data["retry_after"] == 3


def test_an_application_is_not_slowed_by_another(client):
    """Limits belong to an application."""
    for _ in range(5):
        client.put([], "global")
    other = f"Bot {bot_token('5')}"
    assert client.put([], "global").status == 429
    assert client.ask("PUT", "/applications/5/commands", [], Authorization=other).status == 200
