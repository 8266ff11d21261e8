"""Runs git for the records: no hooks, no questions where nobody sits, an end to each, no password in what it says.

`start` is the one place where a git process begins.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from botswain.errors import BotswainError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PATIENCE = 60.0
"""Seconds that one conversation with a remote may take."""
PATIENCE_WITH_A_PERSON = 180.0
"""The same where git may ask somebody for a passphrase meanwhile."""
_LOCAL = 60.0
"""Seconds that anything else may take."""
_CONNECT = 10
"""Seconds for a connection of ssh to come about."""
_TURN = 90.0
"""Seconds to wait for other processes of this clone."""

_FORGET = re.compile(
    r"GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|COMMON_DIR|NAMESPACE|PREFIX"
    r"|IMPLICIT_WORK_TREE|SHALLOW_FILE|GRAFT_FILE|QUARANTINE_PATH|REPLACE_REF_BASE|CURL_VERBOSE|TRACE\w*)"
    r"|DISCORD_\w+"
)
"""Variables that would lead git elsewhere or make it talk, and secrets that are none of its business."""
_ALWAYS = (
    "-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", "-c", "maintenance.auto=false",
    "-c", "push.gpgSign=false", "-c", "log.showRoot=true", "-c", "advice.detachedHead=false",
)  # fmt: skip
_PASSWORD = re.compile(r"(\w+://)[^/@\s]+@")


@dataclass(frozen=True)
class Ended:
    """A git process that has ended."""

    code: int
    out: bytes
    err: str
    """Without passwords."""
    late: bool = False
    """Whether it took too long, and was stopped."""

    @property
    def reason(self) -> str:
        """Why it failed, in one line of git's own words."""
        if self.late:
            return "it took too long to answer"
        lines = [line.strip() for line in self.err.splitlines() if line.strip()]
        found = [line for line in lines if re.match(r"fatal:|error:|ssh:|remote: (error|fatal)", line)] or lines[-1:]
        if not found:
            return f"git ended with {self.code}"
        first = next((line for line in found if not line.startswith("fatal: Could not read from remote")), found[0])
        named = [
            line for line in lines if re.search(r"Permission denied|Host key verification|Could not resolve", line)
        ]
        return re.sub(r"^(fatal|error|remote: error|remote: fatal): ", "", named[0] if named else first).rstrip(".")


class Git:
    """The git of one repository. Nothing runs before it is needed."""

    def __init__(self, repo: Path) -> None:
        self.repo = repo
        self._folder = repo.absolute()  # whoever asks may be elsewhere by then
        self._person = os.isatty(0) and os.isatty(2)

    def run(self, *arguments: str, data: bytes | None = None, remote: bool = False) -> Ended:
        """Run git to its end. Raises BotswainError when there is no git; that it fails is the caller's to judge."""
        process = self.start(*arguments, remote=remote)
        patience = (PATIENCE_WITH_A_PERSON if self._person else PATIENCE) if remote else _LOCAL
        late = False
        try:
            out, err = process.communicate(data, timeout=patience)
        except subprocess.TimeoutExpired:
            late = True
            self._stop(process)
            out, err = b"", b""
        except BaseException:
            self._stop(process)
            raise
        return Ended(process.returncode, out, _clean(err.decode("utf-8", "replace")), late)

    def start(self, *arguments: str, remote: bool = False) -> subprocess.Popen[bytes]:
        """Start git with pipes on all sides."""
        return start(
            ["git", *_ALWAYS, *arguments], self._folder, self._environment(remote=remote), own=not self._person
        )

    def _stop(self, process: subprocess.Popen[bytes]) -> None:
        """Stop a process with all that it started; with a person there it shares our group, and its pipes end it."""
        with contextlib.suppress(OSError):
            if self._person:
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        process.wait()

    def _environment(self, *, remote: bool) -> dict[str, str]:
        known = {name: value for name, value in os.environ.items() if not _FORGET.fullmatch(name)}
        known |= {"LC_ALL": "C", "LANGUAGE": "C", "GIT_NO_REPLACE_OBJECTS": "1", "GIT_OPTIONAL_LOCKS": "0"}
        if not self._person:
            known["GIT_TERMINAL_PROMPT"] = "0"
        if remote and not ({"GIT_SSH", "GIT_SSH_COMMAND"} & known.keys() or self.config("core.sshcommand")):
            batch = "" if self._person else " -o BatchMode=yes"
            known["GIT_SSH_COMMAND"] = f"ssh -o ConnectTimeout={_CONNECT}{batch}"
        return known

    @cached_property
    def _config(self) -> dict[str, str]:
        keys = r"^(user\.(name|email)|core\.sshcommand|remote\..*\.url)$"
        found = self.run("config", "-z", "--get-regexp", keys).out.decode("utf-8", "replace")
        return dict(entry.partition("\n")[::2] for entry in found.split("\0") if entry)

    def config(self, key: str) -> str:
        """Return a setting of git, of the few that matter here; empty when it is not set."""
        return self._config.get(key, "")

    @cached_property
    def folder(self) -> Path:
        """The folder that all work trees of this clone share. Raises BotswainError outside a repository."""
        found = self.run("rev-parse", "--git-common-dir")
        if found.code:
            fix = "`state: git` keeps records beside the bot's code: see `repo` in the profile, or `git init`"
            what = "is no git repository" if "not a git repository" in found.err else f"git: {found.reason}"
            raise BotswainError(what, where=str(self.repo), fix=fix)
        return self._folder / os.fsdecode(found.out.rstrip(b"\n"))

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Keep other processes of this clone out meanwhile. Raises BotswainError when they go on for too long."""
        import fcntl
        import time

        path = self.folder / "botswain.lock"
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            fix = "let this user write there"
            raise BotswainError(f"cannot be opened: {error.strerror}", where=str(path), fix=fix) from None
        try:
            end = time.monotonic() + _TURN
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= end:
                        what = "another process of this clone has been talking to the remote for too long"
                        raise BotswainError(what, where=str(path), fix="see what hangs, then try again") from None
                    time.sleep(0.01)
            yield
        finally:
            os.close(descriptor)

    @property
    def identity(self) -> str:
        """Who commits: the user's git identity where there is one."""
        name = os.environ.get("GIT_COMMITTER_NAME") or self.config("user.name")
        email = os.environ.get("GIT_COMMITTER_EMAIL") or self.config("user.email")
        if not (name and email):
            name, email = "Botswain", "botswain@localhost"
        return f"{_plain(name)} <{_plain(email)}>"


def start(command: Sequence[str], folder: Path, environment: dict[str, str], *, own: bool) -> subprocess.Popen[bytes]:
    """Start a process in a folder; `own` gives it a session, so that it can be stopped with all of its children."""
    try:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=own,
        )
    except FileNotFoundError:
        if folder.is_dir():
            raise BotswainError("git is not installed", where=str(folder), fix="sudo apt install git") from None
        fix = "`repo` in the profile names the bot's repository"
        raise BotswainError("there is no such folder", where=str(folder), fix=fix) from None


def _plain(text: str) -> str:
    return re.sub(r"[<>\r\n\0]", "", text).strip()


def _clean(text: str) -> str:
    from botswain.secrets import redaction

    return redaction.clean_text(_PASSWORD.sub(r"\1…@", text)) if text else text


def without_password(remote: str) -> str:
    """Name a remote for people."""
    return _PASSWORD.sub(r"\1", remote)
