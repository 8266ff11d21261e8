"""All sessions of this process: who may log in, who is told what, who can resume."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any

from botswain.sandbox.auth import application_of
from botswain.sandbox.community import guilds, people
from botswain.sandbox.gateway import requests
from botswain.sandbox.gateway.codes import ALL_INTENTS, GOODBYE, PRIVILEGED, SESSION_ENDS, Close, Intent, Op
from botswain.sandbox.gateway.session import Session
from botswain.sandbox.starts import spend, start_limit

if TYPE_CHECKING:
    from botswain.sandbox.gateway.connection import Connection
    from botswain.sandbox.world import World


class Hub:
    """The gateway of one world. The caller holds the world's lock."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._connections: set[Connection] = set()
        self._sessions: dict[str, Session] = {}
        self._identified: dict[tuple[str, int], float] = {}
        """When a bucket of shards of an application last identified."""
        self._counts: dict[str, Counter[str]] = {}

    @property
    def heartbeat_interval(self) -> int:
        """Milliseconds."""
        return self._world.settings.heartbeat_interval

    def attach(self, connection: Connection) -> None:
        """A client connected."""
        self._connections.add(connection)

    def detach(self, connection: Connection, code: int, *, by_client: bool) -> None:
        """A connection ended: its session ends with it, or waits for a RESUME."""
        self._connections.discard(connection)
        session, connection.session = connection.session, None
        if session is None:
            return
        session.connection, session.lost = None, self._world.now()
        if code in (GOODBYE if by_client else SESSION_ENDS):
            self._sessions.pop(session.id, None)

    def identify(self, connection: Connection, data: dict[str, Any]) -> None:
        """Opcode 2."""
        application = self._admitted(data.get("token"))
        if not application:
            connection.close(Close.AUTHENTICATION_FAILED)
            return
        shard, intents = _shard(data.get("shard")), data.get("intents")
        problem = self._problem(application, shard, intents)
        if problem or shard is None:
            connection.close(problem or Close.INVALID_SHARD)
        elif self._too_fast(application, shard[0]):
            self._count(application)["rejected"] += 1
            connection.invalidate(resumable=False)
        elif self._world.settings.limits and not spend(self._world, application):
            self._exhausted(application, str(data["token"]), connection)
        else:
            self._count(application)["identifies"] += 1
            self._welcome(connection, application, shard, int(intents or 0), data)

    def _admitted(self, token: Any) -> str:
        if not isinstance(token, str) or self._world.refuses(token):
            return ""
        return application_of(token)

    def _problem(self, application: str, shard: tuple[int, int] | None, intents: Any) -> Close | None:
        settings = self._world.settings
        if shard is None:
            return Close.INVALID_SHARD
        if isinstance(intents, bool) or not isinstance(intents, int) or intents & ~ALL_INTENTS:
            return Close.INVALID_INTENTS
        if len(self._world.guilds(application)) > settings.guilds_per_shard * shard[1]:
            return Close.SHARDING_REQUIRED
        flags = self._flags(application)
        for intent, allowing in PRIVILEGED.items():
            if intents & intent and not (settings.privileged_intents or flags & allowing):
                return Close.DISALLOWED_INTENTS
        return None

    def _flags(self, application: str) -> int:
        flags = self._world.application(application).get("flags")
        return flags if isinstance(flags, int) else 0

    def _too_fast(self, application: str, shard: int) -> bool:
        settings, now = self._world.settings, self._world.now()
        bucket = (application, shard % settings.max_concurrency)
        last = self._identified.get(bucket)
        if settings.limits and last is not None and last <= now < last + settings.identify_seconds:
            return True
        self._identified[bucket] = now
        return False

    def _exhausted(self, application: str, token: str, connection: Connection) -> None:
        """One IDENTIFY too many: Discord ends every session and resets the token."""
        self._world.refuse_token(token, application)
        self._count(application)["token resets"] += 1
        connection.close(Close.AUTHENTICATION_FAILED)
        for session in self.sessions(application):
            if session.connection is not None:
                session.connection.close(Close.AUTHENTICATION_FAILED)
            self._sessions.pop(session.id, None)

    def _welcome(
        self, connection: Connection, application: str, shard: tuple[int, int], intents: int, data: dict[str, Any]
    ) -> None:
        world = self._world
        session = Session(os.urandom(16).hex(), application, *shard, intents, world.now(), connection)
        session.presence = data.get("presence")
        connection.session = self._sessions[session.id] = session
        known = [one for one in world.guilds(application) if session.serves(one)]
        ready = {
            "v": 10,
            "user": {**people.bot(application), "verified": True, "mfa_enabled": True, "email": None},
            "guilds": [{"id": one, "unavailable": True} for one in known],
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": connection.base,
            "application": {"id": application, "flags": self._flags(application)},
            "private_channels": [],
            "relationships": [],
            "presences": [],
            "user_settings": {},
            "_trace": ["sandbox"],
            **({"shard": list(shard)} if data.get("shard") is not None else {}),
        }
        session.push("READY", ready)
        for one in known:
            self._introduce(session, one)

    def resume(self, connection: Connection, data: dict[str, Any]) -> None:
        """Opcode 6: everything missed, then RESUMED; or opcode 9 when that cannot be."""
        self._forget_expired()
        application = self._admitted(data.get("token"))
        if not application:
            connection.close(Close.AUTHENTICATION_FAILED)
            return
        session, sequence = self._sessions.get(str(data.get("session_id"))), data.get("seq")
        if session is None or session.application != application:
            self._count(application)["rejected"] += 1
            connection.invalidate(resumable=False)
        elif isinstance(sequence, bool) or not isinstance(sequence, int) or not 0 <= sequence <= session.sequence:
            connection.close(Close.INVALID_SEQ)
        elif (missed := session.missed(sequence)) is None:
            self._sessions.pop(session.id)
            connection.invalidate(resumable=False)
        else:
            if session.connection is not None:
                session.connection.close(Close.UNKNOWN_ERROR)
            session.connection, connection.session, session.lost = connection, session, 0.0
            session.resumes += 1
            self._count(application)["resumes"] += 1
            for text in missed:
                connection.send(text)
            session.push("RESUMED", {"_trace": ["sandbox"]})

    def request(self, session: Session, op: Op, data: dict[str, Any]) -> None:
        """What a bot asks for once it is logged in."""
        requests.answer(self._world, session, op, data)

    def dispatch(self, application: str, event: str, data: Any, *, guild: str | None = None, intent: int = 0) -> int:
        """Tells every session that the event is for; how many of them are connected."""
        self._forget_expired()
        told = 0
        for session in self.sessions(application):
            if session.serves(guild) and (not intent or session.intents & intent):
                told += session.push(event, data)
        return told

    def introduce(self, application: str, guild: str) -> None:
        """Makes sure that the sessions know a guild."""
        for session in self.sessions(application):
            if session.serves(guild) and guild not in session.guilds:
                self._introduce(session, guild)

    def guild_changed(self, guild: str) -> None:
        """A guild was opened, described anew, or closed."""
        for session in list(self._sessions.values()):
            if not session.serves(guild):
                continue
            if self._world.guild(guild) == "open":
                self._introduce(session, guild)
            elif guild in session.guilds:
                session.guilds.remove(guild)
                session.push("GUILD_DELETE", {"id": guild})

    def _introduce(self, session: Session, guild: str) -> None:
        if session.intents & Intent.GUILDS:
            session.guilds.add(guild)
            session.push("GUILD_CREATE", guilds.created(self._world, session.application, guild))

    def sessions(self, application: str = "", shard: int | None = None) -> list[Session]:
        """The sessions, of one application and one shard if those are given."""
        return [
            one
            for one in self._sessions.values()
            if application in {"", one.application} and shard in {None, one.shard}
        ]

    def invalidate(self, session: Session, *, resumable: bool) -> None:
        """Opcode 9 to a connected session."""
        if (connection := session.connection) is None:
            return
        if not resumable:
            self._sessions.pop(session.id, None)
            session.connection = connection.session = None
        connection.invalidate(resumable=resumable)

    def close_all(self, code: int | None) -> None:
        """Closes every connection with a code, or cuts them without."""
        for connection in list(self._connections):
            if code is None:
                connection.drop()
            else:
                connection.close(code)

    def applications(self) -> list[str]:
        """Those with a session, and those that identified before."""
        return sorted({*(one.application for one in self._sessions.values()), *self._counts}, key=int)

    def described(self) -> dict[str, Any]:
        """What a control call tells."""
        self._forget_expired()
        sessions = [
            {
                "application_id": one.application,
                "shard": [one.shard, one.shards],
                "connected": one.connection is not None,
                "since": one.since,
                "resumes": one.resumes,
                "sequence": one.sequence,
                "intents": one.intents,
                "guilds": sorted(one.guilds, key=int),
            }
            for one in self._sessions.values()
        ]
        applications = {
            one: {**vars(start_limit(self._world, one)), **_counted(self._count(one))} for one in self.applications()
        }
        return {
            "down": self._world.down,
            "connections": len(self._connections),
            "sessions": sessions,
            "applications": applications,
        }

    def _count(self, application: str) -> Counter[str]:
        return self._counts.setdefault(application, Counter())

    def _forget_expired(self) -> None:
        now = self._world.now()
        for session in [one for one in self._sessions.values() if one.expired(now)]:
            del self._sessions[session.id]


def _counted(counts: Counter[str]) -> dict[str, int]:
    return {
        "identifies": counts["identifies"],
        "rejected": counts["rejected"],
        "resumes": counts["resumes"],
        "token_resets": counts["token resets"],
    }


def _shard(value: Any) -> tuple[int, int] | None:
    """The shard and how many there are; one of one unless said otherwise; None for what is no shard."""
    if value is None:
        return 0, 1
    if not (isinstance(value, list) and len(value) == 2 and all(type(one) is int for one in value)):
        return None
    return (value[0], value[1]) if 0 <= value[0] < value[1] else None
