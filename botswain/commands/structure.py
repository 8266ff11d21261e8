"""From plain values to definitions, or to everything that is wrong with them in words a person can act on.

The models' own error messages are translated here; the rules (`botswain.commands.rules`) then have their say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from pydantic import BaseModel, ValidationError

from botswain.commands import rules
from botswain.commands.definition import Definition
from botswain.commands.names import OWN_FIELDS, command_path, option_path
from botswain.commands.renames import misnamed
from botswain.commands.schema import Choice, Command, Option, to_discord
from botswain.errors import Problem
from botswain.wording import nearest, shown

_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a mapping of locales to texts",
    "model_type": "a mapping of fields",
}
_NEEDED = frozenset({"name", "type", "description", "value", "options", "choices"})
"""Fields without which other rules would complain for no fault of the author."""
_TEXT = "description"
_SURROGATE = re.compile("[\ud800-\udfff]")


def define(data: object, file: str, place: str = "") -> Definition | list[Problem]:
    """The definition that `data` is, or all its problems; `place` is its path while it has no usable name."""
    if half := _half_characters(data, command_path(data) or place):
        return [Problem(file, path, "holds half of a surrogate pair (\\ud800-\\udfff)") for path in half]
    try:
        command = Command.model_validate(data)
    except ValidationError as error:
        path = command_path(data) or place
        details = error.errors(include_url=False)
        problems = [_problem(dict(detail), data, path, file) for detail in details]
        return problems + _further_problems(data, details, path, file)
    payload = to_discord(command)
    found = rules.check_command(payload)
    if found:
        return [Problem(file, path or place, message) for path, message in found]
    made = Definition(payload, file, command.development_only, command.owner_only, command.renamed_from)
    return [Problem(file, command_path(payload), message) for message in misnamed(made)] or made


def _half_characters(data: object, path: str, levels: int = 12) -> list[str]:
    """The places of texts that are no Unicode, as JavaScript makes them by cutting an emoji; nobody can send those."""
    if isinstance(data, str):
        return [path] if _SURROGATE.search(data) else []
    if isinstance(data, Mapping) and levels:
        found = [_half_characters(value, f"{path}.{name}", levels - 1) for name, value in data.items()]
        found += [[path] for name in data if isinstance(name, str) and _SURROGATE.search(name)]
        return [one for part in found for one in part]
    if isinstance(data, list | tuple) and levels:
        return [one for i, item in enumerate(data) for one in _half_characters(item, f"{path}.{i}", levels - 1)]
    return []


def _further_problems(data: object, details: list[Any], path: str, file: str) -> list[Problem]:
    """What the rules say of a command without its unusable fields; nothing if it needs one of them."""
    missing = [detail["loc"] for detail in details if detail["type"] == "missing" and detail["loc"][-1] == _TEXT]
    places = [_field(detail["loc"]) for detail in details if detail["loc"] not in missing]
    if any(not place or place[-1] in _NEEDED for place in places):
        return []
    try:
        rest = _described(_without(deepcopy(data), places), missing)
        payload = to_discord(Command.model_validate(rest))
    except ValidationError:
        return []
    return [Problem(file, found or path, message) for found, message in rules.check_command(payload)]


def _described(data: Any, places: list[tuple[Any, ...]]) -> Any:
    """`data` with some description at these places, where a misspelt one may have been taken out."""
    for *steps, last in places:
        part = data
        for step in steps:
            part = part[step]
        part[last] = "?"
    return data


def _field(place: tuple[Any, ...]) -> tuple[Any, ...]:
    """The field that a place is in: the whole list for one of its items."""
    while place and (isinstance(place[-1], int) or place[-1] == "[key]"):
        place = place[:-1]
    return place


def _without(data: Any, places: list[tuple[Any, ...]]) -> Any:
    """A copy of `data` without what stands at these places."""
    gone = {place[0] for place in places if len(place) == 1}
    deeper = [place for place in places if place[0] not in gone]
    items = list(data.items() if isinstance(data, Mapping) else enumerate(data))
    kept = {
        key: _without(value, inner) if (inner := [place[1:] for place in deeper if place[0] == key]) else value
        for key, value in items
        if key not in gone
    }
    return kept if isinstance(data, Mapping) else list(kept.values())


def _problem(detail: dict[str, Any], data: Any, path: str, file: str) -> Problem:
    """One of pydantic's errors as a problem: `/ban reason.max_length: must be a whole number, not "abc"`."""
    place, kind, value = detail["loc"], detail["type"], detail["input"]
    part, fields = _part(data, path, place)
    if kind == "missing":
        message = "is missing"
    elif kind == "extra_forbidden":
        message = f"unknown field{nearest(place[-1], _fields(place))}"
    elif kind == "value_error":
        message = str(detail["ctx"]["error"])
    elif kind == "recursion_loop":
        message = "is nested too deeply"
    else:
        message = f"must be {_WANTED.get(kind, 'something else')}, not {shown(value)}"
    return Problem(file, ".".join(filter(None, (part, ".".join(fields)))), message)


def _part(data: Any, path: str, place: tuple[Any, ...]) -> tuple[str, list[str]]:
    """The path of the command or option that a place is in, and the rest of the place as field names."""
    value = data
    index = 0
    while index + 1 < len(place) and place[index] == "options" and isinstance(value, Mapping):
        options = value["options"]
        path = option_path(path, options, place[index + 1])
        value = options[place[index + 1]]
        index += 2
    return path, [str(step) for step in place[index:] if step != "[key]"]


def _fields(place: tuple[Any, ...]) -> list[str]:
    """The fields known at a place, for a suggestion."""
    steps = place[:-1]
    model: type[BaseModel] = Command
    if steps:
        model = Choice if "choices" in steps else Option
    own = [*OWN_FIELDS, *OWN_FIELDS.values()] if model is Command else []
    return [*model.model_fields, *own]
