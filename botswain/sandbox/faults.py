"""Misfortunes to order: the next requests that match a pattern meet one."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from botswain.errors import BotswainError
from botswain.sandbox.answers import LimitedError, bare, html
from botswain.sandbox.model import Request, Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botswain.sandbox.store import Store

KINDS = {
    "rate_limit": "429 with `retry_after` and `scope` (user, global or shared); nothing is applied",
    "status": "answer `status`, before or `after` the request was applied",
    "drop": "close the connection, before or `after` the request was applied",
    "html": "an HTML page with `status`, before or `after`",
    "truncate": "the real answer, cut in half",
    "bucket": "every bucket gets another hash",
    "stale": "the next `reads` lists of the scope still show what it was before this write",
    "latency": "the real answer, `seconds` late",
}


@dataclass(frozen=True)
class Fault:
    """One misfortune: what, for which requests (regular expressions, searched), how often, after how many."""

    kind: str
    method: str = ""
    path: str = ""
    count: int = 1
    skip: int = 0
    """How many matching requests are spared first."""
    after: bool = False
    status: int = 500
    retry_after: float = 1.0
    scope: str = "user"
    reads: int = 1
    seconds: float = 1.0

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Fault:
        """A fault from JSON."""
        names = [item.name for item in fields(cls)]
        for name in values:
            if name not in names:
                fix = f"use some of {', '.join(names)}"
                raise BotswainError(f"unknown key {name!r}", where="sandbox fault", fix=fix)
        if values.get("kind") not in KINDS:
            fix = f"use one of {', '.join(KINDS)}"
            raise BotswainError(f"unknown kind {values.get('kind')!r}", where="sandbox fault", fix=fix)
        return cls(**values)

    def matches(self, request: Request) -> bool:
        """Whether this request is meant."""
        return bool(re.search(self.method, request.method) and re.search(self.path, request.path))

    def before(self) -> Response | None:
        """The answer instead of applying the request, or None when it is applied."""
        if self.kind == "rate_limit":
            return _limited(self)
        if self.after or self.kind not in {"status", "drop", "html"}:
            return None
        return self._failure()

    def afterwards(self, response: Response) -> Response:
        """What becomes of the real answer."""
        if self.after and self.kind in {"status", "drop", "html"}:
            return self._failure()
        if self.kind == "truncate":
            return replace(response, body=response.body[: len(response.body) // 2])
        if self.kind == "latency":
            return replace(response, delay=self.seconds)
        return response

    def _failure(self) -> Response:
        if self.kind == "drop":
            return Response(0, dropped=True)
        if self.kind == "html":
            return html(self.status, f"{self.status} {_PHRASES.get(self.status, 'Error')}")
        return bare(self.status, _PHRASES.get(self.status, "Error")).response()


_PHRASES = {
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


def _limited(fault: Fault) -> Response:
    response = LimitedError(fault.retry_after, fault.scope).response()
    if fault.scope != "shared":
        return response
    # A shared limit is somebody else's doing: the own bucket still has room.
    return replace(response, headers={**response.headers, "X-RateLimit-Limit": "10", "X-RateLimit-Remaining": "9"})


class Faults:
    """The faults in store, for every process on it. The caller holds the store's lock."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, fault: Fault) -> None:
        """Orders one."""
        self._store.write("faults", [*(self._store.read("faults") or []), asdict(fault)])

    def clear(self) -> None:
        """Calls off all that have not happened."""
        self._store.write("faults", [])

    def pending(self) -> list[Fault]:
        """Those that have not happened yet."""
        return [Fault(**values) for values in self._store.read("faults") or []]

    def next(self, request: Request) -> Fault | None:
        """The fault that this request meets, counted down."""
        pending = self.pending()
        for index, fault in enumerate(pending):
            if not fault.matches(request):
                continue
            if fault.skip:
                pending[index] = replace(fault, skip=fault.skip - 1)
            elif fault.count > 1:
                pending[index] = replace(fault, count=fault.count - 1)
            else:
                del pending[index]
            self._store.write("faults", [asdict(one) for one in pending])
            return None if fault.skip else fault
        return None
