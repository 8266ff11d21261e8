"""Answers in Discord's form: JSON, error bodies, and the HTML that its edge sends."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from botswain.sandbox.model import JSON, Response

if TYPE_CHECKING:
    from collections.abc import Mapping

FormErrors = dict[str, Any]
"""Errors nested like the body they are about, leaves under `_errors`."""


class ApiError(Exception):
    """An answer other than success; it becomes a response and never leaves the sandbox."""

    def __init__(self, status: int, code: int, message: str, **more: Any) -> None:
        super().__init__(f"{status} {code} {message}")
        self.status = status
        self.body = {"message": message, "code": code, **more}

    def response(self) -> Response:
        """The answer a client gets."""
        return answer(self.body, self.status)


class LimitedError(ApiError):
    """429: too many requests. `scope` says whose limit it was: user, global or shared."""

    def __init__(
        self, retry_after: float, scope: str, message: str = "You are being rate limited.", code: int = 0
    ) -> None:
        more = {"retry_after": round(retry_after, 3), "global": scope == "global"}
        super().__init__(429, code, message, **more)
        if not code:
            del self.body["code"]
        self.scope = scope
        self.retry_after = retry_after

    def response(self) -> Response:
        """The answer, with the headers that only a 429 carries."""
        headers = {"Retry-After": str(math.ceil(self.retry_after)), "X-RateLimit-Scope": self.scope}
        if self.scope == "global":
            headers["X-RateLimit-Global"] = "true"
        return answer(self.body, self.status, headers)


def answer(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response."""
    return answer_text(json.dumps(data, ensure_ascii=False, separators=(",", ":")), status, headers)


def answer_text(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response whose text is at hand."""
    return Response(status, {"Content-Type": JSON, **(headers or {})}, text.encode())


def empty() -> Response:
    """204."""
    return Response(204)


def html(status: int, title: str, headers: Mapping[str, str] | None = None) -> Response:
    """A page such as Cloudflare puts in front of Discord."""
    page = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n"
    return Response(status, {"Content-Type": "text/html; charset=UTF-8", **(headers or {})}, page.encode())


def bare(status: int, phrase: str) -> ApiError:
    """An error whose message is its status line, such as `401: Unauthorized`."""
    return ApiError(status, 0, f"{status}: {phrase}")


def form_error(errors: FormErrors) -> ApiError:
    """50035 with what is wrong where."""
    return ApiError(400, 50035, "Invalid Form Body", errors=errors)


def leaf(code: str, message: str) -> FormErrors:
    """One complaint about one place."""
    return {"_errors": [{"code": code, "message": message}]}
