"""The options of a command as a person fills them in, made into what Discord sends: typed, nested, resolved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botswain.discord.enums import OptionType
from botswain.errors import BotswainError
from botswain.sandbox.community import guilds, people
from botswain.sandbox.community.messages import attachment
from botswain.sandbox.forms import is_snowflake
from botswain.sandbox.options import SUB

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from botswain.sandbox.record import Record
    from botswain.sandbox.world import World

WHERE = "sandbox interaction"
_KINDS = {OptionType.USER: "users", OptionType.CHANNEL: "channels", OptionType.ROLE: "roles"}


class Chosen:
    """Collects typed options and the objects that they point at. `guild` is None between bot and person."""

    def __init__(self, world: World, application: str, guild: str | None, channel: str) -> None:
        self._world = world
        self._application = application
        self._guild = guild
        self._channel = channel
        self.resolved: dict[str, dict[str, Any]] = {}

    def options(
        self, command: Record, path: Sequence[str], values: Mapping[str, Any], focused: str
    ) -> list[dict[str, Any]]:
        """The `options` of the interaction's data; `path` names group and sub-command."""
        here = command.get("options", [])
        subs = [one for one in here if one["type"] in SUB]
        if not path:
            if subs:
                names = ", ".join(one["name"] for one in subs)
                raise _wrong(f"{command['name']!r} is used through a sub-command", f"add one of {names}")
            return self._leaves(here, values, focused)
        found = next((one for one in subs if one["name"] == path[0]), None)
        if found is None:
            names = ", ".join(one["name"] for one in subs) or "none"
            raise _wrong(f"{command['name']!r} has no sub-command {path[0]!r}", f"it has {names}")
        below = self.options(found, path[1:], values, focused)
        return [{"type": found["type"], "name": found["name"], "options": below}]

    def _leaves(self, known: Sequence[Record], values: Mapping[str, Any], focused: str) -> list[dict[str, Any]]:
        by_name = {one["name"]: one for one in known}
        for name in [*values, *([focused] if focused else [])]:
            if name not in by_name:
                raise _wrong(f"no option {name!r}", f"it has {', '.join(by_name) or 'none'}")
        if focused:
            return self._focused(by_name, values, focused)
        missing = [one["name"] for one in known if one.get("required") and one["name"] not in values]
        if missing:
            raise _wrong(f"required options are missing: {', '.join(missing)}", "add them to `options`")
        return [self._leaf(by_name[name], value) for name, value in values.items()]

    def _focused(self, by_name: Mapping[str, Record], values: Mapping[str, Any], focused: str) -> list[dict[str, Any]]:
        if not by_name[focused].get("autocomplete"):
            raise _wrong(f"option {focused!r} has no autocomplete", "set it in the command")
        typed = str(values.get(focused, ""))
        rest = [self._leaf(by_name[name], value) for name, value in values.items() if name != focused]
        return [*rest, {"type": by_name[focused]["type"], "name": focused, "value": typed, "focused": True}]

    def _leaf(self, option: Record, value: Any) -> dict[str, Any]:
        name, kind = option["name"], OptionType(option["type"])
        if kind in {OptionType.USER, OptionType.CHANNEL, OptionType.ROLE, OptionType.MENTIONABLE}:
            value = self.point(kind, value, name)
        elif kind is OptionType.ATTACHMENT:
            value = self._attach(value, name)
        else:
            _check_value(option, kind, value)
        return {"type": int(kind), "name": name, "value": value}

    def point(self, kind: OptionType, value: Any, name: str) -> str:
        """The id of a user, channel or role, which `resolved` then describes."""
        identity = str(value)
        if not is_snowflake(identity):
            raise _wrong(f"option {name!r} wants an id, not {value!r}", "give the id of what is meant")
        if kind is OptionType.MENTIONABLE:
            kind = OptionType.ROLE if self._role(identity) else OptionType.USER
        if kind is OptionType.USER:
            self._resolve_user(identity)
            return identity
        found = self._role(identity) if kind is OptionType.ROLE else self._find_channel(identity)
        if found is None:
            raise _wrong(f"option {name!r}: the guild has no {kind.name.lower()} {identity}", "describe it first")
        self._resolve(_KINDS[kind], identity, found)
        return identity

    def _resolve_user(self, identity: str) -> None:
        found = guilds.member(self._world, self._application, self._guild, identity) if self._guild else None
        self._resolve("users", identity, found["user"] if found else people.user(identity))
        if found:
            kept = {key: value for key, value in found.items() if key not in {"user", "deaf", "mute"}}
            self._resolve("members", identity, {**kept, "permissions": people.EVERYTHING})

    def _find_channel(self, identity: str) -> dict[str, Any] | None:
        known = guilds.channels(self._world, self._guild) if self._guild else []
        found = next((one for one in known if one["id"] == identity), None)
        return {**found, "permissions": people.EVERYTHING} if found else None

    def _role(self, identity: str) -> dict[str, Any] | None:
        known = guilds.roles(self._world, self._application, self._guild) if self._guild else []
        return next((one for one in known if one["id"] == identity), None)

    def _attach(self, value: Any, name: str) -> str:
        about = {"filename": value} if isinstance(value, str) else value
        if not isinstance(about, dict) or not isinstance(about.get("filename"), str):
            raise _wrong(f"option {name!r} wants a file name", "give a text, or {filename, content_type, size}")
        kind, size = str(about.get("content_type", "application/octet-stream")), int(about.get("size", 0))
        made = {**attachment(self._world, self._channel, about["filename"], kind, size), "ephemeral": True}
        self._resolve("attachments", made["id"], made)
        return str(made["id"])

    def _resolve(self, kind: str, identity: str, value: dict[str, Any]) -> None:
        self.resolved.setdefault(kind, {})[identity] = value


_PLAIN = {
    OptionType.STRING: (str, "a text"),
    OptionType.INTEGER: (int, "a whole number"),
    OptionType.BOOLEAN: (bool, "true or false"),
    OptionType.NUMBER: ((int, float), "a number"),
}


def _check_value(option: Record, kind: OptionType, value: Any) -> None:
    wanted, words = _PLAIN[kind]
    if not isinstance(value, wanted) or (isinstance(value, bool) and kind is not OptionType.BOOLEAN):  # type: ignore[arg-type]
        raise _wrong(f"option {option['name']!r} wants {words}, not {value!r}", "send the JSON type of the option")
    choices = [one["value"] for one in option.get("choices", [])]
    if choices and value not in choices:
        raise _wrong(f"option {option['name']!r} has no choice {value!r}", f"use one of {', '.join(map(str, choices))}")
    size = len(value) if isinstance(value, str) else value
    unit = "length" if isinstance(value, str) else "value"
    low, high = option.get(f"min_{unit}"), option.get(f"max_{unit}")
    if (low is not None and size < low) or (high is not None and size > high):
        bounds = f"{'' if low is None else low}..{'' if high is None else high}"
        raise _wrong(f"option {option['name']!r} has {unit} {size}", f"stay within {bounds}")


def _wrong(what: str, fix: str) -> BotswainError:
    return BotswainError(what, where=WHERE, fix=fix)
