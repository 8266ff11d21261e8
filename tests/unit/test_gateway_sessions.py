"""Sessions over time: resuming, replay, shards, how many may be started, kicks."""

from __future__ import annotations

import pytest
from gateway_client import Peer, events, logged_in, use
from sandbox_client import APP, GUILD, Client, Settings, bot_token, slash

OTHER = "333333333333333333"


@pytest.fixture
def client():
    """A double with one guild, one command and Discord's limits."""
    client = Client(Settings())
    client.put([slash()])
    return client


def control(client, path, **body):
    """A control call that succeeds."""
    answer = client.ask("POST" if body else "GET", f"/sandbox/{path}", body or None)
    assert answer.status in {200, 204}, answer.data
    return answer.data


def begin(client, **more):
    """A logged-in peer and its session id."""
    peer = Peer(client)
    ready = next(one for one in peer.identify(**more) if one["t"] == "READY")
    return peer, ready["d"]["session_id"]


class TestResuming:
    """A broken line costs nothing."""

    @pytest.mark.parametrize("code", [None, 1006, 3000, 4000])
    def test_what_was_missed_is_replayed_in_order(self, client, code):
        """Every event after the sequence number, then RESUMED; no IDENTIFY is counted."""
        peer, session = begin(client)
        peer.leave(code)
        assert use(client, command="ping").data["delivered"] == 0
        use(client, command="ping")
        told = Peer(client)
        told.take()
        told = told.resume(session, 2)
        assert [(one["t"], one["s"]) for one in told] == [
            ("INTERACTION_CREATE", 3), ("INTERACTION_CREATE", 4), ("RESUMED", 5),
        ]  # fmt: skip
        state = control(client, "gateway")
        assert (state["sessions"][0]["resumes"], state["sessions"][0]["connected"]) == (1, True)
        assert (state["applications"][APP]["identifies"], state["applications"][APP]["remaining"]) == (1, 999)

    def test_events_go_to_the_new_connection(self, client):
        """Also when the old one was never closed: that one is closed now."""
        old, session = begin(client)
        new = Peer(client)
        new.resume(session, 2)
        new.take()
        assert old.code == 4000
        assert use(client, command="ping").data["delivered"] == 1
        assert events(new.take()) == ["INTERACTION_CREATE"]

    @pytest.mark.parametrize("code", [1000, 1001])
    def test_a_goodbye_ends_the_session(self, client, code):
        """A client that closes with 1000 or 1001 cannot come back."""
        peer, session = begin(client)
        peer.leave(code)
        assert control(client, "gateway")["sessions"] == []
        again = Peer(client)
        again.take()
        (told,) = again.resume(session, 2)
        assert (told["op"], told["d"]) == (9, False)

    def test_a_session_waits_for_three_minutes(self, client):
        """Then it is forgotten."""
        for seconds, wanted in ((179, "RESUMED"), (181, "op 9")):
            client.clock.now += 10
            peer, session = begin(client)
            peer.leave()
            client.clock.now += seconds
            again = Peer(client)
            again.take()
            assert events(again.resume(session, 2)) == [wanted]
            again.leave(1000)

    def test_refused_resumes(self, client):
        """A foreign or unknown session is invalid; a number from the future is 4007."""
        peer, session = begin(client)
        peer.leave()
        for asked, token in ((session, bot_token(OTHER)), ("nonsense", bot_token())):
            other = Peer(client)
            other.take()
            assert events(other.resume(asked, 2, token)) == ["op 9"]
        for sequence in (3, -1, None, "2", True):
            other = Peer(client)
            other.resume(session, sequence)
            assert other.code == 4007

    def test_what_is_too_long_ago_is_not_replayed(self, client):
        """A thousand events are kept; with a gap the session is invalid."""
        client.sandbox.configure(limits=False)
        peer, session = begin(client)
        peer.leave()
        for _ in range(1000):
            use(client, command="ping")
        for sequence, first in ((2, "INTERACTION_CREATE"), (1, "op 9")):
            again = Peer(client)
            again.take()
            assert events(again.resume(session, sequence))[0] == first
            again.leave()

    def test_a_new_identify_after_an_invalid_session_on_the_same_line(self, client):
        """Opcode 9 with false leaves the connection open for IDENTIFY."""
        peer = Peer(client)
        peer.take()
        assert events(peer.resume("nonsense", 0)) == ["op 9"]
        assert events(peer.identify()) == ["READY", "GUILD_CREATE"]


