"""An output stream that covers secrets, also one that arrives in pieces, and that never drives the terminal."""

from __future__ import annotations

import io
import os
from contextlib import suppress
from threading import RLock
from typing import TYPE_CHECKING, TextIO

from botswain.secrets.spans import covered
from botswain.secrets.visible import escaped, json_safe

if TYPE_CHECKING:
    from collections.abc import Callable

    from botswain.secrets.spans import Span

_PENDING = 4096
"""Characters of an unfinished line that are kept before some are let out."""
_GROWING = 65536
"""Characters of something that has the shape of a secret and does not end, before it is let out, covered."""
_CONTEXT = 1024
"""Characters of the unfinished line already out that are remembered, since they may explain what follows."""


class RedactedStream(io.TextIOBase):
    """Writes to `out` what is written to it, covered.

    A line goes out when it ends, as text streams do anyway, and an unfinished one on `flush`; except for an
    end that may be the beginning of a secret, which stays until more is written or `finish` is called. It has
    no `buffer`, because bytes would pass it by, and closing it leaves `out` open.

    Where `out` can no longer be written to, what follows is thrown away and `lost` says why: neither `| head` nor
    a full disk may stop a deployment half-way.
    """

    def __init__(self, out: TextIO, spans: Callable[[str], list[Span]], safe_end: Callable[[str], int]) -> None:
        self._out = out
        self._spans = spans
        self._safe_end = safe_end
        self._lock = RLock()  # a signal handler may print while a print is under way
        self._shown = ""
        self._held = ""
        self.lost: OSError | None = None
        self.drives = False
        """Whether what is written may drive the terminal, as a shell on a host does for the person at it."""

    def write(self, text: str) -> int:
        """Take text, and let out the lines that it completes; what would drive a terminal is shown instead."""
        with self._lock:
            self._held += text
            whole = max(self._held.rfind("\n"), self._held.rfind("\r")) + 1
            if len(self._held) - whole > _PENDING or getattr(self._out, "write_through", False):
                whole = len(self._held)
            if whole:
                self._let_out(whole)
        return len(text)

    def write_covered(self, text: str) -> None:
        """Write JSON that was covered already, and would not stay whole if it were covered again."""
        with self._lock:
            self._let_out(len(self._held), last=True)
            self._shown = ""
            try:
                self._out.write(json_safe(text))
            except OSError as error:
                self._lose(error)

    def flush(self) -> None:
        """Let out an unfinished line too, but not what may be the beginning of a secret."""
        with self._lock:
            self._let_out(len(self._held))
            self._flush_out()

    def finish(self) -> None:
        """Let out everything; nothing follows that could complete a secret."""
        with self._lock:
            self._let_out(len(self._held), last=True)
            self._flush_out()

    def close(self) -> None:
        """Finish; `out` stays open."""
        if not self.closed:
            try:
                self.finish()
            finally:
                super().close()

    def _let_out(self, length: int, *, last: bool = False) -> None:
        window = self._shown + self._held
        start = len(self._shown)
        spans = self._spans(window)
        end = len(window) if last else max(start, self._cut(window, start + length, spans))
        if end > start:
            try:
                text = covered(window, spans, start, end)
                self._out.write(text if self.drives else escaped(text))
            except OSError as error:
                self._lose(error)
            line = max(window.rfind("\n", 0, end), window.rfind("\r", 0, end)) + 1
            self._shown = window[max(line, end - _CONTEXT) : end]
            self._held = window[end:]

    def _flush_out(self) -> None:
        try:
            self._out.flush()
        except OSError as error:
            self._lose(error)

    def _lose(self, error: OSError) -> None:
        self.lost = self.lost or error
        with suppress(OSError):  # so that neither what is still buffered nor what follows fails again
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._out.fileno())
            os.close(nowhere)

    def _cut(self, window: str, end: int, spans: list[Span]) -> int:
        """Find the last place at or before `end` where the window can be cut without cutting a secret."""
        end = min(end, self._safe_end(window))
        for span in reversed(spans):
            growing = span.end == len(window) and len(self._held) < _GROWING
            if span.start < end < span.end or (growing and span.start < end):
                end = span.start
        return end

    @property
    def encoding(self) -> str:  # type: ignore[override]  # typeshed has a plain attribute here
        """The encoding of the stream beneath."""
        return self._out.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]  # as above
        """The error handler of the stream beneath."""
        return self._out.errors

    @property
    def line_buffering(self) -> bool:
        """Whether the stream beneath flushes at the end of a line."""
        return bool(self._out.line_buffering)

    def isatty(self) -> bool:
        """Say whether a person watches."""
        return self._out.isatty()

    def fileno(self) -> int:
        """Return the descriptor beneath; what is written to it directly is not covered."""
        return self._out.fileno()

    def writable(self) -> bool:
        """Say yes."""
        return True
