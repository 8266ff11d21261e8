"""Where in a text secrets stand: the spans that redaction covers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Span(NamedTuple):
    """The characters from `start` to `end`; `name` says which secret, empty when only its shape is known."""

    start: int
    end: int
    name: str = ""

    @property
    def cover(self) -> str:
        """What stands in its place."""
        return f"[redacted:{self.name}]" if self.name else "[redacted]"


def merged(spans: Iterable[Span]) -> list[Span]:
    """Join spans that overlap, so that no end of one secret is left beside another; a known name wins."""
    result: list[Span] = []
    for span in sorted(spans, key=lambda one: (one.start, -one.end)):
        if result and span.start < result[-1].end:
            last = result[-1]
            result[-1] = Span(last.start, max(last.end, span.end), last.name or span.name)
        else:
            result.append(span)
    return result


def covered(text: str, spans: list[Span], start: int = 0, end: int | None = None) -> str:
    """Return text[start:end] with the (merged) spans covered, also where one only reaches into that part."""
    stop = len(text) if end is None else end
    parts = []
    at = start
    for span in spans:
        if span.end <= at or span.start >= stop:
            continue
        parts += [text[at : max(at, span.start)], span.cover]
        at = min(span.end, stop)
    parts.append(text[at:stop])
    return "".join(parts)
