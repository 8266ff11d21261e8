"""The double itself: takes a request, gives a response, knows nothing of sockets."""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from botswain.sandbox import auth, control
from botswain.sandbox.answers import ApiError, LimitedError, answer, bare, html
from botswain.sandbox.commands import Commands
from botswain.sandbox.faults import Fault, Faults
from botswain.sandbox.model import Request, Response, Settings
from botswain.sandbox.permissions import store_rules
from botswain.sandbox.ratelimit import Limiter
from botswain.sandbox.router import Call, Route, Router, check_ids
from botswain.sandbox.routes import BULK, ROUTES, UNLIMITED, WRITE
from botswain.sandbox.store import Store
from botswain.sandbox.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from botswain.sandbox.record import Record

LOG_LENGTH = 10_000
VIA = {"Via": "1.1 botswain-sandbox"}
"""discord.py takes a 429 without `Via` for a ban by Cloudflare."""


@dataclass(frozen=True)
class Seen:
    """One request in the log; `time` is the double's, in seconds since 1970. Status 0: connection dropped."""

    method: str
    path: str
    status: int
    time: float


def _routes_of_bots() -> list[Route]:
    from botswain.sandbox.botroutes import ROUTES

    return ROUTES


class Sandbox:
    """Discord's application command API, answered locally.

    `path` is a folder for the state, shared by every process that names it; None keeps everything in this
    object. Any well-formed bot token is accepted: its first part says which application it is. Threads may
    share one sandbox.
    """

    def __init__(
        self, path: Path | None, *, clock: Callable[[], float] = time.time, settings: Settings | None = None
    ) -> None:
        self._store = Store(path)
        self._thread = threading.RLock()
        with self._store.locked():
            self._world = World(self._store, clock, settings or Settings())
        self._faults = Faults(self._store)
        self._limiter = Limiter()
        self._router = Router(ROUTES, later=_routes_of_bots)
        self._log: deque[Seen] = deque(maxlen=LOG_LENGTH)

    @contextmanager
    def entered(self) -> Iterator[World]:
        """The world with everybody else kept out, as of now."""
        with self._thread, self._store.locked():
            self._world.refresh()
            yield self._world

    def handle(self, request: Request) -> Response:
        """Answers one request."""
        with self._thread:
            if request.path.startswith("/sandbox/"):
                return control.handle(self, request)
            with self._store.locked():
                self._world.refresh()
                response = self._answer(request)
                latency = self._world.settings.latency
                self._log.append(Seen(request.method, request.path, response.status, self._world.now()))
        return replace(response, delay=response.delay + latency) if latency else response

    def _answer(self, request: Request) -> Response:
        if self._world.down:
            return bare(503, "Service Unavailable").response()
        fault = self._faults.next(request)
        response = (fault and fault.before()) or self._unharmed(request, fault)
        self._limiter.note(response)
        if fault is not None:
            response = fault.afterwards(response)
        if response.headers.get("Content-Type", "").startswith("text/html"):
            return response
        return replace(response, headers={**response.headers, **VIA})

    def _unharmed(self, request: Request, fault: Fault | None) -> Response:
        now = self._world.now()
        if (page := self._limiter.banned(now)) is not None:
            return page
        if self._world.settings.strict_user_agent and not request.header("user-agent").startswith("DiscordBot ("):
            return html(403, "Error 1010: Access denied")
        if fault is not None and fault.kind == "bucket":
            self._limiter.rename_buckets()
        headers: dict[str, str] = {}
        try:
            route, params = self._router.find(request)
            caller = auth.identify(request, self._world)
            auth.admit(caller, route.access)
            call = Call(request, self._world, caller, params)
            if self._world.settings.limits:
                self._limit(route, call, now, headers)
            self._check_place(call)
            stale = fault is not None and fault.kind == "stale"
            earlier = self._world.commands(call.application, call.scope) if stale else None
            response = route.handler(call)
            if earlier is not None and fault is not None:
                self._delay(call, earlier, fault.reads)
        except ApiError as error:
            response = error.response()
        return replace(response, headers={**response.headers, **headers})

    def _limit(self, route: Route, call: Call, now: float, headers: dict[str, str]) -> None:
        if route.bucket == UNLIMITED:
            return
        settings = self._world.settings
        owner = call.caller.application if call.caller else ""
        self._limiter.take_global(owner, now, settings)
        key = (route.bucket, owner, call.params.get("guild_id", ""))
        size = {WRITE: settings.write_bucket, BULK: settings.put_bucket}.get(route.bucket, settings.read_bucket)
        wait, told = self._limiter.take(key, now, size, settings)
        headers.update(told)
        if wait:
            raise LimitedError(wait, "user")

    def _check_place(self, call: Call) -> None:
        check_ids(call.params)
        if call.caller and call.application != call.caller.application:
            raise ApiError(403, 20012, "You are not authorized to perform this action on this application")
        state = self._world.guild(call.params["guild_id"]) if "guild_id" in call.params else "open"
        if state == "missing":
            raise ApiError(404, 10004, "Unknown Guild")
        if state == "forbidden":
            raise ApiError(403, 50001, "Missing Access")

    def _delay(self, call: Call, earlier: list[Record], reads: int) -> None:
        ledger = self._world.ledger(call.application, call.scope)
        ledger.stale, ledger.stale_reads = earlier, reads
        self._world.save_ledger(call.application, call.scope, ledger)

    # What tests and people playing do beside the API; the same over HTTP is in control.py.

    def fault(self, kind: str, **values: Any) -> None:
        """Orders a misfortune for requests to come; faults.Fault has the fields."""
        fault = Fault.parse({"kind": kind, **values})
        with self._thread, self._store.locked():
            self._faults.add(fault)

    def clear_faults(self) -> None:
        """Calls off the faults that have not happened."""
        with self._thread, self._store.locked():
            self._faults.clear()

    def configure(self, **values: Any) -> Settings:
        """Changes settings for every process on this state."""
        with self._thread, self._store.locked():
            self._world.refresh()
            self._world.configure(values)
            return self._world.settings

    def advance(self, seconds: float) -> float:
        """Moves the clock on; returns the new time."""
        with self.entered() as world:
            world.advance(seconds)
            if "live" in vars(world):
                world.live.interactions.touch()
            return world.now()

    def now(self) -> float:
        """The time by the double's clock, in seconds since 1970, as of the latest request."""
        return self._world.now()

    def set_guild(self, guild: str, state: str, details: Mapping[str, Any] | None = None) -> None:
        """`open` (the default of every guild), `forbidden` (403) or `missing` (404).

        `details` say what bots find there: some of `name`, `channels`, `roles`, `members`.
        """
        control.check_guild_state(state)
        with self.entered() as world:
            if details:
                from botswain.sandbox.community.guilds import describe

                describe(world, guild, details)
            world.set_guild(guild, state)
            if "live" in vars(world):
                world.live.gateway.guild_changed(guild)

    def commands(self, application: str, scope: str) -> list[Record]:
        """What is stored in a scope, localizations included."""
        with self._thread, self._store.locked():
            return self._world.commands(application, scope)

    def edit(self, application: str, scope: str, action: str, **values: Any) -> Any:
        """Does what another hand would: `create`, `patch`, `delete`, `replace`, without limits.

        `command` is the body. A command to patch or delete is named by `id`, or by `type` and `name`.
        """
        with self._thread, self._store.locked():
            self._world.refresh()
            return control.edit(Commands(self._world, application, scope, counted=False), action, values)

    def set_permissions(self, application: str, guild: str, command: str, rules: list[Mapping[str, Any]]) -> None:
        """Sets a command's overwrites as a server owner would."""
        with self._thread, self._store.locked():
            store_rules(self._world, application, guild, command, [dict(rule) for rule in rules])

    def permissions(self, application: str) -> dict[str, dict[str, Any]]:
        """All overwrites by guild, then by command id."""
        with self._thread, self._store.locked():
            return self._world.permissions(application)

    def log(self) -> list[Seen]:
        """The latest requests of this process, oldest first; control calls are not in it."""
        with self._thread:
            return list(self._log)

    def clear_log(self) -> None:
        """Forgets the requests seen."""
        with self._thread:
            self._log.clear()

    def close(self) -> None:
        """Lets go of the state folder."""
        self._store.close()


__all__ = ["Request", "Response", "Sandbox", "Seen", "Settings", "answer"]
