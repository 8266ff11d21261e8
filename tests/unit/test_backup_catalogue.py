"""Retention, seals and suspicion: what may go, what vouches for itself, and what a person should look at."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botswain.backup import checking, taking
from botswain.backup.catalogue import Catalogue, Copy, Entry, Found, Stored
from botswain.backup.errors import BackupError, Refused
from botswain.backup.folder import ENTRY, Folder, new_id, wanted
from botswain.backup.retention import made_at, removable
from botswain.backup.server import Server
from botswain.backup.settings import Keep, Settings

START = datetime(2026, 3, 1, 3, 15, tzinfo=UTC)


def identity(at: datetime, number: int = 0) -> str:
    """The id of a backup that was begun then."""
    return f"{at:%Y%m%d-%H%M%S}-{number:06x}"


def entry(name: str, **fields) -> Entry:
    """An entry."""
    usual = {
        "id": name, "environment": "stage", "database": "harbour", "system": "7", "started_at": "", "finished_at": "",
        "server_version": "15.1", "client_version": "15.1", "database_bytes": 1, "encoding": "UTF8", "collate": "C",
        "ctype": "C", "lsn": "0/1", "rows": {"a.b": 100}, "verified_at": "then",
        "files": (Stored("database.dump", "database", 1000, "0" * 64),),
    }  # fmt: skip
    return Entry(**{**usual, **fields})


def daily(days: int, state: str = "good") -> list[Found]:
    """One backup a day."""
    return [Found(identity(START + timedelta(days=day)), state) for day in range(days)]


def kept(found, keep) -> list[str]:
    """What is left, as dates."""
    gone = {one.id for one in removable(found, keep)}
    return [f"{made_at(one):%m-%d}" for one in found if one.id not in gone]


def test_days_weeks_and_months():
    """The newest of each of so many; each rule counts for itself."""
    found = daily(100)
    assert kept(found, Keep(last=1, daily=3, weekly=0, monthly=0)) == ["06-06", "06-07", "06-08"]
    assert kept(found, Keep(last=1, daily=0, weekly=3, monthly=0)) == ["05-31", "06-07", "06-08"]
    assert kept(found, Keep(last=1, daily=0, weekly=0, monthly=3)) == ["04-30", "05-31", "06-08"]
    assert kept(found, Keep(last=2, daily=3, weekly=3, monthly=3)) == ["04-30", "05-31", "06-06", "06-07", "06-08"]


def test_several_a_day_leave_the_newest_of_the_day():
    """And as many as `last` says."""
    found = [Found(identity(START + timedelta(hours=hour)), "good") for hour in (0, 4, 8, 30, 34)]
    assert [one.id for one in removable(found, Keep(1, 2, 0, 0))] == [found[0].id, found[1].id, found[3].id]
    assert [one.id for one in removable(found, Keep(4, 0, 0, 0))] == [found[0].id]


def test_bad_ones_neither_count_nor_stay_for_ever():
    """Ten damaged ones push no good one out; they go when two newer good ones are there."""
    good = daily(1)
    bad = [Found(identity(START + timedelta(days=1 + day)), "damaged") for day in range(10)]
    keep = Keep(1, 0, 0, 0)
    assert removable([*good, *bad], keep) == []
    one = Found(identity(START + timedelta(days=20)), "good")
    assert removable([*good, *bad, one], keep) == good
    two = Found(identity(START + timedelta(days=21)), "good")
    assert removable([*good, *bad, one, two], keep) == [*good, *bad, one]


STATES = st.sampled_from(["good", "good", "suspicious", "damaged", "changed", "unknown"])
MADE = st.lists(st.tuples(st.integers(0, 4000), STATES), max_size=40, unique_by=lambda one: one[0])
KEEP = st.builds(Keep, *[st.integers(0, 5)] * 4)


@given(MADE, KEEP)
def test_the_newest_good_one_never_goes(made, keep):
    """Nor anything newer than it, nor what is neither known to be good nor known to be bad."""
    found = sorted((Found(identity(START + timedelta(hours=hour)), state) for hour, state in made),
                   key=lambda one: one.id)  # fmt: skip
    gone = removable(found, keep)
    good = [one.id for one in found if one.good]
    assert all(good and one.id < good[-1] for one in gone)
    assert {one.state for one in gone} <= {"good", "suspicious", "damaged"}
    left = [one for one in found if one.good and one not in gone]
    assert len(left) >= min(len(good), max(1, keep.last, keep.daily and 1))
    assert removable([one for one in found if one not in gone], keep) == []


NIGHT = st.tuples(
    st.one_of(st.just(24), st.sampled_from([0, 1, -24, 24 * 3000, -24 * 3000]), st.integers(-200, 200)),
    st.sampled_from(["good", "good", "good", "suspicious", "damaged", "changed", "unknown", "accepted"]),
    st.integers(0, 10),
)


@given(st.lists(NIGHT, max_size=30), KEEP)
def test_the_last_verified_one_stays_whatever_the_clock_and_the_disk_do(nights, keep):
    """Night after night: clocks that jump, entries of the future, equal times, older ones that go bad."""
    found: list[Found] = []
    clock, verified = START, set[str]()
    for hours, event, which in nights:
        clock += timedelta(hours=hours)
        if event in ("good", "suspicious"):
            name = new_id(max((one.id for one in found), default=""), clock)
            assert all(name > one.id for one in found)
            found.append(Found(name, event, entry=entry(name, started_at=f"{clock:%Y-%m-%dT%H:%M:%SZ}")))
        elif found:
            old = found[which % len(found)]
            found[found.index(old)] = replace(old, state="good" if event == "accepted" else event)
        verified = {one.id for one in found if one.good}
        gone = {one.id for one in removable(found, keep)}
        assert not verified or max(verified) not in gone
        days = {made_at(one).date() for one in found if one.good}
        found = [one for one in found if one.id not in gone]
        left = {made_at(one).date() for one in found if one.good}
        assert len(left) >= min(len(days), keep.daily)


def test_a_clock_that_was_ahead_once_costs_no_day():
    """The ids that follow all say that day; the days are those on which they were made."""
    found = [Found(identity(START + timedelta(days=9000)), "good")]
    for day in range(10):
        name = new_id(found[-1].id, START + timedelta(days=day))
        made = f"{START + timedelta(days=day):%Y-%m-%dT%H:%M:%SZ}"
        found.append(Found(name, "good", entry=entry(name, started_at=made)))
    assert removable(found, Keep(last=1, daily=7, weekly=0, monthly=0)) == found[:4]


def test_ids_are_in_order():
    """Also within one second, and with a clock that is behind: the last backup is the last in every list."""
    ids = [""]
    for _ in range(50):
        ids.append(new_id(ids[-1]))
    assert ids == sorted(set(ids))
    assert new_id("20990101-000000-fffff0") > "20990101-000000-fffff0"


@pytest.fixture
def catalogue(tmp_path):
    """An empty catalogue."""
    return Catalogue(Folder(tmp_path))


def put(catalogue: Catalogue, one: Entry, data: bytes = b"x" * 1000) -> None:
    """A backup with that entry and that dump."""
    folder = catalogue.folder.backup(one.id)
    folder.mkdir()
    (folder / "database.dump").write_bytes(data)
    modified = str((folder / "database.dump").stat().st_mtime_ns)
    catalogue.write(replace(one, files=(replace(one.files[0], modified=modified),)))


def test_an_entry_comes_back_as_it_was_written(catalogue):
    """Every field, through the file."""
    one = entry(identity(START), copies=(Copy("/b", "t", "u"),), rows={"a.\u00e9": 2**60}, suspicious="small")
    catalogue.folder.backup(one.id).mkdir()
    catalogue.write(one)
    assert catalogue.read(one.id) == one


def test_every_change_of_an_entry_shows(catalogue):
    """Each field is under the seal."""
    one = entry(identity(START))
    put(catalogue, one)
    path = catalogue.folder.backup(one.id) / ENTRY
    whole = json.loads(path.read_bytes())
    assert catalogue.see(one.id).state == "good"
    for name, value in whole.items():
        if name == "schema":
            continue
        path.write_text(json.dumps({**whole, name: f"{value}x"}))
        found = catalogue.see(one.id)
        assert (found.state, found.why) == ("damaged", "its catalogue entry was changed after it was written"), name
        path.write_text(json.dumps({key: item for key, item in whole.items() if key != name}))
        assert catalogue.see(one.id).state == "damaged", name


def test_an_entry_of_another_backup_vouches_for_nothing(catalogue):
    """A whole folder copied under another name is not two backups."""
    one = entry(identity(START))
    put(catalogue, one)
    other = catalogue.folder.backup(identity(START, 1))
    other.mkdir()
    for path in catalogue.folder.backup(one.id).iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    assert catalogue.see(other.name).state == "damaged"
    assert catalogue.see(other.name).why == f"its catalogue entry is that of {one.id}"


@pytest.mark.parametrize(
    ("fields", "data", "state"),
    [
        ({}, b"x" * 1000, "good"),
        ({}, b"x" * 999, "damaged"),
        ({"damaged": "why"}, b"x" * 1000, "damaged"),
        ({"verified_at": None}, b"x" * 1000, "changed"),
        ({"suspicious": "small"}, b"x" * 1000, "suspicious"),
        ({"suspicious": "small", "accepted_by": "ann"}, b"x" * 1000, "good"),
    ],
)
def test_states(catalogue, fields, data, state):
    """What list says without reading a dump."""
    one = entry(identity(START), **fields)
    put(catalogue, one, data)
    assert catalogue.see(one.id).state == state


@pytest.mark.parametrize(
    ("size", "rows", "why"),
    [
        (1000, 100, None),
        (500, 50, None),
        (499, 100, "it has 499 bytes; {} had 1,000"),
        (1000, 49, "it has 49 rows; {} had 100 (a.b had 100 rows, now 49)"),
        (90, 100, "it has 90 bytes, less than min_size (100)"),
    ],
)
def test_suspicion(size, rows, why):
    """Smaller than the floor, or than half of the last good one, in bytes or rows."""
    last = entry(identity(START))
    now = entry(identity(START, 1), rows={"a.b": rows}, files=(Stored("database.dump", "database", size, ""),))
    settings = Settings("stage", Server("harbour"), None, min_size=100)
    told = taking.suspicion(settings, now, last)
    assert told == (why.format(last.id) if why else None)
    if why:
        elsewhere = taking.suspicion(settings, replace(now, system="8"), last)
        assert elsewhere == why.format(f"{last.id}, of harbour on another server,")
    assert taking.suspicion(replace(settings, shrink=0, min_size=0), now, last) is None
    assert taking.suspicion(settings, now, None) == (why if size < 100 else None)


def test_too_little_room_is_refused_before_anything_is_written(catalogue, monkeypatch):
    """A dump as large as the last one has to fit, and some more."""
    last = entry(identity(START), files=(Stored("database.dump", "database", 100_000_000, ""),))
    monkeypatch.setattr(Folder, "free", lambda _self: 119_000_000)
    with pytest.raises(Refused, match=r"119\.0 MB are free, and a dump may need 120\.0 MB"):
        taking._room(catalogue.folder, last)
    monkeypatch.setattr(Folder, "free", lambda _self: 121_000_000)
    taking._room(catalogue.folder, last)


def test_prune_alone_reads_the_newest_one_back_first(catalogue, monkeypatch):
    """If that is damaged, nothing goes."""
    for number in range(3):
        put(catalogue, entry(identity(START, number)))
    settings = Settings("stage", Server("harbour"), catalogue.folder.root, keep=Keep(1, 0, 0, 0))
    monkeypatch.setattr(checking, "_verify", lambda *_args, **_words: ["it is damaged"])
    with pytest.raises(Refused, match="the newest good backup, is damaged; nothing was removed"):
        checking.prune(settings)
    assert len(catalogue.folder.ids()) == 3
    monkeypatch.setattr(checking, "_verify", lambda *_args, **_words: [])
    assert len(checking.prune(settings, dry=True).removed) == 2
    assert len(catalogue.folder.ids()) == 3
    assert len(checking.prune(settings).removed) == 2
    assert catalogue.folder.ids() == [identity(START, 2)]


def test_a_backup_by_the_beginning_of_its_id(tmp_path):
    """Unique, or the choices are named."""
    known = ["20260301-031500-aaaaaa", "20260302-031500-bbbbbb"]
    assert wanted("20260302", known, tmp_path) == known[1]
    for name, told in (("2026", "is several backups here"), ("x", "is no backup here"), ("", "is no backup here")):
        with pytest.raises(BackupError, match=told):
            wanted(name, known, tmp_path)


def test_what_is_not_ours_is_not_seen(catalogue):
    """Other files and folders are neither listed nor swept."""
    for name in ("notes", ".hidden", "20260301"):
        (catalogue.folder.root / name).mkdir()
    (catalogue.folder.root / identity(START)).write_text("a file")
    (catalogue.folder.root / f".partial-{identity(START)}").mkdir()
    assert catalogue.look() == []
    assert catalogue.folder.sweep() == [identity(START)]
    assert sorted(path.name for path in catalogue.folder.root.iterdir()) == [
        ".hidden",
        "20260301",
        identity(START),
        "notes",
    ]
