"""The section `database` of a profile: what it may say, what it means, and what is told about mistakes."""

from __future__ import annotations

import pytest

from botswain.errors import InvalidInput
from botswain.profile.load import load
from botswain.profile.settings import Backup, Database
from botswain.secrets import environment


@pytest.fixture(autouse=True)
def here(desk, monkeypatch):
    """Works in the folder of `desk`, with no variables of this machine."""
    monkeypatch.chdir(desk.folder)
    environment._dotenv.cache_clear()
    yield
    environment._dotenv.cache_clear()


@pytest.fixture
def database(desk):
    """Reads a profile whose section says that."""

    def read(**fields):
        desk.profile(database=fields)
        return load("dev").database

    return read


@pytest.fixture
def wrong(database):
    """Everything that is wrong with a section, without the file's name."""

    def told(**fields):
        with pytest.raises(InvalidInput) as error:
            database(**fields)
        return [str(one).removeprefix("profiles/dev.yaml: ") for one in error.value.problems]

    return told


def test_a_profile_without_it_has_none(desk):
    """Nothing is backed up by default."""
    desk.profile()
    assert load("dev").database is None


def test_the_defaults(database):
    """What is not said is left to the runner, or to the role."""
    assert database(url="DATABASE_URL") == Database("postgres", "local", "DATABASE_URL", None, None, Backup())
    assert database(where="host") == Database("postgres", "host", None, None, None, Backup())


def test_everything(database):
    """Each field arrives."""
    found = database(
        url="URL", programs="/opt/pg/bin",
        backup={
            "folder": "/b", "keep": {"last": 5}, "copy_to": ["/mnt/b", "ssh://ann@nas:2222/b"], "at": "03:30",
            "ssh": {"identity": "/k", "known_hosts": "/h"}, "min_size": 10, "shrink": 0.25,
            "verify_restore": True,
        },
    )  # fmt: skip
    assert found.backup == Backup(
        "/b", found.backup.keep, ("/mnt/b", "ssh://ann@nas:2222/b"), "/k", "/h", "03:30", 10, 0.25, True
    )
    assert found.backup.keep == {"last": 5, "daily": 7, "weekly": 4, "monthly": 6}


def test_a_time_that_yaml_takes_for_a_number(database, desk):
    """13:30 without quotation marks is 810 to YAML."""
    desk.profile(database={"url": "U"})
    path = desk.folder / "profiles/dev.yaml"
    path.write_text(path.read_text() + "  backup:\n    at: 13:30\n")
    assert load("dev").database.backup.at == "13:30"


VARIABLE = "database.url: must be the name of an environment variable that holds the URL, such as DATABASE_URL"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, ["database.url: is missing; name the variable that holds the database's URL, such as DATABASE_URL"]),
        ({"url": "my url"}, [f'{VARIABLE}, not "my url"']),
        ({"url": "U", "name": "x"}, ["database.name: is for `where: host`; the URL names the database"]),
        ({"where": "host", "url": "U"}, [
            "database.url: is for `where: local`; on a host, the runner logs in by itself"]),
        ({"where": "here"}, ["database.where: must be 'local' or 'host', not \"here\""]),
        ({"url": "U", "engine": "mysql"}, ["database.engine: must be 'postgres', not \"mysql\""]),
        ({"url": "U", "backup": {"copy": []}}, ['database.backup.copy: unknown field; did you mean "copy_to"?']),
        ({"url": "U", "backup": {"keep": {"last": 0}}}, ["database.backup.keep.last: must be at least 1, not 0"]),
        ({"url": "U", "backup": {"at": "25:00"}}, [
            'database.backup.at: must be a time of day such as "03:30", not "25:00"']),
        ({"url": "U", "backup": {"copy_to": ["b"]}}, [
            'database.backup.copy_to.0: must be absolute folders or ssh://user@host:port/folder, not "b"']),
        ({"url": "U", "backup": {"copy_to": ["ssh://-oX/b"]}}, [
            'database.backup.copy_to.0: must be absolute folders or ssh://user@host:port/folder, not "ssh://-oX/b"']),
        ({"url": "U", "backup": {"copy_to": ["ssh://a:secret@h/b"]}}, [
            "database.backup.copy_to.0: holds a password; SSH uses a key"]),
    ],
)  # fmt: skip
def test_mistakes(wrong, fields, told):
    """One line each, with the field."""
    assert wrong(**fields) == told
