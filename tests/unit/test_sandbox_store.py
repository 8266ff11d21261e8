"""The double's memory on disk."""

from __future__ import annotations

import threading

import pytest
from sandbox_client import APP, GUILD, Client, bot_token, slash

from botswain.errors import BotswainError
from botswain.sandbox.model import Mint
from botswain.sandbox.store import Store


def test_state_outlives_the_process(tmp_path):
    """A second sandbox on the folder knows commands, settings, guilds, faults and the clock of the first."""
    first = Client(path=tmp_path)
    made = first.put([slash()]).data
    first.sandbox.configure(creates_status=400)
    first.sandbox.set_guild("3", "missing")
    first.sandbox.advance(100)
    second = Client(path=tmp_path)
    assert second.get(query="with_localizations=true").data == made
    assert second.get("3").status == 404
    assert second.sandbox.configure().creates_status == 400
    assert second.sandbox.advance(0) == second.clock.now + 100
    second.sandbox.fault("status", status=503)
    assert first.get().status == 503
    assert second.get().status == 200


def test_writes_of_many_threads_all_arrive(tmp_path):
    """Two sandboxes on one folder, four threads each: no write is lost, no id given twice."""
    clients = [Client(path=tmp_path), Client(path=tmp_path)]

    def write(client, number):
        for index in range(5):
            client.post(slash(f"c{number}-{index}"))

    threads = [threading.Thread(target=write, args=(clients[number % 2], number)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    commands = clients[0].get().data
    assert len(commands) == len({one["id"] for one in commands}) == 40


def test_a_failed_write_leaves_the_old_content(tmp_path):
    """A file is replaced whole; what cannot be written is told with the place and no draft is left."""
    store = Store(tmp_path)
    store.write("a/b", {"x": 1})
    (tmp_path / "a" / "full.json").mkdir()
    with store.locked(), pytest.raises(BotswainError, match=r"full\.json: the sandbox cannot keep its state"):
        store.write("a/full", {"x": 2})
    assert store.read("a/b") == {"x": 1}
    assert sorted(one.name for one in (tmp_path / "a").iterdir()) == ["b.json", "full.json"]


def test_damaged_file_is_named(tmp_path):
    """A file that is no JSON is never taken for an empty one."""
    client = Client(path=tmp_path)
    client.put([slash()])
    (tmp_path / APP / f"{GUILD}.json").write_text("[{")
    with pytest.raises(BotswainError, match=rf"{GUILD}\.json: not JSON .*; delete this file"):
        client.put([])


def test_folder_that_cannot_be_made(tmp_path):
    """The error names the folder."""
    (tmp_path / "file").write_text("")
    with pytest.raises(BotswainError, match="cannot keep its state"):
        Client(path=tmp_path / "file" / "state")


def test_no_token_is_stored(tmp_path):
    """Neither a bot's token nor an OAuth2 token can be read out of the state."""
    client = Client(path=tmp_path)
    client.put([slash()])
    form = f"client_id={APP}&client_secret=hush&grant_type=client_credentials&scope=identify".encode()
    token = client.ask("POST", "/oauth2/token", form).data["access_token"]
    stored = "".join(one.read_text() for one in tmp_path.rglob("*.json"))
    assert stored
    for secret in (token, "hush", bot_token()):
        assert secret not in stored


def test_snowflakes_grow():
    """Ids of one moment differ and grow, and carry Discord's time."""
    mint = Mint()
    made = [int(mint.snowflake(1_800_000_000.0)) for _ in range(1000)]
    assert made == sorted(set(made))
    assert (made[0] >> 22) + 1_420_070_400_000 == 1_800_000_000_000
