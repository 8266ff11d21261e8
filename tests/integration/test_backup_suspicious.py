"""A backup that is much smaller than it should be counts for nothing until a person says so."""

from __future__ import annotations

import os
import shutil

import pytest
from backups import Backups

pytestmark = pytest.mark.slow

LAST_ONE = {"last": 1, "daily": 0, "weekly": 0, "monthly": 0}


def test_a_much_smaller_dump_is_kept_and_told(backups: Backups, before, cluster):
    """It is partial, not good, lets nothing go, and a person may accept it."""
    cluster.sql("INSERT INTO harbour.ships SELECT i, md5(i::text), 1 FROM generate_series(1000, 9000) i", "harbour")
    large = backups.run()
    cluster.sql("DELETE FROM harbour.ships WHERE id > 5", "harbour")
    backups.configure(keep={"last": 1, "daily": 0, "weekly": 0, "monthly": 0})
    done = backups.do("run", "--json")
    assert (done.code, done.document["outcome"], done.document["removed"]) == (1, "partial", [])
    small = done.document["backup"]["id"]
    assert "harbour.ships had 8,201 rows, now 5" in done.document["problems"][0]
    assert backups.states() == {before: "good", large: "good", small: "suspicious"}
    assert backups.do("verify", small, "--accept").code == 0
    assert backups.states()[small] == "good"
    next_one = backups.run()
    assert backups.states() == {next_one: "good"}


def test_smaller_than_the_floor(backups: Backups):
    """min_size catches the very first one, too."""
    backups.configure(min_size=10_000_000)
    done = backups.do("run", "--json")
    assert done.code == 1
    assert "less than min_size (10,000,000)" in done.document["problems"][0]
    assert list(backups.states().values()) == ["suspicious"]


DAMAGE = {
    "cut": lambda folder: os.truncate(next(folder.glob("database.dump*")), 100),
    "gone": lambda folder: next(folder.glob("database.dump*")).unlink(),
    "touched": lambda folder: os.utime(next(folder.glob("database.dump*"))),
    "its entry damaged": lambda folder: (folder / "entry.json").write_text("{"),
    "its entry gone": lambda folder: (folder / "entry.json").unlink(),
    "all of it gone": shutil.rmtree,
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_an_emptied_database_after_the_only_good_backup_was_damaged(backups: Backups, before, cluster, kind):
    """It is compared with what that one held, so it is no good one, lets nothing go, and is accepted by a person."""
    backups.configure(keep=LAST_ONE)
    DAMAGE[kind](backups.folder / before)
    cluster.sql("DROP SCHEMA harbour CASCADE", "harbour")
    left = backups.names()
    for _ in range(2):  # nor does one empty one vouch for the next
        done = backups.do("run", "--json")
        assert (done.code, done.document["outcome"], done.document["removed"]) == (1, "partial", []), done
        assert done.document["backup"]["state"] == "suspicious"
        told = done.document["problems"][0]
        assert f"{before} had " in told
        assert "harbour.ships had 200 rows, now is gone" in told
        assert "if that is right, accept it (backup.accept; by hand: verify ID --accept)" in told
    empty = done.document["backup"]["id"]
    assert backups.do("verify", empty).code == 0
    assert backups.states()[empty] == "suspicious"
    assert backups.names() >= left
    assert backups.do("restore", "latest", "--into", "postgresql:///nowhere").code == 1
    assert backups.do("verify", empty, "--accept").code == 0
    last = backups.run()
    assert backups.states()[last] == "good"


def test_what_an_older_version_left_without_a_word_of_it(backups: Backups, before):
    """Its entry is damaged, and nothing else says what it held: no new one is good by itself."""
    (backups.folder / ".last-good.json").unlink()
    (backups.folder / before / "entry.json").write_text("")
    done = backups.do("run", "--json")
    told = f"nothing says how large it should be, since the catalogue entry of {before} is damaged"
    assert (done.code, told in done.document["problems"][0]) == (1, True)


def test_it_is_compared_with_the_newest_that_was_good(backups: Backups, before, cluster):
    """Not with an older one, not with a suspicious one; and that one's rows are told."""
    cluster.sql("INSERT INTO harbour.logs (ship, line) SELECT 1, 'x' FROM generate_series(1, 5000)", "harbour")
    large = backups.run()
    cluster.sql("DELETE FROM harbour.logs", "harbour")
    (backups.folder / large / "entry.json").unlink()
    told = backups.do("run", "--json").document["problems"][0]
    assert f"{large} had " in told
    assert "harbour.logs had 5,000 rows, now 0" in told
    assert backups.states()[before] == "good"


def test_a_new_and_empty_server(tmp_path, cluster, newer_cluster):
    """After a host was made anew, its empty database is not the bot's: the old backups stay, and are `latest`."""
    backups = Backups(tmp_path, cluster, cluster.database("harbour"), keep=LAST_ONE)
    old = backups.run()
    newer_cluster.sql("DROP DATABASE IF EXISTS harbour")
    newer_cluster.sql("CREATE DATABASE harbour")
    backups.configure(host=str(newer_cluster.folder), port=newer_cluster.port, bin=str(newer_cluster.programs))
    done = backups.do("run", "--json")
    assert (done.code, done.document["backup"]["state"]) == (1, "suspicious")
    assert f"{old}, of harbour on another server, had " in done.document["problems"][0]
    assert backups.do("list", "--json").document["latest"] == old