class TestStarting:
    """1,000 sessions a day, one in five seconds."""

    def test_identifies_count_down(self, client):
        """Of that application alone; the day begins with the first and ends 24 hours later."""

        def limit(**more):
            return client.ask("GET", "/gateway/bot", **more).data["session_start_limit"]

        assert (limit()["remaining"], limit()["reset_after"]) == (1000, 0)
        for left in (999, 998):
            begin(client)
            assert (limit()["total"], limit()["remaining"]) == (1000, left)
            client.clock.now += 10
        assert limit()["reset_after"] == 86_380_000
        assert limit(Authorization=f"Bot {bot_token(OTHER)}")["remaining"] == 1000
        client.clock.now += 86_379
        assert limit()["remaining"] == 998
        client.clock.now += 1
        assert (limit()["remaining"], limit()["reset_after"]) == (1000, 0)

    def test_one_too_many_costs_the_token(self, client):
        """Every session is closed with 4004, and the token is refused everywhere until it is accepted again."""
        control(client, "gateway/limits", total=5, remaining=2)
        peers = []
        for _ in range(3):
            peers.append(Peer(client))
            peers[-1].identify()
            client.clock.now += 10
        assert [peer.code for peer in peers] == [4004, 4004, 4004]
        assert control(client, "gateway")["sessions"] == []
        assert control(client, "gateway")["applications"][APP]["token_resets"] == 1
        assert client.ask("GET", "/gateway/bot").status == 401
        control(client, "tokens", accept=APP)
        assert client.ask("GET", "/gateway/bot").data["session_start_limit"]["remaining"] == 0
        control(client, "gateway/limits", remaining=1)
        begin(client)

    def test_a_spent_budget_fills_up_after_its_time(self, client):
        """What was set to less than the whole is whole again when `reset_after` is over."""
        control(client, "gateway/limits", total=7, remaining=1)
        begin(client)
        limit = client.ask("GET", "/gateway/bot").data["session_start_limit"]
        assert limit == {"total": 7, "remaining": 0, "reset_after": 14_400_000, "max_concurrency": 1}
        client.clock.now += 14_400
        assert client.ask("GET", "/gateway/bot").data["session_start_limit"]["remaining"] == 7

    def test_setting_what_remains_counts_anew(self, client):
        """Also to the same number as before."""
        for _ in range(2):
            control(client, "gateway/limits", remaining=3)
            begin(client)
            assert client.ask("GET", "/gateway/bot").data["session_start_limit"]["remaining"] == 2
            client.clock.now += 10

    @pytest.mark.parametrize("bad", [{"remaining": -1}, {"total": "x"}, {"max_concurrency": 0}, {"other": 1}])
    def test_limits_that_are_none(self, client, bad):
        """One line says what they may be."""
        answer = client.ask("POST", "/sandbox/gateway/limits", bad)
        assert (answer.status, "whole numbers for" in answer.data["message"]) == (400, True)

    def test_too_fast_is_an_invalid_session(self, client):
        """A second IDENTIFY within five seconds gets opcode 9, and costs nothing."""
        begin(client)
        client.clock.now += 4.9
        peer = Peer(client)
        peer.take()
        assert [(one["op"], one["d"]) for one in peer.identify()] == [(9, False)]
        assert control(client, "gateway")["applications"][APP]["remaining"] == 999
        client.clock.now += 0.1
        assert "READY" in events(peer.identify())

    def test_max_concurrency(self, client):
        """So many shards at once, by shard id modulo that number."""
        control(client, "gateway/limits", max_concurrency=2)
        assert client.ask("GET", "/gateway/bot").data["session_start_limit"]["max_concurrency"] == 2
        told = []
        for shard in range(3):
            peer = Peer(client)
            peer.take()
            told.append(events(peer.identify(shard=[shard, 3]))[0])
        assert told == ["READY", "READY", "op 9"]

    def test_no_limits_when_they_are_off(self):
        """For those who start bots all day."""
        client = Client()
        for _ in range(3):
            logged_in(client)
        assert client.ask("GET", "/gateway/bot").data["session_start_limit"]["remaining"] == 1000

    def test_the_budget_outlives_the_double(self, tmp_path):
        """Commands and what was spent stay on disk; sessions do not."""
        first = Client(Settings(), path=tmp_path)
        begin(first)
        first.sandbox.close()
        second = Client(Settings(), path=tmp_path)
        assert second.ask("GET", "/gateway/bot").data["session_start_limit"]["remaining"] == 999
        assert control(second, "gateway")["sessions"] == []


