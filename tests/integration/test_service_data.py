"""Data that a bot wrote into its own release is told before the next release leaves it, and brought along."""

from __future__ import annotations

import subprocess

import pytest
from shipyard import BOT, yard

pytestmark = pytest.mark.slow

WRITES = """
import sqlite3
rows = sqlite3.connect("bot.db")
rows.execute("CREATE TABLE IF NOT EXISTS log (release TEXT)")
rows.execute("INSERT INTO log VALUES (?)", [os.environ["BOTSWAIN_RELEASE"]])
rows.commit()
"""


def test_a_database_in_a_release_is_told_and_brought_along(tmp_path):
    """Deploy and dry run name it and how to keep it; once it is shared, nothing is lost, and a rollback has it too."""
    with yard(tmp_path) as made:
        made.write("bot/bot.py", BOT.replace('print("bot"', f'{WRITES}\nprint("bot"'))
        made.commit()
        assert made.deploy().code == 0
        first = made.current()
        made.version("two")

        told = f"the bot wrote into release {first} what the next release does not have: bot.db; to keep it, add to"
        for arguments in (["deploy", "--dry-run"], ["diff"]):
            ran = made.inv(*arguments, "--env", "dev")
            assert told in ran.out, ran
            assert "shared: [bot.db]" in ran.out

        made.ship(shared=["bot.db"])  # as the note says
        ran = made.inv("deploy", "--env", "dev", "--dry-run")
        assert "bot.db is to be shared, and its data is in the live release alone: ./inv service.stop" in ran.out, ran
        ran = made.inv("deploy", "--env", "dev")
        assert (ran.code, made.runs(), made.current()) == (3, "one", first), ran
        way = ran.told[0].partition("bring it along: ")[2]
        for step in way.split(" && "):
            if step.startswith("./inv "):
                arguments = step.split()[1:]
                assert made.inv(*arguments, *(["--yes"] if arguments[0] != "deploy" else [])).code == 0
            else:
                subprocess.run(["sh", "-ec", step], check=True)
        assert made.runs() == "two"
        assert logged(made) == [first, first, made.current()]
        assert made.rollback("--only", "service").code == 0
        assert (made.current(), len(logged(made))) == (first, 4)


def test_a_shared_database_that_does_not_exist_yet_needs_no_file_made_by_hand(tmp_path):
    """On a first day the bot makes it, a note says so, and the next release goes on with it."""
    with yard(tmp_path) as made:
        made.write("bot/bot.py", BOT.replace('print("bot"', f'{WRITES}\nprint("bot"'))
        made.commit()
        made.ship(shared=["bot.db"])
        ran = made.inv("deploy", "--env", "dev")
        assert ran.code == 0, ran
        assert f"note: {made.place}/shared/bot.db does not exist yet; the bot makes it" in ran.out + ran.err
        first = made.current()
        made.version("two")
        assert made.deploy().code == 0
        assert logged(made) == [first, made.current()]


def test_a_deployment_tells_it_as_well(tmp_path):
    """Who does not look before is told all the same, once; a bot that writes nothing into its release hears nothing."""
    with yard(tmp_path) as made:
        assert made.deploy().code == 0
        made.version("two")
        assert made.deploy().document["notes"] == []
        (made.place / "current/data").mkdir()
        (made.place / "current/data/users.json").write_text("{}")
        made.version("three")
        ran = made.inv("deploy", "--env", "dev")
        assert ran.code == 0, ran
        assert (ran.out + ran.err).count("what the next release does not have: data/;") == 1, ran
        assert "shared: [data/]" in ran.out + ran.err


def logged(made) -> list[str]:
    """What the bot's database has, oldest first."""
    import sqlite3

    rows = sqlite3.connect(made.place / "shared/bot.db")
    try:
        return [one for (one,) in rows.execute("SELECT release FROM log")]
    finally:
        rows.close()
