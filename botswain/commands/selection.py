"""Definitions, whatever their source, and what a profile does with them: overrides and selection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from botswain.commands.definition import Definition
from botswain.commands.names import OWN_FIELDS
from botswain.errors import InvalidInput, Problem
from botswain.wording import nearest, shown


def duplicates(definitions: Iterable[Definition]) -> list[Problem]:
    """A problem for each definition whose kind and name an earlier one has."""
    first: dict[str, Definition] = {}
    problems = []
    for one in definitions:
        earlier = first.setdefault(one.key, one)
        if earlier is not one:
            where = "in the same file" if earlier.file == one.file else f"in {earlier.file}"
            problems.append(Problem(one.file, one.key, f"is defined already {where}; names are unique per kind"))
    return problems


def select(definitions: Sequence[Definition], enabled: Sequence[str], *, file: str = "") -> list[Definition]:
    """The definitions that a profile's `enabled_commands` choose, in their order.

    Each entry is a case-sensitive glob over names (`ban`, `mod-*`) or keys (`user/*`); `!glob` leaves out
    whatever it matches, wherever it stands, and a list of only such entries starts from all commands. An
    empty list chooses nothing. Raises InvalidInput naming `file` for entries that match no definition; `*` is
    whatever there is, also nothing: whether that may be deployed is for the plan to say.
    """
    problems = [
        Problem(file, f"enabled_commands.{index}", _no_match(pattern, definitions))
        for index, pattern in enumerate(enabled)
        if pattern != "*" and not any(_matches(pattern.removeprefix("!"), one) for one in definitions)
    ]
    if problems:
        raise InvalidInput(problems)
    return [one for one in definitions if chosen(one, enabled)]


def chosen(one: Definition, enabled: Sequence[str]) -> bool:
    """Whether `enabled_commands` choose this definition."""
    wanted = [pattern for pattern in enabled if not pattern.startswith("!")]
    unwanted = [pattern[1:] for pattern in enabled if pattern.startswith("!")]
    if unwanted and not wanted:
        wanted = ["*"]
    return any(_matches(pattern, one) for pattern in wanted) and not any(_matches(pattern, one) for pattern in unwanted)


def left_alone(patterns: Sequence[str], key: str) -> bool:
    """Whether a profile's `commands.leave` names a command, by its name or by its key."""
    name = key.partition("/")[2]
    return any(fnmatchcase(name, pattern) or fnmatchcase(key, pattern) for pattern in patterns)


def _matches(pattern: str, one: Definition) -> bool:
    return fnmatchcase(one.name, pattern) or fnmatchcase(one.key, pattern)


def _no_match(pattern: str, definitions: Sequence[Definition]) -> str:
    names = [one.name for one in definitions]
    return f"{shown(pattern)} matches no command{nearest(pattern.removeprefix('!'), names)}"


def apply_overrides(
    definitions: Sequence[Definition], overrides: Mapping[str, Mapping[str, Any]], *, file: str = ""
) -> list[Definition]:
    """The definitions with a profile's `command_overrides` merged in and validated again, in their order.

    A key is a command's name, or `user/Report` where several kinds share it, or a glob over either such as `*`,
    which is for all that it matches and gives way to a command's own. Mappings are merged deeply, lists are
    replaced whole, null removes a field. Raises InvalidInput naming `file` with every problem: overrides of
    unknown commands, and overrides that make a command invalid.
    """
    if not overrides:
        return list(definitions)
    from botswain.commands.structure import define  # needs pydantic

    result = list(definitions)
    problems = []
    for name, override in sorted(overrides.items(), key=lambda one: "*" not in one[0]):
        field = f"command_overrides.{name}"
        found = [index for index, one in enumerate(definitions) if _overridden(name, one)]
        if not found or (len(found) > 1 and "*" not in name):
            problems.append(Problem(file, field, _not_one(name, definitions, found)))
            continue
        for index in found:
            made = define(merged(_written(result[index]), _own_spelt(override)), result[index].file)
            if isinstance(made, Definition):
                result[index] = made
            else:
                problems += [Problem(file, field, f"{problem.path}: {problem.message}") for problem in made]
    problems += [Problem(file, "command_overrides", f"{one.path} {one.message}") for one in duplicates(result)]
    if problems:
        raise InvalidInput(problems)
    return result


def _overridden(name: str, one: Definition) -> bool:
    return _matches(name, one) if "*" in name else name in (one.key, one.name)


def _not_one(name: str, definitions: Sequence[Definition], found: list[int]) -> str:
    if found:
        keys = " and ".join(definitions[index].key for index in found)
        return f"{keys} have this name; write one of those keys"
    known = [known for one in definitions for known in (one.name, one.key)]
    return f"there is no such command{nearest(name, known)}"


def _written(one: Definition) -> dict[str, Any]:
    """A definition as it could have been written."""
    own = {"developmentOnly": one.development_only, "ownerOnly": one.owner_only, "renamed_from": one.renamed_from}
    return {**one.payload, **{name: value for name, value in own.items() if value}}


def _own_spelt(override: Mapping[str, Any]) -> dict[str, Any]:
    """An override with our own fields in their documented spelling."""
    spellings = {snake: documented for documented, snake in OWN_FIELDS.items()}
    return {spellings.get(name, name): value for name, value in override.items()}


def merged(base: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `override` laid over it: mappings deeply, all else replaced, null removing the field."""
    result = dict(base)
    for name, value in override.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            inner = result.get(name)
            result[name] = merged(inner if isinstance(inner, Mapping) else {}, value)
        else:
            result[name] = value
    return result
