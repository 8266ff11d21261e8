"""A planted token is looked for in everything that a whole run says and writes, and never found."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import threading
import time
import urllib.parse

import httpx
import pytest
from desk import APP, GUILD, GUILD_2, Desk, token
from watching import told_of_processes

from botswain.sandbox.process import running_server

pytestmark = pytest.mark.slow

TOKEN = token()
PROD_TOKEN = token("100000000000000009", "GzzYxW.0a1B-2c3D_4e5F6g7H8i9J0k1L2m3N4o5P6q7R")


def spellings(value):
    """How it could turn up: as it is, quoted for a URL, in base64 at any of three offsets."""
    data = value.encode()
    found = {value, urllib.parse.quote(value, safe=""), "".join(f"%{byte:02X}" for byte in data)}
    for before in (b"", b"x", b"xx"):
        coded = base64.b64encode(before + data).decode().rstrip("=")
        found.add(coded[4:-2])
        found.add(coded[4:-2].replace("+", "-").replace("/", "_"))
    secret_part = value.partition(".")[2]
    found |= {secret_part[start : start + 8] for start in range(len(secret_part) - 7)}  # half a token is no better
    return sorted(found | {base64.b64encode(secret_part.encode()).decode().rstrip("=")[:-1]})


def leaks(text):
    """Which spelling of which token is in a text."""
    return [one for secret in (TOKEN, PROD_TOKEN) for one in spellings(secret) if one in text]


def leaking_files(folder, ignore=()):
    """Files below the project that hold a token, in their content or their name."""
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file()
        and path.name not in ignore
        and (leaks(path.read_bytes().decode("utf-8", "replace")) or leaks(path.name))
    ]


def test_the_search_would_find_it():
    """Otherwise finding nothing would say nothing."""
    for text in (
        f"Bot {TOKEN}!", base64.b64encode(f"user:{TOKEN}".encode()).decode(), urllib.parse.quote(f"a b{TOKEN}"),
        json.dumps({"x": TOKEN}), TOKEN[27:],
    ):  # fmt: skip
        assert leaks(text), text


@pytest.fixture(params=["embedded", "served"])
def planted(request, desk: Desk):
    """A project whose token is real as far as anybody can tell, with the double embedded or behind a socket."""
    desk.environment.update(DISCORD_DEV_TOKEN=TOKEN)
    desk.write(".env", f"DISCORD_PROD_TOKEN=Bot {PROD_TOKEN}\n")
    desk.production(application_id="100000000000000009")
    desk.url = None
    if request.param == "embedded":
        yield desk
        return
    with running_server(desk.folder / "double") as url:
        desk.url = url
        told = httpx.post(f"{url}/sandbox/settings", json={"limits": False}, trust_env=False)  # so that nothing waits
        told.raise_for_status()
        desk.profile(api=f"{url}/api/v10")
        yield desk


def other_hands(desk, **values):
    """An edit beside Botswain."""
    if desk.url is None:
        desk.edit(values.pop("action"), **values)
    else:
        body = {"application_id": APP, "scope": GUILD, **values}
        httpx.post(f"{desk.url}/sandbox/edit", json=body, trust_env=False).raise_for_status()


def misfortune(desk, **values):
    """Something that goes wrong at the double."""
    if desk.url is None:
        double = desk.sandbox()
        double.fault(**values)
        double.close()
    else:
        httpx.post(f"{desk.url}/sandbox/faults", json=values, trust_env=False).raise_for_status()


class Search:
    """Runs command lines and searches what they say."""

    def __init__(self, desk):
        self.desk = desk
        self.ran = 0

    def __call__(self, *arguments, code=0):
        """Runs one, which has to end with `code`."""
        ran = self.desk.inv(*arguments)
        assert leaks(ran.out) == [], ran
        assert leaks(ran.err) == [], ran
        assert ran.code == code, ran
        self.ran += 1
        return ran


def test_a_whole_run(planted: Desk):
    """Every task, in text and JSON, with failures of several kinds and their tracebacks; then every file."""
    inv = Search(planted)
    planted.commands(3)
    for flags in ((), ("--json",), ("--debug",)):
        inv("validate", "--env", "dev", *flags)
        inv("diff", "--env", "dev", *flags)
        inv("deploy", "--env", "dev", *flags)
        inv("deploy", "--env", "dev", *flags)
        planted.command("c01", f"Edited {len(flags)} {flags}")
        inv("-d", "diff", "--env", "dev", "--markdown", *flags)
        inv("apply", "--env", "dev", *flags)
        inv("rollback", "--env", "dev", *flags)
        for task in ("history", "status", "drift", "audit.verify", "manifest.restore"):
            inv(task, "--env", "dev", *flags)
        inv("lock.break", "--env", "dev", "--why", "x", *flags)
        inv("deploy", "--env", "nope", *flags, code=1)
        inv("rollback", "--env", "dev", "--to", "x", *flags, code=1)
        misfortune(planted, kind="html", status=403, method="GET")
        inv("deploy", "--env", "dev", "--force", *flags, code=1)
        misfortune(planted, kind="status", status=400, method="PUT")
        inv("deploy", "--env", "dev", "--force", *flags, code=1)
    planted.environment["DISCORD_DEV_TOKEN"] = PROD_TOKEN
    inv("deploy", "--env", "dev", "--debug", code=3)
    planted.environment["DISCORD_DEV_TOKEN"] = TOKEN
    planted.profile(application_id="100000000000000005", api="sandbox")
    inv("deploy", "--env", "dev", "--debug", code=3)
    assert leaking_files(planted.folder, ignore=(".env",)) == []
    assert any("audit" in path.name for path in planted.folder.rglob("*"))


def test_a_token_given_on_the_command_line_or_in_a_profile_is_not_repeated(planted: Desk):
    """Where it does not belong: messages that quote what was written cover it."""
    inv = Search(planted)
    inv("deploy", "--env", TOKEN, code=1)
    inv(TOKEN, code=1)
    inv("deploy", "--env", TOKEN, "--json", "--debug", code=1)
    inv("rollback", "--env", "dev", "--to", TOKEN, code=1)
    planted.environment["DISCORD_DEV_GUILD_IDS"] = TOKEN
    inv("validate", "--env", "dev", "--json", code=1)
    del planted.environment["DISCORD_DEV_GUILD_IDS"]
    planted.profile(**{TOKEN: TOKEN}, guild_ids=[TOKEN], environment=TOKEN)
    inv("validate", "--env", "dev", code=1)
    planted.write("profiles/dev.yaml", f"environment: dev\n{TOKEN}: [\n")
    inv("validate", "--env", "dev", "--debug", code=1)


def test_a_malformed_token_is_not_shown(planted: Desk):
    """A token with a piece missing is a secret too."""
    inv = Search(planted)
    planted.environment["DISCORD_DEV_TOKEN"] = f"{TOKEN} "[:-4] + "!"
    planted.profile(api="http://127.0.0.1:9/api/v10")
    ran = inv("deploy", "--env", "dev", "--debug", code=1)
    assert TOKEN[:-4] not in ran.out + ran.err


@pytest.mark.parametrize("secret", [TOKEN, PROD_TOKEN], ids=["this environment's", "another's"])
def test_a_definition_with_a_token_is_never_sent(planted: Desk, secret):
    """The plan shows it covered, the deployment is refused, and nothing of it is stored."""
    inv = Search(planted)
    planted.commands(2)
    inv("deploy", "--env", "dev")
    planted.command("c01", f"use {secret}")
    option = {"type": "string", "name": "x", "description": "y", "choices": [{"name": "n", "value": secret}]}
    planted.command("c02", "Number 2", options=[option])
    for flags in ((), ("--json",), ("--markdown",)):
        assert "[redacted:DISCORD_" in inv("diff", "--env", "dev", *flags).out
    inv("validate", "--env", "dev")
    ran = inv("deploy", "--env", "dev", code=3)
    assert ran.told == ["chat_input/c01: holds a secret, which everybody could read; take it out of the sources"]
    inv("apply", "--env", "dev", "--json", "--yes", "--force", code=3)
    inv("status", "--env", "dev", "--json")
    ours = ("c01.json", "c02.json", ".env")
    assert leaking_files(planted.folder, ignore=ours) == []
    planted.commands(2)
    inv("deploy", "--env", "dev")


def test_other_hands_edit_with_a_token(planted: Desk):
    """Shown covered, overwritten, stored covered; the way back to theirs brings the covered text, and works."""
    inv = Search(planted)
    planted.commands(2)
    inv("deploy", "--env", "dev")
    other_hands(planted, action="patch", name="c01", command={"description": f"see {TOKEN}"})
    assert "[redacted:DISCORD_DEV_TOKEN]" in inv("diff", "--env", "dev").out
    assert "[redacted:DISCORD_DEV_TOKEN]" in json.dumps(inv("drift", "--env", "dev", "--json").document)
    inv("deploy", "--env", "dev")
    snapshots = [path.read_text() for path in (planted.folder / "manifests/dev/snapshots").rglob("*.json")]
    assert any("see [redacted:DISCORD_DEV_TOKEN]" in text for text in snapshots)
    inv("rollback", "--env", "dev", "--with-edits")
    assert "see [redacted:DISCORD_DEV_TOKEN]" in inv("diff", "--env", "dev").out
    assert leaking_files(planted.folder, ignore=(".env",)) == []


def test_a_stranger_with_a_token_is_left_alone(planted: Desk):
    """A kept command goes back to Discord as it is, and is stored covered."""
    inv = Search(planted)
    planted.commands(2)
    other_hands(planted, action="create", command={"name": "theirs", "description": f"see {TOKEN}"})
    inv("deploy", "--env", "dev")
    planted.command("c01", "New")
    inv("deploy", "--env", "dev", "--json")
    inv("rollback", "--env", "dev")
    assert leaking_files(planted.folder / "manifests") == []
    assert leaking_files(planted.folder / ".botswain/cache") == []
    inv("diff", "--env", "dev", "--json")


def test_it_is_in_no_argument_of_any_process(desk: Desk):
    """`ps` shows arguments to everybody on the machine: ours and those of what we start, git among them."""
    desk.environment["DISCORD_DEV_TOKEN"] = TOKEN
    desk.profile(guild_ids=[GUILD, GUILD_2])
    desk.commands(3)
    subprocess.run(["git", "init", "-q"], cwd=desk.folder, check=True)
    seen, stop = set(), threading.Event()

    def watch():
        while not stop.is_set():
            seen.update(line.decode("utf-8", "replace") for _, line in told_of_processes("cmdline"))
            time.sleep(0.001)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        ran = desk.process("deploy", "--env", "dev")
    finally:
        stop.set()
        watcher.join()
    assert ran.code == 0, ran
    assert any("botswain.cli" in line for line in seen), os.getpid()
    assert [line for line in seen if leaks(line)] == []
    assert leaks(ran.out + ran.err) == []
