"""A small project in a temporary folder: profiles, commands, records, and the sandbox that stands for Discord."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botswain.audit.log import AuditLog
from botswain.cli.show import plan_lines, result_lines
from botswain.cli.style import Paint
from botswain.commands.canonical import canonical, key
from botswain.deployment import deploy, rollback
from botswain.deployment.run import Options, preview
from botswain.deployment.session import Session, sandbox_path
from botswain.deployment.transaction import holds
from botswain.deployment.wanted import Wanted, wanted
from botswain.discord import http
from botswain.sandbox.app import Sandbox
from botswain.sandbox.transport import SandboxTransport
from botswain.state.folder import FolderStore
from botswain.state.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import httpx
    import pytest

    from botswain.deployment.result import Result
    from botswain.plan import Plan

REPO = Path(__file__).resolve().parents[1]
APPLICATION = "100000000000000001"
OTHER_APPLICATION = "100000000000000002"
GUILDS = ("200000000000000001", "200000000000000002", "200000000000000003")
STRANGER = {"name": "stranger", "description": "Another bot library registered this"}


@dataclass
class Someone:
    """A person who answers every question alike, and remembers what was shown and asked."""

    answer: bool = True
    shown: list[Plan] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)

    def see(self, plan: Plan) -> None:
        """Remembers the plan."""
        self.shown.append(plan)

    def confirm(self, question: str) -> bool:
        """Remembers the question, and answers."""
        self.questions.append(question)
        return self.answer

    def finished(self, result: Result) -> None:
        """Hears nothing new: whoever started the run gets the result, too."""


class Project:
    """The current folder as a project with an embedded sandbox."""

    def __init__(self, folder: Path, environment: str = "dev") -> None:
        self.folder = folder
        self.environment = environment
        self.sandbox = Sandbox(folder / sandbox_path(_Named(environment)))
        self.said: list[str] = []
        """Progress of all runs so far."""
        self.person = Someone()
        self.requests: list[tuple[str, str]] = []
        """Method and path of what this process asked of Discord."""
        self._surprises: list[list[Any]] = []
        self.sandbox.configure(limits=False)

    # What the project wants.

    def profile(self, environment: str | None = None, **fields: Any) -> None:
        """Writes a profile: the embedded sandbox and three guilds, unless `fields` say otherwise."""
        name = environment or self.environment
        known = {"environment": name, "api": "sandbox", "application_id": APPLICATION, "guild_ids": GUILDS}
        (self.folder / "profiles").mkdir(exist_ok=True)
        text = json.dumps({one: value for one, value in {**known, **fields}.items() if value is not None})
        (self.folder / f"profiles/{name}.yaml").write_text(text)

    def commands(self, **descriptions: str) -> None:
        """Makes these the commands that are wanted, by name and description."""
        folder = self.folder / "commands"
        folder.mkdir(exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        for name, description in descriptions.items():
            self.define(name, description=description)

    def define(self, name: str, **fields: Any) -> None:
        """Writes one command definition."""
        (self.folder / f"commands/{name}.json").write_text(json.dumps({"name": name, **fields}))

    # What is live.

    def raw(self, scope: str = GUILDS[0]) -> list[dict[str, Any]]:
        """The commands of a scope as the sandbox stores them."""
        return self.sandbox.commands(APPLICATION, scope)

    def live(self, scope: str = GUILDS[0]) -> dict[str, str]:
        """What is live in a scope: descriptions by name, those of other hands left out."""
        return {one["name"]: one["description"] for one in self.raw(scope) if one["name"] != STRANGER["name"]}

    def everywhere(self) -> dict[str, str]:
        """What is live in all three guilds, which must agree."""
        first, *others = (self.live(guild) for guild in GUILDS)
        assert others == [first, first]
        return first

    def ids(self, scope: str = GUILDS[0]) -> dict[str, str]:
        """The ids of a scope's commands by name."""
        return {one["name"]: one["id"] for one in self.raw(scope)}

    def edit(self, action: str, name: str, scope: str = GUILDS[0], **command: Any) -> None:
        """Does what other hands would: create, patch or delete."""
        values: dict[str, Any] = {"name": name} if action != "create" else {}
        self.sandbox.edit(APPLICATION, scope, action, command={"name": name, **command}, **values)

    def when(
        self, method: str, path: str, do: Callable[[], httpx.Response | None], *, skip: int = 0, count: int = 1
    ) -> None:
        """Has something happen as a request of this process reaches Discord; a response it returns is the answer."""
        self._surprises.append([method, path, do, skip, count])

    def _meet(self, request: httpx.Request) -> httpx.Response | None:
        self.requests.append((request.method, request.url.path))
        for surprise in list(self._surprises):
            method, path, do, skip, count = surprise
            if method != request.method or path not in request.url.path:
                continue
            surprise[3] -= 1
            if skip <= 0:
                surprise[4] -= 1
                if count == 1:
                    self._surprises.remove(surprise)
                return do()
        return None

    def puts(self) -> list[str]:
        """The scopes that this process wrote to so far, in order."""
        return [path.split("/")[-2] for method, path in self.requests if method == "PUT"]

    # What is done, in this process.

    def session(self) -> Session:
        """A session whose progress is remembered in `said`."""
        return Session.open(self.environment, self.said.append)

    def deploy(self, **options: Any) -> Result:
        """Runs a deployment. Everything but clearing and large deletions is agreed to."""
        return deploy.deploy(self.session(), self._options(options), self.person)

    def rollback(self, to: str | None = None, **options: Any) -> Result:
        """Runs a rollback. Deletions are agreed to, unless `allow_delete` says how many."""
        edits = bool(options.pop("with_edits", False))
        agreed = self._options({"allow_delete": 99, **options})
        return rollback.rollback(self.session(), agreed, self.person, to, with_edits=edits)

    @staticmethod
    def _options(options: Mapping[str, Any]) -> Options:
        return replace(Options(yes=True), **options)

    def diff(self) -> Result:
        """The plan, as `diff` makes it."""
        session = self.session()
        return preview(session, wanted(session.profile), "diff")

    def drift(self) -> Result:
        """What `drift` finds."""
        session = self.session()
        manifest = session.records.manifest()
        assert manifest is not None
        want = Wanted({scope: record.commands for scope, record in manifest.scopes.items()})
        return preview(session, want, "drift")

    # What is done by another process.

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Starts a task as `./inv` does; its environment is `dev`."""
        return subprocess.Popen(
            [sys.executable, "-m", "botswain.cli", "--search-root", str(REPO), arguments[0],
             "--env", self.environment, *arguments[1:]],
            cwd=self.folder, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(REPO), **variables},
        )  # fmt: skip

    # What is stored.

    def store(self) -> FolderStore:
        """The store of the project's records."""
        return FolderStore(self.folder / f"manifests/{self.environment}.json")

    def last(self) -> Any:
        """The newest entry of the history."""
        return self.session().records.deployments()[0]

    def outcomes(self) -> list[str]:
        """How the deployments ended, oldest first."""
        return [str(entry.outcome) for entry in reversed(self.session().records.deployments())]

    def check(self) -> None:
        """Nothing is left lying about, nothing is locked, and what is recorded is what is live."""
        store, records = self.store(), self.session().records
        assert Journal(store).read() is None, "a journal is left"
        assert store.holder() is None, "the lock is held"
        assert AuditLog(store, self.environment).verify().findings == []
        assert not [path for path in self.folder.rglob("*") if path.name.endswith(".tmp")]
        manifest = records.manifest()
        for scope, record in manifest.scopes.items() if manifest else ():
            live = self.raw(scope)
            assert holds(scope, record.commands, (), live), f"{scope}: the record is not what is live"
            assert record.ids == {key(one): one["id"] for one in live if key(one) in record.commands}
            assert {canonical(one, scope)["name"] for one in record.commands.values()} <= self.ids(scope).keys()


