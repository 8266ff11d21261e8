"""What the gateway says to one connection: hello, heartbeats, who may log in, and every close code."""

from __future__ import annotations

import json
import zlib

import pytest
from gateway_client import Peer, events, logged_in
from sandbox_client import APP, GUILD, Client, Settings, bot_token, slash

from botswain.sandbox.gateway.compression import Plain, packer

OTHER = "333333333333333333"


@pytest.fixture
def client():
    """A double with one guild and Discord's limits."""
    client = Client(Settings())
    client.sandbox.set_guild(GUILD, "open")
    return client


@pytest.fixture
def peer(client):
    """A connection that was told hello."""
    peer = Peer(client)
    assert events(peer.take()) == ["op 10"]
    return peer


def test_hello_says_how_often_to_beat(client):
    """The interval is Discord's, or that of the settings."""
    assert Peer(client).take()[0]["d"]["heartbeat_interval"] == 41_250
    client.sandbox.configure(heartbeat_interval=100)
    assert Peer(client).take()[0]["d"]["heartbeat_interval"] == 100


@pytest.mark.parametrize("version", ["", "9", "10"])
def test_versions_that_are_spoken(client, version):
    """Nine, ten, and none in particular."""
    assert events(Peer(client, version=version).take()) == ["op 10"]


@pytest.mark.parametrize(
    ("query", "code"),
    [({"version": "8"}, 4012), ({"version": "x"}, 4012), ({"encoding": "etf"}, 4002), ({"compression": "br"}, 4002)],
)
def test_what_is_not_spoken_is_closed_before_hello(client, query, code):
    """Another version, encoding or compression."""
    peer = Peer(client, **query)
    assert (peer.code, peer.take()) == (code, [])


class TestHeartbeats:
    """Who beats, lives."""

    def test_every_beat_is_acknowledged(self, peer):
        """Before and after logging in."""
        assert events(peer.send(1, None)) == ["op 11"]
        peer.identify()
        assert events(peer.send(1, 2)) == ["op 11"]

    def test_one_and_a_half_intervals_without_end_the_session(self, client):
        """4009, and the session is gone; a beat in time keeps both."""
        peer = logged_in(client)
        peer.wait(60)
        peer.send(1)
        peer.wait(61.8)
        assert peer.code is None
        peer.wait(0.2)
        assert peer.code == 4009
        assert client.ask("GET", "/sandbox/gateway").data["sessions"] == []

    def test_the_gateway_may_ask_for_one(self, client):
        """Opcode 1 from the gateway."""
        peer = logged_in(client)
        assert client.ask("POST", "/sandbox/gateway/kick", {"how": "heartbeat"}).data == {"kicked": 1}
        assert events(peer.take()) == ["op 1"]
        assert peer.code is None


