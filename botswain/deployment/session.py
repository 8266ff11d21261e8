"""Everything one run works with: profile, records, and the connection to Discord."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from botswain.deployment import credentials
from botswain.deployment.phases import Phases
from botswain.deployment.records import Records
from botswain.discord.token import application_id_hint
from botswain.profile.load import load, read
from botswain.profile.settings import Profile
from botswain.state.folder import FolderStore

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from botswain.discord.client import DiscordClient
    from botswain.discord.oauth import ClientCredentials
    from botswain.targets.base import Target

WORKERS = 16
"""Scopes handled at a time; the pace is the rate limiter's business."""


def _silent(_message: str) -> None:
    """Progress that nobody watches."""


@dataclass
class Session:
    """One run's profile, records and (once `connect` was called) client."""

    profile: Profile
    records: Records
    say: Callable[[str], None] = field(default=_silent)
    """Progress for people, on stderr."""
    phases: Phases = field(init=False)
    """What took how long; only what concerns the service is timed."""

    def __post_init__(self) -> None:
        self.phases = Phases(self.say)

    @classmethod
    def open(
        cls,
        environment: str,
        say: Callable[[str], None] = _silent,
        *,
        records_only: bool = False,
        complete: bool = True,
    ) -> Session:
        """The session of a profile. Reads files only; for the records alone, the profile need not be deployable.

        With `complete=False` it may lack what is filled in later, such as the ids of guilds.
        """
        profile = read(environment) if records_only else load(environment, complete=complete)
        return cls(profile, open_records(profile), say)

    @cached_property
    def target(self) -> Target:
        """Where the profile's service runs: one for the whole run, so that what it saw is not looked at again."""
        from botswain.deployment.service import target_for

        return target_for(self.profile, self.say)

    @contextmanager
    def connect(self, recorded: str | None = None) -> Iterator[DiscordClient]:
        """A client of Discord; see `connected`."""
        with connected(self.profile, recorded) as client:
            yield client


@contextmanager
def connected(profile: Profile, recorded: str | None = None) -> Iterator[DiscordClient]:
    """A client with the profile's credentials, checked for being at home here as far as they themselves tell.

    Its application id is that of the client secret, or the bot token's hint if it agrees with what the profile or the
    manifest (`recorded`) says; else it is known only after `survey.identify`.
    """
    login = credentials.credentials(profile)
    from botswain.discord.client import DiscordClient

    transport = sandbox = None
    if profile.sandbox:
        from botswain.sandbox.app import Sandbox
        from botswain.sandbox.transport import SandboxTransport

        sandbox = Sandbox(sandbox_path(profile))
        transport = SandboxTransport(sandbox)
    if isinstance(login, str):
        hint = application_id_hint(login)
        application = hint if hint == (profile.application_id or recorded) else None
    else:
        application = login.application_id
    client = DiscordClient(
        token=login if isinstance(login, str) else _client_credentials(login),
        api="http://127.0.0.1/api/v10" if profile.sandbox else profile.api,
        application_id=application,
        requests_per_second=50 if profile.sandbox else profile.requests_per_second,
        transport=transport,
    )
    try:
        with client:
            yield client
    finally:
        if sandbox is not None:
            sandbox.close()


def _client_credentials(secret: credentials.ClientSecret) -> ClientCredentials:
    from botswain.discord.oauth import ClientCredentials

    return ClientCredentials(secret.application_id, secret.secret)


def open_records(profile: Profile) -> Records:
    """The records of a profile's environment, wherever it keeps them."""
    if profile.state.kind == "git":
        from botswain.state.git.store import GitStore

        store = GitStore(profile.source.repo, profile.state.remote, profile.state.ref, profile.name)
        store.start()
        return Records(store, store.where, profile.name)
    return Records(FolderStore(profile.manifest_path), str(profile.manifest_path), profile.name)


def sandbox_path(profile: Profile) -> Path:
    """Where the embedded sandbox of a profile keeps its state."""
    return Path(".botswain/sandbox") / profile.name


def workers(tasks: int) -> ThreadPoolExecutor:
    """Threads for that many scopes."""
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(max_workers=max(1, min(WORKERS, tasks)))
