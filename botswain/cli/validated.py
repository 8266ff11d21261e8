"""What `validate` says of a readable environment: how much was read, and what was passed over."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from botswain.deployment.wanted import PASSED_OVER
from botswain.wording import many

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from botswain.deployment.wanted import Wanted
    from botswain.errors import Problem

_EMPTY = {"folder": " yet; `./inv import --env {}` writes what is live into the folder"}


def validated_lines(name: str, want: Wanted, kind: str) -> Iterator[str]:
    """What was read for one environment, with everything that was passed over and every note."""
    files = many(want.files, "file")
    if want.count:
        yield f"{name}: {many(want.count, 'command')}, all valid" + (f" (from {files})" if want.files else "")
    else:
        yield f"{name}: no command" + (f" in {files}" if want.files else _EMPTY.get(kind, "").format(name))
    for one in want.left_out:
        yield f"  {'passed over' if one.doubtful else 'no command'}: {one}"
    for note in want.notes:
        if not note.startswith(PASSED_OVER):
            yield f"  note: {note}"
    for text in want.texts:
        yield f"  text: {text}"


def validated_document(checked: Mapping[str, Wanted], unfilled: list[Problem]) -> dict[str, Any]:
    """The same as JSON, by environment."""
    return {
        "task": "validate",
        "valid": True,
        "commands": {name: want.count for name, want in checked.items()},
        "files": {name: want.files for name, want in checked.items()},
        "leftOut": {name: [asdict(one) for one in want.left_out] for name, want in checked.items()},
        "texts": {name: list(want.texts) for name, want in checked.items()},
        "notes": {name: list(want.notes) for name, want in checked.items()},
        "toFillIn": [str(gap) for gap in unfilled],
        "exitCode": 0,
    }