class TestShards:
    """Who hears what."""

    def test_guilds_by_shard(self, client):
        """(guild >> 22) % shards; direct messages go to shard 0."""
        client.sandbox.configure(max_concurrency=2)
        guilds = [str(number << 22) for number in (4, 5)]
        for guild in guilds:
            client.put([slash()], guild)
        client.put([slash()], "global")
        client.sandbox.set_guild(GUILD, "missing")
        peers = []
        for shard in range(2):
            peers.append(Peer(client))
            told = peers[-1].identify(shard=[shard, 2])
            assert told[1]["d"]["shard"] == [shard, 2]
            assert [one["id"] for one in told[1]["d"]["guilds"]] == [guilds[shard]]
        for guild, wanted in ((guilds[0], 0), (guilds[1], 1), (None, 0)):
            assert use(client, command="ping", guild_id=guild).data["delivered"] == 1
            heard = [events(peer.take()) for peer in peers]
            assert heard[wanted] == ["INTERACTION_CREATE"]
            assert heard[1 - wanted] == []

    def test_two_sessions_of_one_shard_both_hear(self, client):
        """As with Discord: an overlap answers every event twice."""
        one = logged_in(client)
        client.clock.now += 10
        other = logged_in(client)
        assert use(client, command="ping").data["delivered"] == 2
        assert events(one.take()) == events(other.take()) == ["INTERACTION_CREATE"]

    def test_applications_are_apart(self, client):
        """A bot hears of its own commands only."""
        mine, other = logged_in(client), logged_in(client, token=bot_token(OTHER))
        use(client, command="ping")
        assert (events(mine.take()), other.take()) == (["INTERACTION_CREATE"], [])


class TestKicks:
    """What a control call does to running sessions."""

    def kick(self, client, **body):
        """The call."""
        return control(client, "gateway/kick", **body)["kicked"]

    def test_reconnect(self, client):
        """Opcode 7; the client does the rest."""
        peer = logged_in(client)
        assert self.kick(client, how="reconnect") == 1
        assert (events(peer.take()), peer.code) == (["op 7"], None)

    @pytest.mark.parametrize("resumable", [True, False])
    def test_invalidate(self, client, resumable):
        """Opcode 9; only a resumable session stays."""
        peer, session = begin(client)
        peer.take()
        self.kick(client, how="invalidate", resumable=resumable)
        assert [(one["op"], one["d"]) for one in peer.take()] == [(9, resumable)]
        peer.leave(4000)
        again = Peer(client)
        again.take()
        assert events(again.resume(session, 2)) == ["RESUMED" if resumable else "op 9"]

    @pytest.mark.parametrize(("code", "stays"), [(4000, True), (1001, True), (4009, False), (4004, False)])
    def test_close(self, client, code, stays):
        """With the code asked for; some codes end the session."""
        peer = logged_in(client)
        self.kick(client, how="close", code=code)
        assert peer.code == code
        assert bool(control(client, "gateway")["sessions"]) == stays

    def test_drop(self, client):
        """The line is cut without a word, and the session waits."""
        peer = logged_in(client)
        self.kick(client, how="drop")
        assert (peer.wire.cut, peer.code) == (True, None)
        (session,) = control(client, "gateway")["sessions"]
        assert not session["connected"]

    def test_who_is_meant(self, client):
        """By application and shard; those that are not connected do not count."""
        logged_in(client, token=bot_token(OTHER))
        client.sandbox.configure(max_concurrency=2)
        first, second = logged_in(client, shard=[0, 2]), logged_in(client, shard=[1, 2])
        assert self.kick(client, how="close", application_id=APP, shard=1) == 1
        assert (first.code, second.code) == (None, 4000)
        assert self.kick(client, how="close", application_id=APP) == 1
        assert self.kick(client, how="close") == 1

    @pytest.mark.parametrize("bad", [{"how": "x"}, {"how": "close", "code": 5}, {"how": "close", "code": "4000"}])
    def test_what_is_no_kick(self, client, bad):
        """One line says what may be done."""
        assert client.ask("POST", "/sandbox/gateway/kick", bad).status == 400

    def test_an_outage(self, client):
        """Every route is 503 and every line cut; afterwards all is as it was."""
        peer, session = begin(client)
        control(client, "outage", down=True)
        assert (peer.wire.cut, client.get().status, client.ask("GET", "/gateway").status) == (True, 503, 503)
        control(client, "outage", down=False)
        assert client.get().status == 200
        again = Peer(client)
        again.take()
        assert events(again.resume(session, 2)) == ["RESUMED"]

    def test_an_outage_is_a_yes_or_no(self, client):
        """Anything else is refused."""
        assert client.ask("POST", "/sandbox/outage", {"down": "yes"}).status == 400
        assert client.ask("POST", "/sandbox/outage", {}).status == 400