@dataclass(frozen=True)
class _Named:
    name: str


def told(result: Result) -> str:
    """What a person reads at the end of a run."""
    return "\n".join(result_lines(result, Paint(enabled=False)))


def planned(result: Result) -> str:
    """The plan as a person reads it."""
    return "\n".join(plan_lines(result.plan, Paint(enabled=False)))


@contextlib.contextmanager
def project(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A project with three commands wanted in three guilds, where nothing is deployed yet; waits are short."""
    monkeypatch.chdir(folder)
    for name in [name for name in os.environ if name.startswith("DISCORD_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("BOTSWAIN_ACTOR", "anna@ship")
    hasten(monkeypatch.setattr)
    made = Project(folder)
    answer = SandboxTransport.handle_request

    def handle(transport: SandboxTransport, request: httpx.Request) -> httpx.Response:
        return made._meet(request) or answer(transport, request)

    monkeypatch.setattr(SandboxTransport, "handle_request", handle)
    made.profile()
    made.commands(ping="Is it awake?", ban="Bans a member", help="Shows help")
    yield made
    made.sandbox.close()


def hasten(replace_: Callable[[str, Any], None]) -> None:
    """Takes the politeness out of the client, which the sandbox needs as little as the tests."""
    limiter = http.RateLimiter
    replace_("botswain.discord.http.RateLimiter", lambda _pace, **rest: limiter(5000, **rest))
    replace_("botswain.discord.http.BACKOFF", 0.001)
    replace_("os.fsync", lambda _: None)
    replace_("botswain.deployment.transaction._LOOKS", (0.0, 0.01, 0.02, 0.03))
