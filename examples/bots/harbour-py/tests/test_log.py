"""One JSON object a line, and never the token."""

import json
import logging
import sys
from typing import Any

from harbour.log import JsonLines


def written(message: str, *values: object, secret: str | None = None, **more: Any) -> dict[str, Any]:
    """The line of a call, read back."""
    record = logging.getLogger("harbour").makeRecord(
        "harbour", logging.WARNING, __file__, 1, message, values, more.pop("exc_info", None), extra=more
    )
    line = JsonLines(secret).format(record)
    assert "\n" not in line
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_line() -> None:
    """Time, level, message, and what the call gives besides."""
    line = written("ahoy %s", "there", command="ping")
    time = line.pop("time")
    assert time.endswith("Z")
    assert line == {"level": "warning", "message": "ahoy there", "command": "ping"}


def test_an_error_has_its_traceback() -> None:
    """In one line all the same."""
    try:
        raise ValueError("of\ntwo lines")
    except ValueError:
        line = written("oh", exc_info=sys.exc_info())
    assert line["error"].startswith("Traceback")
    assert line["error"].endswith("ValueError: of\ntwo lines")


def test_the_secret_is_nowhere() -> None:
    """Not in the message, not in the context, not in an error."""
    try:
        raise ValueError("s3.cr.et")
    except ValueError:
        line = written("is %s", "s3.cr.et", secret="s3.cr.et", url="/s3.cr.et/", exc_info=sys.exc_info())
    assert "s3.cr.et" not in str(line)
    assert line["message"] == "is [token]"


def test_what_json_does_not_know_is_text() -> None:
    """A log line never fails."""
    assert written("x", where={1})["where"] == "{1}"
