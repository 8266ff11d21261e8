"""Which handler a request is for, and what every handler is given."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botswain.discord.enums import GLOBAL
from botswain.sandbox.answers import ApiError, bare, form_error, leaf
from botswain.sandbox.forms import is_snowflake
from botswain.sandbox.model import JSON, Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from botswain.sandbox.auth import Caller
    from botswain.sandbox.world import World

_PREFIX = re.compile(r"/api(?:/v(\d+))?(/.*)")
VERSIONS = {"", "9", "10"}


@dataclass(frozen=True)
class Call:
    """A request on its way to a handler."""

    request: Request
    world: World
    caller: Caller | None
    params: dict[str, str]

    @property
    def application(self) -> str:
        """The application in question: that of the path, which is the caller's own."""
        return self.params.get("application_id") or (self.caller.application if self.caller else "")

    @property
    def scope(self) -> str:
        """The guild of the path, or `global`."""
        return self.params.get("guild_id", GLOBAL)

    def json(self) -> Any:
        """The body; its content type must say JSON."""
        if self.request.header("content-type").partition(";")[0].strip().lower() != JSON:
            message = "Expected \"Content-Type\" header to be one of {'application/json'}."
            raise form_error(leaf("CONTENT_TYPE_INVALID", message))
        try:
            return json.loads(self.request.body)
        except ValueError as error:
            raise ApiError(400, 50109, "The request body contains invalid JSON.") from error


@dataclass(frozen=True)
class Route:
    """A method on a path. `access` as in auth.admit; `bucket` names the rate limit it shares."""

    method: str
    template: str
    handler: Callable[[Call], Response]
    access: str
    bucket: str


class Router:
    """Finds routes; a literal path is listed before one with parameters that would match it too.

    `later` gives the routes that are looked at when no other path matches.
    """

    def __init__(self, routes: Iterable[Route], later: Callable[[], Iterable[Route]] = tuple) -> None:
        self._paths: dict[tuple[str, ...], dict[str, Route]] = {}
        self._later: Callable[[], Iterable[Route]] | None = later
        self._add(routes)

    def _add(self, routes: Iterable[Route]) -> None:
        for route in routes:
            self._paths.setdefault(tuple(route.template.split("/")), {})[route.method] = route

    def find(self, request: Request) -> tuple[Route, dict[str, str]]:
        """The route and its path parameters, or 404 or 405 as Discord says them."""
        match = _PREFIX.fullmatch(request.path)
        if match is None:
            raise bare(404, "Not Found")
        if (match[1] or "") not in VERSIONS:
            raise ApiError(400, 50041, "Invalid API version provided")
        segments = match[2].split("/")
        found = self._match(segments)
        if found is None and self._later is not None:
            later, self._later = self._later, None
            self._add(later())
            found = self._match(segments)
        if found is None:
            raise bare(404, "Not Found")
        methods, params = found
        if request.method not in methods:
            raise bare(405, "Method Not Allowed")
        return methods[request.method], params

    def _match(self, segments: list[str]) -> tuple[dict[str, Route], dict[str, str]] | None:
        for template, methods in self._paths.items():
            params = _bind(template, segments)
            if params is not None:
                return methods, params
        return None


def check_ids(params: dict[str, str]) -> None:
    """Refuses path parameters that are no ids; tokens are none."""
    errors = {
        name: leaf("NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.')
        for name, value in params.items()
        if not name.endswith("_token") and not is_snowflake(value)
    }
    if errors:
        raise form_error(errors)


def _bind(template: tuple[str, ...], segments: list[str]) -> dict[str, str] | None:
    if len(template) != len(segments):
        return None
    params = {}
    for part, segment in zip(template, segments, strict=True):
        if part[:1] == "{":
            params[part[1:-1]] = segment
        elif part != segment:
            return None
    return params
