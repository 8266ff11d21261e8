"""A command definition as people write it, typed, and the request that Discord gets for it.

The models know the shape: which fields there are and what they hold. What Discord allows them to say is
checked on the request (`botswain.commands.rules`), so there is one place for each rule. Kinds, channel
types, contexts and permissions may be names or Discord's numbers. A field that was left out stays left out:
`contexts` and `integration_types` that are not written mean "Discord decides", which differs from any list.

Building these models is the costliest part of reading commands; import this module only where definitions
are read.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator

from botswain.commands.names import OWN_FIELDS, member, permission_bits
from botswain.discord.enums import (
    ChannelType,
    CommandType,
    ContextType,
    HandlerType,
    IntegrationType,
    OptionType,
)
from botswain.wording import shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import IntEnum


def _named(kind: type[IntEnum]) -> Any:
    """A validator for the members of `kind`, by name or number."""
    return BeforeValidator(lambda value: member(kind, value), json_schema_input_type=int | str)


def _optional(read: Callable[[object], Any]) -> Callable[[object], Any]:
    return lambda value: None if value is None else read(value)


def _number(value: object) -> int | float:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise ValueError(f"must be a number, not {shown(value)}")


def _choice_value(value: object) -> str | int | float:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return value
    raise ValueError(f"must be text or a number, not {shown(value)}")


Localizations = dict[str, str]
"""Texts by locale, such as `{"de": "sperren", "pt-BR": "banir"}`."""

Number = Annotated[int | float | None, PlainValidator(_optional(_number), json_schema_input_type=int | float | None)]
Permissions = Annotated[
    str | None,
    PlainValidator(_optional(permission_bits), json_schema_input_type=list[str] | int | str | None),
]


class _Part(BaseModel):
    """What every part of a definition has: known fields only, and no silent conversions."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_by_name=True, validate_by_alias=True)


class Choice(_Part):
    """One of the values that an option offers."""

    name: str
    value: Annotated[str | int | float, PlainValidator(_choice_value, json_schema_input_type=str | int | float)]
    name_localizations: Localizations | None = None


class Option(_Part):
    """An option, sub-command or sub-command group; which of the fields belong to which kind is a rule."""

    type: Annotated[OptionType, _named(OptionType)]
    name: str
    description: str
    name_localizations: Localizations | None = None
    description_localizations: Localizations | None = None
    required: bool | None = None
    choices: tuple[Choice, ...] | None = Field(None, strict=False)
    autocomplete: bool | None = None
    min_value: Number = None
    max_value: Number = None
    min_length: int | None = None
    max_length: int | None = None
    channel_types: tuple[Annotated[ChannelType, _named(ChannelType)], ...] | None = Field(None, strict=False)
    file_types: tuple[str, ...] | None = Field(None, strict=False)
    options: tuple[Option, ...] | None = Field(None, strict=False)


class Command(_Part):
    """A command of any kind, with our own three fields."""

    name: str
    type: Annotated[CommandType, _named(CommandType)] = CommandType.CHAT_INPUT
    description: str | None = None
    name_localizations: Localizations | None = None
    description_localizations: Localizations | None = None
    options: tuple[Option, ...] | None = Field(None, strict=False)
    default_member_permissions: Permissions = None
    dm_permission: bool | None = Field(None, description="Deprecated by Discord; write contexts.")
    contexts: tuple[Annotated[ContextType, _named(ContextType)], ...] | None = Field(None, strict=False)
    integration_types: tuple[Annotated[IntegrationType, _named(IntegrationType)], ...] | None = Field(
        None, strict=False
    )
    nsfw: bool = False
    handler: Annotated[HandlerType, _named(HandlerType)] | None = None
    development_only: bool = Field(
        False,
        alias="developmentOnly",
        description="Never registered by a production profile.",
    )
    owner_only: bool = Field(
        False,
        alias="ownerOnly",
        description="Registered only in the bot owner's guilds, for administrators.",
    )
    renamed_from: str | None = Field(
        None,
        min_length=1,
        description="The name under which it was deployed before: the command keeps its id, but loses its overwrites.",
    )


_OWN = set(OWN_FIELDS.values())


def to_discord(command: Command) -> dict[str, Any]:
    """Discord's request for a command: the fields that were written and no others, without our own."""
    return command.model_dump(mode="json", exclude_unset=True, exclude=_OWN)
