"""The manifest: the record of what was deployed to an environment.

Its JSON keeps the ADR's keys (version, commands, environment, deployedAt, global, guildIds) and adds ours. `commands`
holds every distinct definition once; `checksums` says which of them stands in which scope, under which key.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from sys import intern
from typing import Any

from botswain.commands.canonical import LEFT_TO_DISCORD, Command, checksum, key, settled_key
from botswain.discord.enums import GLOBAL
from botswain.errors import BotswainError

VERSION = "1.0.0"
"""Of the format. A newer major version is refused: it may mean something that this version cannot know."""


@dataclass(frozen=True)
class ScopeRecord:
    """What was deployed to one scope, by command key."""

    commands: Mapping[str, Command] = field(default_factory=dict)
    ids: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What Discord chose for the fields that a definition left to it, read back after the write."""


@dataclass(frozen=True)
class ServiceRecord:
    """The release of the bot's service that was deployed."""

    target: str
    """Where it runs: `local`."""
    release: str
    commit: str
    previous: str | None
    """The release that ran before; None for the first one."""


@dataclass(frozen=True)
class Manifest:
    """What was deployed to an environment, by which deployment."""

    environment: str
    application_id: str
    deployment_id: str
    deployed_at: str
    global_: bool
    guild_ids: tuple[str, ...]
    git_sha: str | None
    build_id: str | None
    tool_version: str
    previous: str | None
    scopes: Mapping[str, ScopeRecord]
    service: ServiceRecord | None = None
    """None where only commands are deployed, or no release stands."""


def dump(manifest: Manifest) -> dict[str, Any]:
    """The manifest as JSON."""
    distinct: dict[str, Command] = {}
    checksums: dict[str, dict[str, str]] = {}
    known: dict[int, str] = {}  # guilds share their definitions, so each is hashed once
    for scope, record in manifest.scopes.items():
        checksums[scope] = {}
        for name, command in record.commands.items():
            total = known.get(id(command)) or checksum(command)
            known[id(command)] = total
            distinct.setdefault(total, command)
            checksums[scope][name] = total
    return {
        "version": VERSION,
        "environment": manifest.environment,
        "applicationId": manifest.application_id,
        "deploymentId": manifest.deployment_id,
        "deployedAt": manifest.deployed_at,
        "global": manifest.global_,
        "guildIds": list(manifest.guild_ids),
        "gitSha": manifest.git_sha,
        "buildId": manifest.build_id,
        "toolVersion": manifest.tool_version,
        "previous": manifest.previous,
        "service": asdict(manifest.service) if manifest.service else None,
        "commands": list(distinct.values()),
        "checksums": checksums,
        "commandIds": {scope: dict(record.ids) for scope, record in manifest.scopes.items()},
        "defaults": {scope: dict(record.defaults) for scope, record in manifest.scopes.items() if record.defaults},
    }


def parse(data: bytes, where: str, fix: str = "restore the file") -> Manifest:
    """The manifest in `data`; errors name its file (`where`) and say how to mend it (`fix`)."""
    try:
        document = json.loads(data)
    except ValueError as error:
        raise BotswainError(f"is no whole JSON document ({error})", where=where, fix=fix) from None
    return load(document, where, fix)


def load(document: Any, where: str, fix: str = "restore the file") -> Manifest:
    """The manifest in a JSON document; `where` and `fix` as for `parse`."""
    version = document.get("version") if isinstance(document, dict) else None
    if not isinstance(version, str):
        raise BotswainError("is no manifest: it has no version", where=where, fix=fix)
    if version.partition(".")[0] != VERSION.partition(".")[0]:
        raise BotswainError(
            f"has format {version}; this Botswain reads {VERSION}",
            where=where,
            fix="use the Botswain that wrote it",
        )
    try:
        by_checksum = {checksum(command): command for command in document["commands"]}
        return Manifest(
            environment=document["environment"],
            application_id=document["applicationId"],
            deployment_id=document["deploymentId"],
            deployed_at=document["deployedAt"],
            global_=document["global"],
            guild_ids=tuple(document["guildIds"]),
            git_sha=document["gitSha"],
            build_id=document["buildId"],
            tool_version=document["toolVersion"],
            previous=document["previous"],
            scopes={
                scope: ScopeRecord(
                    {settled_key(name): by_checksum[total] for name, total in totals.items()},
                    _by_key(document["commandIds"].get(scope, {})),
                    _by_key(document.get("defaults", {}).get(scope, {})),
                )
                for scope, totals in document["checksums"].items()
            },
            service=_service(document.get("service")),
        )
    except (KeyError, TypeError, AttributeError) as error:
        what = f"{error} is missing in it" if isinstance(error, KeyError) else "a value in it is of the wrong kind"
        raise BotswainError(f"is damaged: {what}", where=where, fix=fix) from None


def _by_key(recorded: Mapping[str, Any]) -> dict[str, Any]:
    return {settled_key(name): value for name, value in recorded.items()}


def _service(document: Any) -> ServiceRecord | None:
    """Raises TypeError or KeyError for what is no service."""
    if document is None:
        return None
    return ServiceRecord(**{name: document[name] for name in ServiceRecord.__dataclass_fields__})


@dataclass(frozen=True)
class Readback:
    """What records keep of a scope that was read: little, since those of 500 scopes are held at once."""

    ids: Mapping[str, str]
    chosen: Mapping[str, Mapping[str, Any]]
    """By key: the values of the fields that a definition may leave to Discord."""


def read_back(live: Iterable[Mapping[str, Any]], scope: str) -> Readback:
    """What is to be kept of a scope's raw commands."""
    ids: dict[str, str] = {}
    chosen: dict[str, dict[str, Any]] = {}
    for raw in live:
        name = intern(key(raw))  # guilds share their commands' names
        ids[name] = raw["id"]
        if scope == GLOBAL:
            chosen[name] = {part: raw[part] for part in LEFT_TO_DISCORD if raw.get(part)}
    return Readback(ids, chosen)


def record(commands: Mapping[str, Command], live: Readback) -> ScopeRecord:
    """The record of `commands` as they were read back."""
    ids = {name: live.ids[name] for name in commands if name in live.ids}
    left = {
        name: {part: value for part, value in live.chosen.get(name, {}).items() if part not in command}
        for name, command in commands.items()
    }
    return ScopeRecord(commands, ids, {name: chosen for name, chosen in left.items() if chosen})
