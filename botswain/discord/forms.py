"""Discord's nested form errors (code 50035), flattened and told by the name of the command.

The list of inner codes is open-ended, so nothing here depends on a particular one.
Source: the error messages section of Discord's API reference.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from botswain.discord.enums import CommandType

_KINDS = {CommandType.USER: "user command", CommandType.MESSAGE: "message command"}


class FormProblem(NamedTuple):
    """One refused value. After a bulk write, `path` starts with the command's index in what was sent."""

    path: tuple[str | int, ...]
    code: str
    message: str


def flatten(errors: object, path: tuple[str | int, ...] = ()) -> list[FormProblem]:
    """Every leaf of Discord's `errors`, in its order; what has an unexpected shape is passed over."""
    if not isinstance(errors, dict):
        return []
    found = [
        FormProblem(path, str(leaf.get("code", "")), str(leaf.get("message", "")))
        for leaf in _list(errors.get("_errors"))
        if isinstance(leaf, dict)
    ]
    for key, inner in errors.items():
        if key != "_errors":
            found += flatten(inner, (*path, int(key) if key.isdecimal() else key))
    return found


def describe(problem: FormProblem, payload: object = None) -> str:
    """One problem by name, such as `/ban user: name: Must be between 1 and 32 in length`.

    `payload` is what was sent: the list of a bulk write, or one command. Without it the path is shown.
    """
    names, rest = _walk(problem.path, payload)
    field = ".".join(str(part) for part in rest)
    message = problem.message or problem.code or "refused without a reason"
    return ": ".join(part for part in (names, field, message) if part)


def _walk(path: tuple[str | int, ...], payload: object) -> tuple[str, tuple[str | int, ...]]:
    """The command and option names along a path, and the part of the path below them."""
    node: Any = payload
    rest = path
    if isinstance(payload, list):
        if not rest or (node := _item(payload, rest[0])) is None:
            return "", rest
        rest = rest[1:]
    if not isinstance(node, dict):
        return "", rest
    words = [_command_name(node)]
    while len(rest) >= 2 and rest[0] == "options":
        option = _item(node.get("options"), rest[1])
        if not isinstance(option, dict):
            break
        node, rest = option, rest[2:]
        words.append(str(option.get("name", "?")))
    return " ".join(words), rest


def _command_name(command: dict[str, Any]) -> str:
    kind = _KINDS.get(command.get("type", CommandType.CHAT_INPUT))
    name = command.get("name", "?")
    return f'{kind} "{name}"' if kind else f"/{name}"


def _item(values: object, index: str | int) -> Any:
    return values[index] if isinstance(values, list) and isinstance(index, int) and index < len(values) else None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
