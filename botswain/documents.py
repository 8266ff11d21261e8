"""Reads the text of a YAML or JSON file into plain values, with the surprises of YAML left out.

Only `true` and `false` are booleans, so the Norwegian locale `no:` and choices such as `on` stay text; so
do dates, times and numbers with leading zeros. A key written twice is refused, and anchors cannot make a
small file into a huge value.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from botswain.errors import InvalidInput, Problem
from botswain.wording import shown

MAX_DEPTH = 64
"""Levels of nesting; a command has at most nine."""
MAX_VALUES = 200_000
"""Values in one file after its anchors were followed; 100 of the largest commands have fewer."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORDS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,99})")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]{1,3})?")
_TAGS = {
    "tag:yaml.org,2002:str": str,
    "tag:yaml.org,2002:int": int,
    "tag:yaml.org,2002:float": float,
}


def read_yaml(text: str, file: str) -> list[Any]:
    """The documents of a YAML file. Raises InvalidInput with the line and column of what cannot be read."""
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except _UnusableError as error:
        raise _invalid(file, error.mark.line, error.mark.column, str(error)) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line, mark.column) if mark else (0, 0)
        raise _invalid(file, line, column, f"not valid YAML: {error.problem or error.context}") from None
    except yaml.reader.ReaderError as error:
        before = text[: error.position] if isinstance(error.position, int) else ""
        column = len(before) - before.rfind("\n") - 1
        message = f"not valid YAML: {error.reason}"
        raise _invalid(file, before.count("\n"), column, message) from None
    return builder.documents


def read_json(text: str, file: str) -> list[Any]:
    """The value of a JSON file, as a list of one document. Raises InvalidInput as `read_yaml` does."""
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_not_json)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair cannot be sent
    except json.JSONDecodeError as error:
        raise _invalid(file, error.lineno - 1, error.colno - 1, f"not valid JSON: {error.msg}") from None
    except _DuplicateKeyError as error:
        read_yaml(text, file)  # says in which line, where the file is YAML too
        raise InvalidInput([Problem(file, "", f"the key {shown(error.args[0])} is written twice")]) from None
    except UnicodeEncodeError:
        raise InvalidInput([Problem(file, "", "holds half of a surrogate pair (\\ud800-\\udfff)")]) from None
    except RecursionError:
        raise InvalidInput([Problem(file, "", f"nested deeper than {MAX_DEPTH} levels")]) from None
    except ValueError:
        message = "not valid JSON: a number is NaN, infinite or thousands of digits long"
        raise InvalidInput([Problem(file, "", message)]) from None
    return [value]


def _invalid(file: str, line: int, column: int, message: str) -> InvalidInput:
    """Lines and columns are counted from 0 here and from 1 in the message."""
    return InvalidInput([Problem(file, f"line {line + 1}, column {column + 1}", message)])


class _UnusableError(Exception):
    """Well-formed YAML that a definition may not use, and where."""

    def __init__(self, message: str, mark: Any) -> None:
        super().__init__(message)
        self.mark = mark


class _DuplicateKeyError(Exception):
    pass


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        names = [name for name, _ in pairs]
        raise _DuplicateKeyError(next(name for name in names if names.count(name) > 1))
    return result


def _not_json(name: str) -> None:
    raise ValueError(name)


@dataclass
class _Frame:
    """A mapping or list that is being read."""

    value: dict[str, Any] | list[Any]
    anchor: str | None
    first: int
    key: str | None = None
    merging: bool = False
    merged: list[Any] = field(default_factory=list)


class _Builder:
    """Builds values from YAML events, which costs less than the library's node tree and never recurses."""

    def __init__(self) -> None:
        self.documents: list[Any] = []
        self._open: list[_Frame] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._count = 0

    def take(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._start(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end(event)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._anchors.clear()

    def _scalar(self, event: Any) -> None:
        frame = self._open[-1] if self._open else None
        if frame is not None and isinstance(frame.value, dict) and frame.key is None:
            frame.merging = event.value == "<<" and event.implicit[0]
            if event.value in frame.value and not frame.merging:
                raise _UnusableError(f"the key {shown(event.value)} is written twice", event.start_mark)
            frame.key = event.value
            return
        value = _plain(event)
        self._add(value, event, 1)
        if event.anchor:
            self._anchors[event.anchor] = (value, 1)

    def _start(self, event: Any) -> None:
        if event.tag is not None and not event.implicit:
            raise _UnusableError(f"the tag {event.tag} has no meaning here; remove it", event.start_mark)
        if len(self._open) >= MAX_DEPTH:
            raise _UnusableError(f"nested deeper than {MAX_DEPTH} levels", event.start_mark)
        if self._open and isinstance(self._open[-1].value, dict) and self._open[-1].key is None:
            raise _UnusableError("a key must be text, not a list or mapping", event.start_mark)
        value: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._open.append(_Frame(value, event.anchor, self._count))

    def _end(self, event: Any) -> None:
        frame = self._open.pop()
        if isinstance(frame.value, dict):
            for source in frame.merged:
                frame.value.update({key: item for key, item in source.items() if key not in frame.value})
        self._add(frame.value, event, 1)
        if frame.anchor:
            self._anchors[frame.anchor] = (frame.value, self._count - frame.first)

    def _alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            raise _UnusableError(f"*{event.anchor} stands for nothing that ended before it", event.start_mark)
        if self._open and isinstance(self._open[-1].value, dict) and self._open[-1].key is None:
            raise _UnusableError("a key must be text, not an alias", event.start_mark)
        value, size = self._anchors[event.anchor]
        self._add(value, event, size)

    def _add(self, value: Any, event: Any, size: int) -> None:
        self._count += size
        if self._count > MAX_VALUES:
            raise _UnusableError(f"more than {MAX_VALUES:,} values once anchors are followed", event.start_mark)
        if not self._open:
            self.documents.append(value)
            return
        frame = self._open[-1]
        if isinstance(frame.value, list):
            frame.value.append(value)
        elif frame.merging:
            self._merge(frame, value, event)
        elif frame.key is not None:
            frame.value[frame.key] = value
        frame.key = None

    @staticmethod
    def _merge(frame: _Frame, value: Any, event: Any) -> None:
        sources = value if isinstance(value, list) else [value]
        if not all(isinstance(source, dict) for source in sources):
            raise _UnusableError("<< takes a mapping, or a list of them", event.start_mark)
        frame.merged += sources


def _plain(event: Any) -> Any:
    """The value of a scalar: text when quoted, else what it looks like."""
    text: str = event.value
    if event.implicit[0]:
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text):
            return int(text)
        return float(text) if _FLOAT.fullmatch(text) else text
    if event.implicit[1]:
        return text
    try:
        return _TAGS[event.tag](text)
    except (KeyError, ValueError):
        raise _UnusableError(f"the tag {event.tag} does not fit here; remove it", event.start_mark) from None
