from __future__ import annotations

from typing import Any

import pytest

from botswain.discord.forms import FormProblem, describe, flatten

PAYLOAD: list[dict[str, Any]] = [
    {"type": 1, "name": "ping"},
    {
        "name": "ban",
        "options": [
            {"type": 1, "name": "add", "options": [{"type": 6, "name": "user"}, {"type": 3, "name": "why"}]},
        ],
    },
    {"type": 2, "name": "Report"},
]


def leaf(code: str, message: str) -> dict[str, Any]:
    """The end of a path in Discord's tree."""
    return {"_errors": [{"code": code, "message": message}]}


def test_every_leaf_is_found_with_its_path() -> None:
    """Arrays come as objects with number keys, errors may share a place, and unknown codes are kept."""
    errors = {
        "1": {
            "name": leaf("A", "a"),
            "options": {"0": {"_errors": [{"code": "B", "message": "b"}, {"code": "NEW"}]}},
        },
        "_errors": [{"code": "TOO_LARGE", "message": "too large"}],
    }
    assert flatten(errors) == [
        FormProblem((), "TOO_LARGE", "too large"),
        FormProblem((1, "name"), "A", "a"),
        FormProblem((1, "options", 0), "B", "b"),
        FormProblem((1, "options", 0), "NEW", ""),
    ]


@pytest.mark.parametrize("errors", [None, [], "x", {"_errors": None}, {"a": {"_errors": ["x"]}}, {"a": 1}])
def test_an_unexpected_shape_is_no_crash(errors: object) -> None:
    """The error tree is not specified in full; what cannot be read must not hide the refusal itself."""
    assert flatten(errors) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((0, "name"), "/ping: name: bad"),
        ((1, "options", 0, "options", 0), "/ban add user: bad"),
        ((1, "options", 0, "options", 1, "choices", 3, "value"), "/ban add why: choices.3.value: bad"),
        ((2, "description"), 'user command "Report": description: bad'),
        ((1, "options", 7, "name"), "/ban: options.7.name: bad"),
        ((9, "name"), "9.name: bad"),
        ((), "bad"),
    ],
)
def test_problems_are_told_by_name(path: tuple[str | int, ...], text: str) -> None:
    """A person knows commands by name, not by their index in a payload that was built for him."""
    assert describe(FormProblem(path, "X", "bad"), PAYLOAD) == text


def test_one_command_sent_alone_has_no_index() -> None:
    """POST and PATCH send one command, and the path starts inside it."""
    assert describe(FormProblem(("options", 0, "name"), "X", "bad"), PAYLOAD[1]) == "/ban add: name: bad"
    assert describe(FormProblem(("options", 0, "name"), "X", "bad")) == "options.0.name: bad"
    assert describe(FormProblem((), "X", "")) == "X"
