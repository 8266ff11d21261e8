"""A project of its own in a folder, and its command line: in this process, or as one of its own."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import subprocess
import sys
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import schemas
import yaml

ROOT = Path(__file__).resolve().parents[1]
APP = "100000000000000001"
OTHER_APP = "100000000000000002"
GUILD = "200000000000000001"
GUILD_2 = "200000000000000002"
MUTATING = {
    "deploy", "apply", "rollback", "import", "init", "lock.break", "manifest.restore", "state.pull", "state.accept",
    "state.restore", "service.start", "service.stop", "service.restart", "provision", "backup.run", "backup.accept",
    "backup.restore", "backup.schedule",
}  # fmt: skip


def token(application: str = APP, rest: str = "GplntD.kQ3v-Zr8_Yw2xT6mB1nC5dF9hJ4gL7pS0aEu") -> str:
    """A bot token as Discord makes them."""
    return f"{base64.urlsafe_b64encode(application.encode()).decode().rstrip('=')}.{rest}"


@dataclass(frozen=True)
class Ran:
    """How a command line ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document of stdout; fails when there is anything else there."""
        return json.loads(self.out)

    @property
    def told(self) -> list[str]:
        """The lines on stderr that start as failures do, without `botswain: `."""
        return [line.removeprefix("botswain: ") for line in self.err.splitlines() if line.startswith("botswain: ")]

    def __str__(self) -> str:
        return f"exit {self.code}\n{self.out}\n--- stderr\n{self.err}"


class Desk:
    """A folder with profiles and commands, where tasks are run."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment
        """What the tasks find in os.environ beside PATH."""
        for name in ("profiles", "commands"):
            (folder / name).mkdir()
        (folder / "tasks.py").write_text((ROOT / "tasks.py").read_text())

    def profile(self, name: str = "dev", **fields: Any) -> None:
        """Writes a profile; by default one with a guild of the embedded sandbox. None leaves a field out."""
        usual = {"environment": name, "api": "sandbox", "application_id": APP, "guild_ids": [GUILD]}
        written = {key: value for key, value in {**usual, **fields}.items() if value is not None}
        self.write(f"profiles/{name}.yaml", yaml.safe_dump(written, sort_keys=False))

    def production(self, name: str = "prod", **fields: Any) -> None:
        """Writes a profile of a global production environment of its own application."""
        usual = {"production": True, "global": True, "guild_ids": None, "application_id": OTHER_APP}
        self.profile(name, **{**usual, **fields})

    def write(self, name: str, text: str) -> Path:
        """Writes a file of the project."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def command(self, name: str = "ping", description: str = "Pong", **fields: Any) -> None:
        """Defines a slash command in a file of its own."""
        self.definition(f"{name}.json", {"name": name, "description": description, **fields})

    def commands(self, count: int) -> None:
        """Defines so many commands, c01, c02 and so on."""
        for number in range(1, count + 1):
            self.command(f"c{number:02}", f"Number {number}")

    def definition(self, file: str, definition: Any) -> None:
        """Writes a file of definitions."""
        self.write(f"commands/{file}", json.dumps(definition))

    def forget_commands(self) -> None:
        """Empties the commands folder."""
        for path in (self.folder / "commands").iterdir():
            path.unlink()

    def sandbox(self, environment: str = "dev") -> Any:
        """The double of Discord that the environment's profile embeds."""
        from botswain.sandbox.app import Sandbox

        return Sandbox(self.folder / ".botswain/sandbox" / environment)

    def live(self, scope: str = GUILD, environment: str = "dev", application: str = APP) -> dict[str, Any]:
        """What is live in a scope: the commands by name."""
        double = self.sandbox(environment)
        try:
            return {one["name"]: one for one in double.commands(application, scope)}
        finally:
            double.close()

    def edit(self, action: str, scope: str = GUILD, environment: str = "dev", **values: Any) -> None:
        """Does what other hands would."""
        double = self.sandbox(environment)
        try:
            double.edit(APP, scope, action, **values)
        finally:
            double.close()

    def state(self) -> dict[str, bytes]:
        """Everything below manifests/ and the sandbox's commands: what a dry run leaves as it is."""
        files = [*(self.folder / "manifests").rglob("*"), *(self.folder / ".botswain/sandbox").rglob("*")]
        return {str(path): path.read_bytes() for path in files if path.is_file() and path.name != "lock"}

    def inv(self, *arguments: str, stdin: Any = None) -> Ran:
        """Runs a command line in this process, as far from a terminal as a CI job."""
        import tasks
        from botswain.cli.program import program
        from botswain.secrets import environment, redaction

        environment._dotenv.cache_clear()
        redaction.default._names = {}
        out, err = io.StringIO(), io.StringIO()
        run = program()
        run.namespace = tasks.ns
        here = Path.cwd()
        with ExitStack() as stack:
            stack.callback(os.chdir, here)
            os.chdir(self.folder)
            stack.enter_context(mock.patch.dict(os.environ, self._variables(), clear=True))
            stack.enter_context(mock.patch("sys.stdin", stdin or io.StringIO()))
            stack.enter_context(redirect_stdout(out))
            stack.enter_context(redirect_stderr(err))
            redaction.install()
            code = 0
            try:
                run.run(["inv", *arguments])
            except SystemExit as end:
                code = int(end.code or 0)
            for stream in (sys.stdout, sys.stderr):
                stream.finish()
        ran = Ran(code, out.getvalue(), err.getvalue())
        if "--json" in arguments:
            schemas.check("result", ran.document)
        return ran

    def process(self, *arguments: str, **options: Any) -> Ran:
        """Runs a command line as a process of its own; `options` are subprocess.run's."""
        usual = {"stdin": subprocess.DEVNULL, "capture_output": True, "timeout": 60}
        settings: dict[str, Any] = {**self.where(), **usual, **options}
        done = subprocess.run(self.argv(*arguments), text=True, check=False, **settings)
        return Ran(done.returncode, done.stdout or "", done.stderr or "")

    def argv(self, *arguments: str) -> list[str]:
        """The command line of such a process."""
        return [sys.executable, "-m", "botswain.cli", *arguments]

    def where(self) -> dict[str, Any]:
        """The folder and the environment of such a process."""
        return {"cwd": self.folder, "env": {**self._variables(), "PYTHONPATH": str(ROOT)}}

    def _variables(self) -> dict[str, str]:
        names = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "XDG_STATE_HOME")
        kept = {name: os.environ[name] for name in names if name in os.environ}
        return {**kept, "BOTSWAIN_ACTOR": "tester", **self.environment}


def steady(text: str) -> str:
    """A text without what differs from run to run: deployment ids, times, seconds."""
    text = re.sub(r"\d{8}-\d{6}-[0-9a-f]{6}", "ID", text)
    text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+Z)?", "TIME", text)
    return re.sub(r"\d+\.\d s\b", "N s", text)


def refused(ran, *told, code=1):
    """A run that said exactly this, did nothing, and showed no traceback."""
    assert (ran.code, ran.told) == (code, list(told)), ran
    assert "Traceback" not in ran.out + ran.err
