"""Reads profiles: the file, the environment's variables over it, and what must hold between profiles."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from botswain import cache
from botswain.errors import BotswainError, InvalidInput, Problem
from botswain.profile.settings import Database, Profile, Service, Source, State
from botswain.secrets.environment import origin, prefix, variable
from botswain.wording import nearest, shown

FOLDER = Path("profiles")


def load(name: str, *, complete: bool = True) -> Profile:
    """The profile called `name`, with its environment variables applied, ready to deploy.

    Raises InvalidInput with every problem of the file, the variables, and its relations to other profiles; with
    `complete=False` not for what is still to be filled in (`gaps`).
    """
    profile = read(name)
    problems = [*_conflicts(profile, _files()), *(gaps(profile) if complete else ())]
    if problems:
        raise InvalidInput(problems)
    return profile


def check(profile: Profile) -> None:
    """Raises InvalidInput when the profile cannot be beside the others that there are."""
    problems = list(_conflicts(profile, _files()))
    if problems:
        raise InvalidInput(problems)


def read(name: str) -> Profile:
    """The profile called `name` as it stands: enough for looking at records. Raises InvalidInput as `load` does."""
    files = _files()
    if name not in files:
        raise _unknown(name, files)
    return with_variables(_read(files[name]))


def gaps(profile: Profile) -> list[Problem]:
    """What a profile still lacks before it can be deployed."""
    start, missing = prefix(profile.name), []
    if not profile.global_ and not profile.guild_ids:
        message = f"this profile is not global and names no guild; list some, or set {start}GUILD_IDS"
        missing.append(Problem(profile.file, "guild_ids", message))
    if profile.production and profile.application_id is None:
        message = f"is required in production; name it, or set {start}APPLICATION_ID"
        missing.append(Problem(profile.file, "application_id", message))
    return missing


def others(profile: Profile) -> Iterator[Profile]:
    """Every other profile that can be read, with its variables; a broken one has its own run to say so."""
    for name, path in _files().items():
        if name != profile.name:
            try:
                yield with_variables(_read(path))
            except InvalidInput:
                continue


def names() -> list[str]:
    """The environments that have a profile."""
    return list(_files())


def _files() -> dict[str, Path]:
    files: dict[str, Path] = {}
    for path in sorted(FOLDER.glob("*.y*ml")):
        files.setdefault(path.stem, path)
    return files


def _unknown(name: str, files: Mapping[str, Path]) -> BotswainError:
    known = nearest(name, files).removeprefix("; ") or f"there are: {', '.join(files) or 'none'}"
    return BotswainError(f'no profile "{name}"', where=f"{FOLDER}/{name}.yaml", fix=known)


def _read(path: Path) -> Profile:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidInput([Problem(str(path), "", f"cannot be read: {error.strerror}")]) from None
    key = cache.digest([str(path), data])
    return _profile(path, cache.remembered(f"profile-{path.stem}", key, lambda: _validated(path, data)))


def parsed(path: Path, data: bytes) -> Profile:
    """The profile that `data` would be in a file of that name, without variables. Raises InvalidInput."""
    return _profile(path, _validated(path, data))


def _profile(path: Path, fields: Mapping[str, Any]) -> Profile:
    commands, state = fields["commands"], fields["state"]
    name = fields["environment"]
    return Profile(
        name=name,
        file=str(path),
        production=fields["production"],
        global_=fields["global"],
        guild_ids=tuple(fields["guild_ids"]),
        owner_guild_ids=tuple(fields["owner_guild_ids"]),
        application_id=fields["application_id"],
        api=fields["api"],
        source=Source(
            kind=commands["source"],
            repo=Path(fields["repo"]),
            folder=commands["folder"],
            files=tuple(commands["files"]),
            loader=commands["loader"],
            object=commands["object"],
            extensions=tuple(commands["extensions"]),
            setup_hook=commands["setup_hook"],
            run=tuple(commands["run"]),
            interpreter=commands["interpreter"],
            environment=commands["environment"],
            timeout=commands["timeout"],
            isolation=commands["isolation"],
            uncommitted=tuple(commands["uncommitted"]),
        ),
        unmanaged=commands["unmanaged"],
        leave=tuple(commands["leave"]),
        entry_point=commands["entry_point"],
        requests_per_second=commands["requests_per_second"],
        enabled_commands=tuple(fields["enabled_commands"]),
        command_overrides=fields["command_overrides"],
        manifest_path=Path(fields["manifest_path"] or f"manifests/{name}.json"),
        state=State(state["kind"], state["remote"], state["ref"] or f"refs/botswain/{name}"),
        service=Service.of(fields["service"]) if fields["service"] else None,
        database=Database.of(fields["database"]) if fields["database"] else None,
    )


def _validated(path: Path, data: bytes) -> dict[str, Any]:
    from botswain.profile.model import validate

    profile = validate(_document(data, str(path)), str(path))
    if isinstance(profile, list):
        raise InvalidInput(profile)
    if profile.environment != path.stem:
        message = f"says {shown(profile.environment)} in a file called {path.name}; they must agree"
        raise InvalidInput([Problem(str(path), "environment", message)])
    fields: dict[str, Any] = json.loads(profile.model_dump_json(by_alias=True))
    return fields


def _document(data: bytes, file: str) -> object:
    from botswain.documents import read_yaml

    try:
        documents = read_yaml(data.decode(), file)
    except UnicodeDecodeError as error:
        raise InvalidInput([Problem(file, "", f"is not UTF-8 text ({error.reason} at byte {error.start})")]) from None
    if len(documents) > 1:
        raise InvalidInput([Problem(file, "", f"holds {len(documents)} YAML documents; a profile is one")])
    return documents[0] if documents else {}


def with_variables(profile: Profile) -> Profile:
    """The profile as the variables of its environment complete it. Raises InvalidInput."""
    start = prefix(profile.name)
    problems: list[Problem] = []

    def snowflakes(name: str) -> tuple[str, ...] | None:
        try:
            value = variable(start + name)
        except InvalidInput as error:
            problems.extend(error.problems)
            return None
        if value is None:
            return None
        ids = tuple(re.split(r"[\s,]+", value.strip()))
        problems.extend(
            Problem(origin(start + name), start + name, f"must hold Discord ids of 15 to 20 digits, not {shown(one)}")
            for one in ids
            if not re.fullmatch("[1-9][0-9]{14,19}", one)
        )
        return ids

    application, guilds = snowflakes("APPLICATION_ID"), snowflakes("GUILD_IDS")
    for secret in ("TOKEN", "CLIENT_SECRET"):
        try:
            variable(start + secret)
        except InvalidInput as error:
            problems.extend(error.problems)
    if application and len(application) > 1:
        problems.append(Problem(origin(f"{start}APPLICATION_ID"), f"{start}APPLICATION_ID", "must hold one id"))
    if guilds and profile.global_:
        problems.append(
            Problem(origin(f"{start}GUILD_IDS"), f"{start}GUILD_IDS", f"is set, but {profile.file} is global; unset it")
        )
    if problems:
        raise InvalidInput(list(dict.fromkeys(problems)))  # a line of .env stands in the way of every variable
    return replace(
        profile,
        application_id=application[0] if application else profile.application_id,
        guild_ids=guilds or profile.guild_ids,
    )


def _conflicts(profile: Profile, files: Mapping[str, Path]) -> Iterator[Problem]:
    twin = Path(profile.file).with_suffix(".yml")
    if twin != Path(profile.file) and twin.exists():
        yield Problem(str(twin), "", f"is a second profile of {profile.name} beside {profile.file}; remove one")
    for other in files:
        if other != profile.name and prefix(other) == prefix(profile.name):
            yield Problem(profile.file, "environment", f"{other} uses the same variables {prefix(other)}…; rename one")
    for other_profile in others(profile):
        same_application = profile.application_id is not None and profile.application_id == other_profile.application_id
        if not same_application:
            continue
        shared = sorted({*profile.guild_ids} & {*other_profile.guild_ids})
        for guild in shared:
            yield Problem(
                profile.file,
                "guild_ids",
                f"guild {guild} is also in {other_profile.file}, for the same application; take it out of one",
            )
        if other_profile.production and not profile.production:
            yield Problem(
                profile.file,
                "application_id",
                f"{profile.application_id} is the production application of {other_profile.file};"
                " every other environment needs an application of its own",
            )
