"""Redaction: secrets are covered by value and by shape where text leaves the process, and by value in files.

Whoever resolves a secret calls `register`; the command line calls `install` once; FolderStore's default
`clean` and the audit log use the functions here. All of them share `default`.
"""

from __future__ import annotations

import io
import os
import re
import sys
from typing import TYPE_CHECKING, Any, TextIO, cast

from botswain.secrets import patterns
from botswain.secrets.forms import MINIMUM, forms, is_common
from botswain.secrets.spans import Span, covered, merged
from botswain.secrets.visible import json_safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botswain.secrets.stream import RedactedStream


class Redactor:
    """Knows secrets and covers them: `[redacted:NAME]`, or `[redacted]` where only the shape is known."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def register(self, value: str, name: str, *, rename: bool = False) -> bool:
        """Cover `value` from now on, in every usual spelling. False when it is under 6 characters.

        One that is known already keeps its name, unless this is to `rename` it.
        """
        if len(value.strip()) < MINIMUM:
            return False
        label = re.sub(r"[^\w.:/-]", "_", name, flags=re.ASCII)
        # Replaced, not changed: another thread may be looking through it.
        new = dict.fromkeys(forms(value), label)
        self._names = {**self._names, **new} if rename else {**new, **self._names}
        return True

    def name_of(self, value: str) -> str:
        """Return the name under which a secret was registered; empty for one that was not."""
        return self._names.get(value, "")

    def text(self, text: str) -> str:
        """Cover registered values, and whatever has the shape of a secret. Doing it again changes nothing."""
        spans = self._spans(text)
        return covered(text, spans) if spans else text

    def value_only(self, text: str) -> str:
        """Cover registered values alone, for documents that must stay exact otherwise.

        Values that any document contains by chance (a plain word up to 12 letters, an id) are left alone
        here: replacing them would ruin manifests and snapshots, and hide nothing.
        """
        spans = merged(self._values(text, common=False))
        return covered(text, spans) if spans else text

    def document(self, data: bytes) -> bytes:
        """Do `value_only` to a file's bytes."""
        if not self._names:
            return data
        text = data.decode("utf-8", "surrogateescape")
        clean = self.value_only(text)
        return data if clean is text else clean.encode("utf-8", "surrogateescape")

    def structure(self, value: Any) -> Any:
        """Do `text` to every string in dicts and lists, and cover those under the name of a secret whole."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self._key(key): self._field(key, item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.structure(item) for item in value]
        return value

    def _key(self, key: Any) -> Any:
        return self.value_only(key) if isinstance(key, str) else key

    def _field(self, key: Any, item: Any) -> Any:
        clean = self.structure(item)
        hidden = isinstance(clean, str) and isinstance(key, str) and patterns.is_secret_key(key)
        return "[redacted]" if hidden and clean and not clean.startswith("[redacted") else clean

    def stream(self, out: TextIO) -> TextIO:
        """Wrap a text stream such as sys.stdout; see RedactedStream."""
        return cast("TextIO", self._wrap(out))

    def _wrap(self, out: TextIO) -> RedactedStream:
        from botswain.secrets.stream import RedactedStream

        return RedactedStream(out, self._spans, self._safe_end)

    def install(self) -> None:
        """Put sys.stdout and sys.stderr behind redaction, to the end of the process; once is enough."""
        from botswain.secrets.stream import RedactedStream

        if not isinstance(sys.stdout, RedactedStream):
            sys.stdout = self._installed(sys.stdout)
        if not isinstance(sys.stderr, RedactedStream):
            sys.stderr = self._installed(sys.stderr)

    def _installed(self, out: TextIO | None) -> TextIO:
        import atexit

        if out is None:  # started with that descriptor closed
            out = open(os.devnull, "w")  # noqa: PTH123, SIM115 - open to the end of the process
        if isinstance(out, io.TextIOWrapper):  # an arrow on a terminal without arrows is no reason to fail
            out.reconfigure(errors="backslashreplace")
        wrapped = self._wrap(out)
        atexit.register(wrapped.finish)
        return cast("TextIO", wrapped)

    def _spans(self, text: str) -> list[Span]:
        return merged([*self._values(text, common=True), *patterns.find(text)])

    def _values(self, text: str, *, common: bool) -> Iterator[Span]:
        for form, name in self._names.items():
            at = text.find(form)
            if at < 0 or not (common or not is_common(form)):
                continue
            while at >= 0:
                yield Span(at, at + len(form), name)
                at = text.find(form, at + 1)

    def _safe_end(self, text: str) -> int:
        """Return how much of `text` can go out: the rest may be the beginning of a secret."""
        end = patterns.beginning(text)
        for form in self._names:
            end = min(end, len(text) - _begun(form, text))
        return end


def _begun(form: str, text: str) -> int:
    """Return how many characters at the end of `text` are the beginning of `form`, but not all of it."""
    last = text[-1:]
    length = form.rfind(last, 0, min(len(form) - 1, len(text))) + 1 if last else 0
    while length:
        if text.endswith(form[:length]):
            return length
        length = form.rfind(last, 0, length - 1) + 1
    return 0


default = Redactor()
"""The secrets of this process."""


def register(value: str, name: str) -> bool:
    """Cover `value` wherever this process writes. False when it is too short to be covered."""
    return default.register(value, name)


def name_of(value: str) -> str:
    """Return the name under which a secret was registered; empty for one that was not."""
    return default.name_of(value)


def clean_text(text: str) -> str:
    """Cover secrets by value and by shape."""
    return default.text(text)


def clean_structure(value: Any) -> Any:
    """Cover secrets by value, by shape and by key in dicts and lists."""
    return default.structure(value)


def write_covered(text: str) -> None:
    """Print a document whose every string went through `clean_structure`."""
    from botswain.secrets.stream import RedactedStream

    if isinstance(sys.stdout, RedactedStream):
        sys.stdout.write_covered(text)
    else:
        sys.stdout.write(json_safe(text))


def clean_document(data: bytes) -> bytes:
    """Cover secrets by value in a file's bytes; the hook that every store writes through."""
    return default.document(data)


def is_clean(text: str) -> bool:
    """Say whether `text` holds no registered secret."""
    return default.value_only(text) is text


def install() -> None:
    """Put sys.stdout and sys.stderr behind redaction, to the end of the process."""
    default.install()
