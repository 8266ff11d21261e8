"""The runner's configuration and the URL of a database: every mistake at once, and no secret in any message."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from botswain.backup.errors import BackupError
from botswain.backup.server import Server
from botswain.backup.settings import Keep, Settings, Ssh, load, parse
from botswain.backup.urls import of_url

LEAST = {"environment": "stage", "database": "harbour", "folder": "/var/backups/botswain/stage"}

KNOWN = (
    "bin, copy_to, database, environment, folder, host, keep, min_size, passfile, password_file, port, run_as, shrink,"
    " ssh, url, user, verify_restore"
)


def wrong(**fields) -> list[str]:
    """What is told about a configuration."""
    with pytest.raises(BackupError) as error:
        parse(json.dumps({**LEAST, **fields}).encode(), "stage.json")
    assert str(error.value).startswith("stage.json: ")
    return error.value.what.split("; ")


def test_the_least():
    """Three fields; the rest are the numbers of the documentation."""
    found = parse(json.dumps(LEAST).encode(), "x")
    assert found == Settings(
        environment="stage", server=Server("harbour"), folder=Path("/var/backups/botswain/stage"), run_as="",
        keep=Keep(last=3, daily=7, weekly=4, monthly=6), min_size=0, shrink=0.5, copy_to=(), ssh=Ssh("", ""), bin="",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"database": ""}, ["database is missing"]),
        ({"environment": "Stage!"}, ["environment must be a name such as stage"]),
        ({"folder": "backups"}, ["folder must be an absolute path"]),
        ({"keep": {"dayly": 1, "last": -1}}, [
            "keep.dayly is unknown", "known are last, daily, weekly, monthly", "keep.last must be a number from 0"]),
        ({"keep": 7}, ["keep must be an object"]),
        ({"shrink": 1}, ["shrink must be a share from 0 to below 1"]),
        ({"port": "5432"}, ["port must be a port number"]),
        ({"copy_to": "/mnt"}, ["copy_to must be a list of folders and ssh:// addresses"]),
        ({"copy_to": ["mnt"]}, ["copy_to: mnt must be an absolute path or ssh://user@host:port/folder"]),
        ({"copy_to": ["ssh://-oProxyCommand=x/y"]}, [
            "copy_to: ssh://-oProxyCommand=x/y must look like ssh://user@host:port/folder"]),
        ({"copy_to": ["ssh://-l@host/y"]}, ["copy_to: ssh://-l@host/y must look like ssh://user@host:port/folder"]),
        ({"copy_to": ["ssh://host"]}, ["copy_to: ssh://host must look like ssh://user@host:port/folder"]),
        ({"copy_to": ["ssh://a:hush@host/y"]}, ["copy_to: ssh:// with a password", "use a key"]),
        ({"url": "postgresql://a/b"}, ["url says all of database, host, port and user", "leave those out"]),
        ({"colour": 1, "min_size": -1}, [
            "min_size must be a number of bytes", "unknown field colour",
            f"known are {KNOWN}"]),
    ],
)  # fmt: skip
def test_mistakes(fields, told):
    """Told all at once, with what is known."""
    assert wrong(**fields) == told


@pytest.mark.parametrize(("data", "told"), [(b"{", "is no JSON document"), (b"[]", "must be a JSON object")])
def test_what_is_no_configuration(data, told):
    """One line."""
    with pytest.raises(BackupError, match=told):
        parse(data, "x")


def test_a_configuration_that_is_not_there(tmp_path):
    """Says which file, and how it comes there, or which others there are."""
    with pytest.raises(BackupError, match=r"stage\.json: there is no such configuration; correct its name, or"):
        load(tmp_path / "stage.json")
    (tmp_path / "prod.json").write_text("{}")
    with pytest.raises(BackupError, match=r"stage\.json: there is no such configuration; there are: prod$"):
        load(tmp_path / "stage.json")


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("postgresql://ann@db.example.org:6543/harbour", Server("harbour", "db.example.org", 6543, "ann")),
        ("postgres:///harbour", Server("harbour")),
        ("postgresql+asyncpg://ann:h%40sh@h/a%20b", Server("a b", "h", None, "ann", password="h@sh")),
        ("postgresql:///x?host=/run/pg&port=7&user=ann", Server("x", "/run/pg", 7, "ann")),
        ("postgresql://h/x?sslmode=require&connect_timeout=3",
         Server("x", "h", parameters={"sslmode": "require", "connect_timeout": "3"})),
        ("postgresql://[::1]:7/x", Server("x", "::1", 7)),
    ],
)  # fmt: skip
def test_urls(url, server):
    """As libpq and as the libraries of bots write them."""
    found = of_url(url)
    assert found == server
    assert dict(found.parameters) == dict(server.parameters)
    assert found.password == server.password


SECRETIVE = [
    "postgresql://ann:hush-hush@h:x/d",
    "hush-hush",
    "mysql://ann:hush-hush@h/d",
    "postgresql://ann:hush-hush@h",
    "postgresql://ann:hush-hush@h/d?x=hush-hush",
]


@pytest.mark.parametrize("url", SECRETIVE)
def test_a_wrong_url_is_never_told(url):
    """There may be a password in it."""
    with pytest.raises(BackupError) as error:
        of_url(url)
    assert "hush-hush" not in str(error.value)


def test_clients_are_told_by_variables(monkeypatch):
    """What somebody left in the environment chooses neither database nor password."""
    monkeypatch.setenv("PGHOST", "elsewhere")
    monkeypatch.setenv("PGPASSWORD", "other")
    monkeypatch.setenv("PGOPTIONS", "-c search_path=x")
    server = Server("d", user="ann", parameters={"sslmode": "require"}, passfile="/etc/pgpass")
    known = {name: value for name, value in server.variables().items() if name.startswith("PG")}
    assert known == {
        "PGAPPNAME": "botswain-backup", "PGCONNECT_TIMEOUT": "10", "PGSSLMODE": "require", "PGUSER": "ann",
        "PGDATABASE": "d", "PGPASSFILE": "/etc/pgpass",
    }  # fmt: skip
    assert "hush" not in repr(Server("d", password="hush"))
    assert str(Server("d", "/run", 5, "a b", password="hush")) == "postgresql://a%20b@%2Frun:5/d"
