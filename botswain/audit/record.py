"""One record of the audit log: its canonical JSON, and its hash."""

from __future__ import annotations

import json
import unicodedata
from hashlib import sha256
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = 1
GENESIS = "0" * 64
"""`prev` of the first record."""
_WHOLE = 2**53
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def parsed(line: bytes) -> dict[str, Any] | None:
    """Read a line as far as chaining needs it; None when it is no record."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    usable = (
        isinstance(record, dict)
        and isinstance(record.get("seq"), int)
        and all(isinstance(record.get(key), str) for key in ("hash", "prev", "log_id", "event"))
    )
    return record if usable else None


def hash_of(record: Mapping[str, Any]) -> str:
    """The record's hash: over all of it but a hash that it has."""
    return sha256(encoded(record)).hexdigest()


def encoded(record: Mapping[str, Any]) -> bytes:
    """The record as canonical JSON; b"" for what none can be made of."""
    try:
        return _ENCODER.encode(record).encode()
    except ValueError:  # NaN or half a surrogate pair: nothing that was ever written here
        return b""


def plain(value: Any) -> Any:
    """Turn a value into what canonical JSON can say. It never fails: a record in other words beats none."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and -_WHOLE <= value <= _WHOLE:
        return int(value)
    if isinstance(value, dict):
        return {plain(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(plain(str(item)) for item in value)
    return unicodedata.normalize("NFC", str(value).encode("utf-8", "replace").decode())
