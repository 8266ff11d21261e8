"""What a profile file may say. The JSON Schema for editors (profiles/profile.schema.json) comes from here.

Fields follow the ADR (environment, global, guild_ids, enabled_commands, command_overrides, manifest_path), then ours.
This module needs pydantic; `botswain.profile.load` imports it only when a profile has changed since it was last read.
"""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    ValidationError,
    model_validator,
)

from botswain.errors import Problem
from botswain.profile.address import is_loopback
from botswain.profile.database import Backup, Database, Keep, Ssh
from botswain.profile.sections import Commands, State, StateWord, Strict
from botswain.profile.service import Health, Service
from botswain.wording import nearest, shown


def _snowflake(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


_ID = r"^[1-9][0-9]{14,19}$"
Snowflake = Annotated[
    str,
    BeforeValidator(_snowflake, json_schema_input_type=Annotated[str, Field(pattern=_ID)] | int),
    Field(pattern=_ID, description="A Discord id of 15 to 20 digits."),
]


def _api(value: str) -> str:
    if value == "sandbox":
        return value
    url = urlsplit(value)
    if not url.hostname or url.scheme not in {"http", "https"} or url.username or url.query or url.fragment:
        raise ValueError('must be "sandbox" or a URL such as https://discord.com/api/v10')
    if url.scheme == "http" and not is_loopback(value):
        raise ValueError("plain http is only for this machine (127.0.0.1, localhost); use https")
    if not url.path.rstrip("/").endswith("/api/v10"):
        raise ValueError(f'must end in /api/v10, like "{url.scheme}://{url.netloc}/api/v10"')
    return value.rstrip("/")


class ProfileFile(Strict):
    """One environment, as its file describes it."""

    environment: str = Field(
        pattern=r"^[a-z][a-z0-9_-]{0,31}$",
        description="The file's name without its ending: dev, stage, prod, …",
    )
    global_: bool = Field(False, alias="global", description="Register commands globally instead of per guild.")
    guild_ids: tuple[Snowflake, ...] = Field((), strict=False, description="Guilds of a profile that is not global.")
    enabled_commands: tuple[str, ...] = Field(
        ("*",), strict=False, description='Globs over command names; "!name" leaves one out.'
    )
    command_overrides: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="Fields to change per command; lists are replaced, null removes a field.",
    )
    manifest_path: str | None = Field(None, description="Default: manifests/<environment>.json.")
    production: bool = Field(
        False,
        description="Asks before every change; developmentOnly commands never reach it.",
    )
    allow_global: bool = Field(False, description="Permits `global: true` in a profile that is not production.")
    application_id: Snowflake | None = Field(None, description="Required in production.")
    owner_guild_ids: tuple[Snowflake, ...] = Field(
        (),
        strict=False,
        description="The bot owner's guilds: the only place where ownerOnly commands are registered.",
    )
    api: Annotated[str, AfterValidator(_api)] = Field(
        "https://discord.com/api/v10", description='"sandbox" for the embedded double, or an API URL.'
    )
    repo: str = Field(".", description="The bot's repository, relative to this project.")
    commands: Commands = Commands()
    state: Annotated[State, StateWord] = Field(
        State(),
        description="Where records are kept: `folder` (manifest_path, this machine) or `git` (shared by all clones).",
    )

    service: Service | None = Field(None, description="How the bot itself is deployed. Default: commands alone.")
    database: Database | None = Field(None, description="The bot's database and its backups. Default: it has none.")

    @model_validator(mode="after")
    def _consistent(self) -> ProfileFile:
        if self.global_ and self.guild_ids:
            raise ValueError("guild_ids: a global profile has none; remove them or set `global: false`")
        if self.global_ and not self.production and not self.allow_global:
            raise ValueError(
                "global: this profile is not production; use guild_ids, or say `allow_global: true` if you mean it"
            )
        if self.production and self.api != "sandbox" and is_loopback(self.api):
            raise ValueError(f"api: {self.api} is this machine; a production profile needs Discord's address")
        for field in ("guild_ids", "owner_guild_ids"):
            ids: tuple[str, ...] = getattr(self, field)
            twice = sorted({guild for guild in ids if ids.count(guild) > 1})
            if twice:
                raise ValueError(f"{field}: {', '.join(twice)} is listed twice")
        if self.service and self.api == "sandbox" and "DISCORD_API" in self.service.environment:
            raise ValueError(
                "service: environment.DISCORD_API is the sandbox's address, which Botswain sets; remove it"
            )
        return self


_SNOWFLAKE = "a Discord id of 15 to 20 digits"
_PATTERNS = {
    "environment": "like dev or my-env",
    "object": "like bot:tree or my_bot.main:Bot",
    "ref": "like refs/botswain/prod",
    "token": "the name of an environment variable",
    "at": 'a time of day such as "03:30"',
    "url": "the name of an environment variable that holds the URL, such as DATABASE_URL",
}
_PLAIN = {
    "missing": "is missing",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "dict_type": "must be a mapping",
    "tuple_type": "must be a list",
    "float_type": "must be a number",
    "model_type": "must be a mapping of fields",
    "greater_than": "must be more than 0",
    "int_type": "must be a whole number",
    "string_too_short": "must not be empty",
}


def validate(data: object, file: str) -> ProfileFile | list[Problem]:
    """The profile, or everything that is wrong with it."""
    try:
        return ProfileFile.model_validate(data)
    except ValidationError as error:
        return [_problem(dict(detail), file) for detail in error.errors()]


def _problem(detail: dict[str, Any], file: str) -> Problem:
    path = ".".join(str(part) for part in detail["loc"])
    kind, value = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        return Problem(file, path, f"unknown field{_suggestion(detail['loc'])}")
    if kind == "value_error":
        field, colon, message = str(detail["ctx"]["error"]).partition(": ")
        if not (colon and field.isidentifier()):  # a section that does not agree with itself names the field
            return Problem(file, path, str(detail["ctx"]["error"]))
        return Problem(file, f"{path}.{field}" if path else field, message)
    if kind == "literal_error":
        return Problem(file, path, f"must be {detail['ctx']['expected']}, not {shown(value)}")
    if kind == "string_pattern_mismatch":
        return Problem(file, path, f"must be {_PATTERNS.get(path.rpartition('.')[2], _SNOWFLAKE)}, not {shown(value)}")
    given = "" if kind == "missing" else f", not {shown(value)}"
    return Problem(file, path, f"{_wording(kind, detail)}{given}")


def _wording(kind: str, detail: dict[str, Any]) -> str:
    if kind == "less_than_equal":
        return f"must be at most {detail['ctx']['le']:g}"
    if kind == "greater_than_equal":
        return f"must be at least {detail['ctx']['ge']:g}"
    return _PLAIN.get(kind) or f"{detail['msg'][:1].lower()}{detail['msg'][1:]}"


def _suggestion(location: tuple[int | str, ...]) -> str:
    sections: dict[tuple[int | str, ...], type[BaseModel]] = {
        ("commands",): Commands,
        ("state",): State,
        ("service",): Service,
        ("service", "health"): Health,
        ("database",): Database,
        ("database", "backup"): Backup,
        ("database", "backup", "keep"): Keep,
        ("database", "backup", "ssh"): Ssh,
    }
    model = sections.get(location[:-1], ProfileFile)
    known = [field.alias or name for name, field in model.model_fields.items()]
    return nearest(location[-1], known) or f"; known are {', '.join(known)}"
