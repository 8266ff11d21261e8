"""One JSON object a line on stdout: time, level, message, and whatever a call gives in `extra`."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

logger = logging.getLogger("harbour")
_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """Writes records as JSON, and never the secret."""

    def __init__(self, secret: str | None = None) -> None:
        super().__init__()
        self._secret = secret

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        if record.name != logger.name:
            line["logger"] = record.name
        line |= {name: value for name, value in vars(record).items() if name not in _PLAIN}
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = "".join(traceback.format_exception(*record.exc_info)).rstrip()
        text = json.dumps(line, ensure_ascii=False, default=str)
        return text.replace(self._secret, "[token]") if self._secret else text


def start(level: str = "info", secret: str | None = None) -> None:
    """Sends everything that is logged, and every uncaught error, to stdout. `secret` never appears."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines(secret))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.captureWarnings(capture=True)
    for chatty in ("discord", "aiohttp", "asyncio"):
        logging.getLogger(chatty).setLevel("WARNING" if level == "info" else level.upper())
    sys.excepthook = _uncaught


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logger.critical("uncaught %s: %s", kind.__name__, error, exc_info=(kind, error, trace))