class TestRefusals:
    """What closes a connection, and with which code."""

    @pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "{}", '{"op": "2"}', '{"op": true}', b"\xff\xfe", "null"])
    def test_what_is_no_payload(self, peer, text):
        """4002."""
        peer.raw(text)
        assert peer.code == 4002

    def test_payloads_of_more_than_4096_bytes(self, client):
        """4096 pass, one more does not; bytes count, not characters."""

        def beat(size):
            text = json.dumps({"op": 1, "d": None, "x": ""}, ensure_ascii=False)
            return text[:-2] + "é" * ((size - len(text)) // 2) + "x" * ((size - len(text)) % 2) + text[-2:]

        assert [len(beat(size).encode()) for size in (4096, 4097)] == [4096, 4097]
        peer, other = Peer(client), Peer(client)
        peer.raw(beat(4096))
        other.raw(beat(4097))
        assert (peer.code, other.code) == (None, 4002)

    @pytest.mark.parametrize("op", [0, 5, 7, 9, 10, 11, 99, -1])
    def test_unknown_opcodes(self, peer, op):
        """Also those that only the gateway sends."""
        peer.send(op, {})
        assert peer.code == 4001

    @pytest.mark.parametrize("op", [3, 4, 8, 31])
    def test_requests_before_logging_in(self, peer, op):
        """4003."""
        peer.send(op, {})
        assert peer.code == 4003

    @pytest.mark.parametrize("op", [2, 6])
    def test_logging_in_twice(self, client, op):
        """4005, whether by IDENTIFY or RESUME."""
        peer = logged_in(client)
        peer.send(op, {"token": bot_token(), "intents": 1})
        assert peer.code == 4005

    @pytest.mark.parametrize("op", [2, 6])
    def test_data_that_is_no_object(self, peer, op):
        """4002."""
        peer.send(op, [])
        assert peer.code == 4002

    @pytest.mark.parametrize("token", ["", "nonsense", "a.b.c", None, 5, f"Bearer {bot_token()}"])
    @pytest.mark.parametrize("op", [2, 6])
    def test_wrong_tokens(self, peer, token, op):
        """4004."""
        peer.send(op, {"token": token, "intents": 1, "session_id": "x", "seq": 1})
        assert peer.code == 4004

    def test_a_token_that_was_reset(self, client, peer):
        """4004 for that token and its running session; another token of the application is fine."""
        running = logged_in(client)
        client.ask("POST", "/sandbox/tokens", {"refuse": bot_token()})
        assert running.code == 4004
        assert client.ask("GET", "/users/@me").status == 401
        peer.identify()
        assert peer.code == 4004
        client.clock.now += 10
        new = Peer(client)
        assert "READY" in events(new.identify(token=bot_token().replace("made-up", "new")))
        client.ask("POST", "/sandbox/tokens", {"accept": APP})
        assert client.ask("GET", "/users/@me").status == 200

    @pytest.mark.parametrize("shard", [[1, 1], [-1, 1], [0, 0], [0], "x", [0, 1, 2], [0, True], ["0", "1"]])
    def test_shards_that_cannot_be(self, peer, shard):
        """4010."""
        peer.identify(shard=shard)
        assert peer.code == 4010

    def test_too_many_guilds_for_one_shard(self, client):
        """4011 until there are enough shards; /gateway/bot says how many."""
        for guild in range(5, 10):
            client.sandbox.set_guild(str(guild), "open")
        client.sandbox.configure(guilds_per_shard=3)
        assert client.ask("GET", "/gateway/bot").data["shards"] == 2
        one, two = Peer(client), Peer(client)
        one.identify()
        assert one.code == 4011
        two.identify(shard=[0, 2])
        assert two.code is None

    @pytest.mark.parametrize("intents", [None, "1", 1 << 17, 1 << 26, -1, True, 1.5])
    def test_intents_that_are_none(self, peer, intents):
        """4013."""
        peer.identify(intents=intents)
        assert peer.code == 4013

    @pytest.mark.parametrize(("intent", "flag"), [(1 << 1, 14), (1 << 1, 15), (1 << 8, 12), (1 << 15, 19)])
    def test_privileged_intents(self, client, intent, flag):
        """4014 once they are not given to everybody, unless the application's flags have them."""
        client.sandbox.configure(privileged_intents=False)
        peer, other = Peer(client), Peer(client)
        peer.identify(intents=1 | intent)
        assert peer.code == 4014
        client.ask("PATCH", "/applications/@me", {"flags": 1 << flag})
        assert "READY" in events(other.identify(intents=1 | intent))

    def test_more_than_120_payloads_a_minute(self, client):
        """4008; a minute later there is room again."""
        peer = logged_in(client)
        for _ in range(119):
            peer.send(1)
        assert peer.code is None
        peer.wait(60)
        for _ in range(120):
            peer.send(1)
        assert peer.code is None
        peer.send(1)
        assert peer.code == 4008


class TestReady:
    """What a bot learns at the start."""

    def test_ready_then_its_guilds(self, client, peer):
        """READY has the guilds unavailable, GUILD_CREATE tells them whole; numbered from 1."""
        ready, guild = peer.identify()
        assert [(one["t"], one["s"]) for one in (ready, guild)] == [("READY", 1), ("GUILD_CREATE", 2)]
        data = ready["d"]
        assert (data["v"], data["user"]["id"], data["application"]["id"]) == (10, APP, APP)
        assert data["guilds"] == [{"id": GUILD, "unavailable": True}]
        assert data["resume_gateway_url"] == "ws://127.0.0.1:1"
        assert "shard" not in data
        assert (guild["d"]["id"], guild["d"]["unavailable"]) == (GUILD, False)
        assert {one["user"]["id"] for one in guild["d"]["members"]} == {APP, str(int(APP) + 1)}
        assert [one["name"] for one in guild["d"]["channels"]] == ["general"]
        assert guild["d"]["roles"][0]["id"] == GUILD

    def test_without_the_intent_no_guild_is_told(self, peer):
        """GUILD_CREATE needs GUILDS."""
        assert events(peer.identify(intents=0)) == ["READY"]

    def test_known_guilds_are_those_written_to_or_opened(self, client, peer):
        """A guild with commands of this application counts, one that is closed or another's does not."""
        for guild in ("500", "600"):
            client.put([slash()], guild)
        client.sandbox.edit(OTHER, "700", "replace", command=[slash()])
        client.sandbox.set_guild("600", "missing")
        assert [one["id"] for one in peer.identify()[0]["d"]["guilds"]] == ["500", GUILD]

    def test_a_described_guild(self, client, peer):
        """Channels, roles and members as a control call gave them."""
        body = {
            "guild_id": GUILD,
            "name": "Ship",
            "channels": [{"id": "9", "name": "hold", "type": 2}],
            "roles": [{"id": "8", "name": "crew", "permissions": "8"}],
            "members": [{"id": "7", "username": "mate", "roles": ["8"], "nick": "Matey"}],
        }
        assert client.ask("POST", "/sandbox/guilds", body).status == 204
        guild = peer.identify()[1]["d"]
        assert guild["name"] == "Ship"
        (channel,) = guild["channels"]
        assert (channel["id"], channel["type"], channel["bitrate"]) == ("9", 2, 64000)
        assert {one["id"]: one["permissions"] for one in guild["roles"]}["8"] == "8"
        (mate,) = [one for one in guild["members"] if one["user"]["id"] == "7"]
        assert (mate["user"]["username"], mate["nick"], mate["roles"]) == ("mate", "Matey", ["8"])

    @pytest.mark.parametrize(
        "bad", [{"name": ""}, {"channels": 5}, {"channels": [5]}, {"channels": [{}]}, {"roles": [{"id": "x"}]},
                {"members": [{"roles": 5}]}]
    )  # fmt: skip
    def test_what_describes_no_guild(self, client, bad):
        """One line says what; nothing is stored."""
        answer = client.ask("POST", "/sandbox/guilds", {"guild_id": GUILD, **bad})
        assert answer.status == 400
        assert answer.data["message"].startswith("sandbox guild, ")
        assert client.ask("GET", f"/guilds/{GUILD}").data["name"] == f"sandbox-guild-{GUILD}"

    def test_guilds_that_come_and_go(self, client):
        """Opening a guild tells running bots GUILD_CREATE, closing it GUILD_DELETE, once."""
        peer = logged_in(client)
        client.sandbox.set_guild("500", "open")
        client.sandbox.set_guild("500", "forbidden")
        client.sandbox.set_guild("500", "missing")
        told = [(one["t"], one["d"]["id"]) for one in peer.take()]
        assert told == [("GUILD_CREATE", "500"), ("GUILD_DELETE", "500")]


class TestRequests:
    """What a logged-in bot may ask."""

    def test_members(self, client):
        """All, by name, or by id; the nonce comes back and unknown ids are named."""
        client.ask("POST", "/sandbox/guilds", {"guild_id": GUILD, "members": [{"id": "7", "username": "mate"}]})
        peer = logged_in(client)

        def ask(**data):
            (told,) = peer.send(8, {"guild_id": GUILD, **data})
            assert told["t"] == "GUILD_MEMBERS_CHUNK"
            return [one["user"]["username"] for one in told["d"]["members"]], told["d"]

        assert len(ask(query="", limit=0)[0]) == 3
        assert len(ask(query="", limit=1)[0]) == 1
        assert ask(query="MA", limit=0)[0] == ["mate"]
        names, told = ask(user_ids=["7", "99"], nonce="n")
        assert (names, told["not_found"], told["nonce"]) == (["mate"], ["99"], "n")
        assert (told["chunk_index"], told["chunk_count"]) == (0, 1)

    def test_guilds_that_the_bot_is_not_in(self, client):
        """No answer, as from Discord."""
        peer = logged_in(client)
        for op in (4, 8):
            assert peer.send(op, {"guild_id": "999", "query": "", "limit": 0}) == []

    def test_voice(self, client):
        """The bot's own voice state comes back to those who asked for voice states."""
        deaf = logged_in(client)
        client.clock.now += 10
        peer = logged_in(client, intents=1 | 1 << 7)
        assert deaf.send(4, {"guild_id": GUILD, "channel_id": "9"}) == []
        (told,) = peer.send(4, {"guild_id": GUILD, "channel_id": "9", "self_deaf": True})
        assert (told["t"], told["d"]["channel_id"], told["d"]["self_deaf"]) == ("VOICE_STATE_UPDATE", "9", True)

    def test_presence_and_sounds(self, client):
        """A presence is taken without a word; soundboards are empty."""
        peer = logged_in(client)
        assert peer.send(3, {"status": "idle", "activities": [], "since": None, "afk": False}) == []
        assert [one["d"]["guild_id"] for one in peer.send(31, {"guild_ids": [GUILD, "999"]})] == [GUILD]

    @pytest.mark.parametrize("data", [{}, {"guild_ids": 5}, {"guild_id": 5}, {"guild_id": GUILD, "limit": "x"}])
    @pytest.mark.parametrize("op", [3, 4, 8, 31])
    def test_nonsense_breaks_nothing(self, client, op, data):
        """It is answered or ignored."""
        peer = logged_in(client)
        peer.send(op, data)
        assert events(peer.send(1)) == ["op 11"]


class TestCompression:
    """Transport compression."""

    def test_zlib_stream(self):
        """One stream over all payloads, each flushed so that it can be read at once."""
        made, reader = packer("zlib-stream"), zlib.decompressobj()
        for text in ('{"a":1}', "é" * 5000, '{"a":1}'):
            packed = made.pack(text)
            assert packed.endswith(b"\x00\x00\xff\xff")
            assert reader.decompress(packed).decode() == text

    def test_zstd_stream(self):
        """One frame header, then stored blocks of at most 128 KiB, none of them the last."""
        made = packer("zstd-stream")
        texts = ['{"a":1}', "é" * 100_000]
        packed = b"".join(made.pack(text) for text in texts)
        assert packed[:6] == bytes.fromhex("28b52ffd0058")
        place, content = 6, b""
        while place < len(packed):
            header = int.from_bytes(packed[place : place + 3], "little")
            assert header & 0b111 == 0
            assert header >> 3 <= 1 << 17
            content += packed[place + 3 : place + 3 + (header >> 3)]
            place += 3 + (header >> 3)
        assert content.decode() == "".join(texts)

    def test_none(self):
        """Text stays text."""
        assert type(packer("")) is Plain
        assert packer("").pack("x") == "x"
