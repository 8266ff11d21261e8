"""The manifest: what was deployed comes back as it was, and a damaged one is never half understood."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sandbox_client import GUILD, slash

from botswain.commands.canonical import canonical, key
from botswain.discord.enums import GLOBAL
from botswain.errors import BotswainError
from botswain.manifest import Manifest, ScopeRecord, dump, load, parse, read_back, record
from tests.strategies import command_sets

EMPTY = Manifest(
    environment="dev",
    application_id="100000000000000001",
    deployment_id="20261122-101530-3f9a2c",
    deployed_at="2026-11-22T10:15:30Z",
    global_=False,
    guild_ids=(GUILD,),
    git_sha="0" * 40,
    build_id=None,
    tool_version="1.0.0",
    previous=None,
    scopes={},
)


def scope_record(commands: list[dict[str, Any]], scope: str) -> ScopeRecord:
    """What is recorded after a deployment of these commands."""
    wanted = {key(one): canonical(one, scope) for one in commands}
    live = [{**one, "id": str(number), "contexts": [0, 1, 2]} for number, one in enumerate(commands)]
    return record(wanted, read_back(live, scope))


def encoded(manifest: Manifest) -> bytes:
    """The manifest as a file holds it."""
    return json.dumps(dump(manifest), ensure_ascii=False).encode()


@given(st.dictionaries(st.sampled_from([GLOBAL, GUILD, "333333333333333333"]), command_sets(GLOBAL, 4), max_size=3))
@settings(max_examples=60, deadline=None)
def test_round_trip(sets: dict[str, list[dict[str, Any]]]) -> None:
    """Read back, it compares equal, so that the next plan sees exactly what was deployed."""
    manifest = replace(EMPTY, scopes={scope: scope_record(several, scope) for scope, several in sets.items()})
    again = parse(encoded(manifest), "manifest.json")
    assert again == manifest
    assert encoded(again) == encoded(manifest)
    for scope, scope_record_ in again.scopes.items():
        assert list(scope_record_.commands) == list(manifest.scopes[scope].commands), "the order is kept too"


def test_guilds_share_definitions() -> None:
    """500 guilds with the same commands do not make the file 500 times as long."""
    one = scope_record([slash("a"), slash("b")], GUILD)
    manifest = replace(EMPTY, scopes={str(guild): one for guild in range(500)})
    document = dump(manifest)
    assert [command["name"] for command in document["commands"]] == ["a", "b"]
    assert len(document["checksums"]) == 500
    assert load(document, "manifest.json") == manifest


def test_the_adr_s_keys_are_there() -> None:
    """Scripts written for the ADR's format read ours."""
    document = dump(replace(EMPTY, global_=True, guild_ids=()))
    assert {"version", "commands", "environment", "deployedAt", "global", "guildIds"} <= set(document)
    assert (document["global"], document["guildIds"], document["service"]) == (True, [], None)


def test_defaults_are_what_discord_chose() -> None:
    """Only fields that the definition left open are recorded, and only of commands that are ours."""
    commands = {key(one): canonical(one, GLOBAL) for one in (slash("a"), slash("b", contexts=[1]))}
    live = [
        {**slash("a"), "id": "1", "contexts": [0, 1, 2]},
        {**slash("b"), "id": "2", "contexts": [1]},
        {**slash("theirs"), "id": "3", "contexts": [0]},
    ]
    made = record(commands, read_back(live, GLOBAL))
    assert made.ids == {"chat_input/a": "1", "chat_input/b": "2"}
    assert made.defaults == {"chat_input/a": {"contexts": [0, 1, 2]}}


def test_a_manifest_cut_in_half() -> None:
    """A half-written file is refused with the way out, never read as a shorter list of commands."""
    data = encoded(replace(EMPTY, scopes={GUILD: scope_record([slash()], GUILD)}))
    with pytest.raises(BotswainError, match="is no whole JSON document") as caught:
        parse(data[: len(data) // 2], "manifests/dev.json")
    assert str(caught.value).startswith("manifests/dev.json")
    assert "restore" in str(caught.value)


@pytest.mark.parametrize("version", ["2.0.0", "10.1"])
def test_a_newer_format(version: str) -> None:
    """A format that this version cannot know is refused instead of guessed at."""
    with pytest.raises(BotswainError, match=f"has format {version}; this Botswain reads 1.0.0"):
        load({**dump(EMPTY), "version": version}, "manifest.json")


@pytest.mark.parametrize("document", [[], {}, {"version": 1}, "text", None])
def test_no_manifest_at_all(document: Any) -> None:
    """Any other JSON is not mistaken for one."""
    with pytest.raises(BotswainError, match="is no manifest: it has no version"):
        load(document, "manifest.json")


@pytest.mark.parametrize("field", sorted(set(dump(EMPTY)) - {"version", "service", "defaults"}))
def test_a_field_that_is_missing(field: str) -> None:
    """Every field is needed; one that was lost is named."""
    document = dump(EMPTY)
    if field == "commandIds":
        document = dump(replace(EMPTY, scopes={GUILD: scope_record([slash()], GUILD)}))
    del document[field]
    with pytest.raises(BotswainError, match=f"is damaged: '{field}' is missing in it"):
        load(document, "manifest.json")


def test_a_command_that_was_edited_in_the_file() -> None:
    """A checksum without its command means that somebody edited the file: refused."""
    document = dump(replace(EMPTY, scopes={GUILD: scope_record([slash()], GUILD)}))
    document["commands"][0]["description"] = "Edited"
    with pytest.raises(BotswainError, match="is damaged"):
        load(document, "manifest.json")
