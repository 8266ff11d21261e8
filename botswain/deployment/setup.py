"""`init`: the files of a new environment. What is there already is left alone, or is in git before it is replaced."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botswain.deployment import git
from botswain.errors import BotswainError, InvalidInput, Refused
from botswain.profile.init.adapter import NAME
from botswain.profile.init.text import Answers, example_variables, inventory_text, profile_text
from botswain.profile.load import FOLDER, check, gaps, names, parsed, read, with_variables
from botswain.profile.settings import Profile
from botswain.state import atomic
from botswain.state.folder import FolderStore

EXAMPLE = Path(".env.example")
_SAMPLE = "examples/commands"
_CARRIED = frozenset(
    ["environment", "production", "global", "allow_global", "guild_ids", "owner_guild_ids", "application_id", "api",
     "repo", "commands", "state", "manifest_path"]
)  # fmt: skip
"""Fields of a replaced profile that are answered anew, or kept."""


@dataclass(frozen=True)
class Existing:
    """A profile that is there already."""

    profile: Profile
    fields: Mapping[str, Any]
    """As they stand in the file."""
    recorded: bool
    """Whether there are records of the environment on this machine, or shared ones."""

    @property
    def sample(self) -> bool:
        """Whether it is one of those that come with Botswain, with nothing deployed by it."""
        return self.profile.source.folder == _SAMPLE and not self.recorded

    def ids(self, name: str) -> tuple[str, ...]:
        """Ids that the file names, for a field; none of a sandbox, where they are made up."""
        value = self.fields.get(name) if not self.profile.sandbox else None
        return tuple(str(one) for one in (value if isinstance(value, list) else [value]) if one)


@dataclass(frozen=True)
class Setup:
    """What is to be written for a new environment."""

    profile: Profile
    files: tuple[tuple[Path, bytes], ...]
    folder: Path | None
    """A folder for definitions that is to be made."""
    to_fill_in: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())


def existing(environment: str) -> Existing | None:
    """The profile of that name, if there is one. Raises InvalidInput for one that cannot be read."""
    from botswain.documents import read_yaml

    path = FOLDER / f"{environment}.yaml"
    if not path.exists():
        return None
    data = path.read_bytes()
    profile = parsed(path, data)
    fields = read_yaml(data.decode(), str(path))[0]
    shared = profile.state.kind == "git"
    return Existing(profile, fields, shared or bool(FolderStore(profile.manifest_path).names()))


def may_replace(environment: str, *, replace: bool) -> None:
    """Raises Refused for a profile that is neither the sample as it came, nor to be replaced and kept by git."""
    there = existing(environment)
    path = FOLDER / f"{environment}.yaml"
    if there is None or there.sample:
        return
    if not replace:
        raise Refused("is there already", where=str(path), fix="edit it, or say --replace (git has to have it)")
    if not _committed(path):
        what = "would be lost: git does not have it as it is"
        raise Refused(what, where=str(path), fix="commit it first, or move it away")


def _committed(path: Path) -> bool:
    """Whether the commit that is checked out has the file just so."""
    try:
        kept = subprocess.run(["git", "cat-file", "-p", f"HEAD:./{path}"], capture_output=True, check=False, timeout=60)
    except FileNotFoundError:
        return False
    return kept.returncode == 0 and kept.stdout == path.read_bytes()


def remote_of(repo: Path) -> str | None:
    """The git remote on which the bot's repository can share records; None in Botswain's own checkout."""
    if repo.resolve() == Path.cwd().resolve():
        return None
    remotes = (git.answer(repo, "remote") or "").split()
    return "origin" if "origin" in remotes else next(iter(remotes), None)


def state_of(there: Existing | None, repo: Path) -> tuple[Mapping[str, str] | None, Mapping[str, Any]]:
    """Where records are to be kept, and fields to keep for it: where they are, or on the bot's remote."""
    if there is not None and there.recorded:
        profile = there.profile
        own = {"manifest_path": there.fields["manifest_path"]} if "manifest_path" in there.fields else {}
        if profile.state.kind == "folder":
            return None, own
        return {"remote": profile.state.remote, "ref": profile.state.ref}, own
    remote = remote_of(repo)
    return ({"remote": remote} if remote else None), {}


def setup(answers: Answers) -> Setup:
    """What to write for these answers. Raises InvalidInput when the profile could not be used beside the others."""
    path = FOLDER / f"{answers.environment}.yaml"
    there = existing(answers.environment)
    data = profile_text(answers).encode()
    profile = parsed(path, data)
    check(profile)
    files: list[tuple[Path, bytes]] = []
    notes: list[str] = []
    inventory = Path("inventories") / answers.environment / "hosts.yml"
    if inventory.exists():
        notes.append(f"{inventory} is there already, and is left as it is")
    else:
        files.append((inventory, inventory_text(answers.environment).encode()))
    present = EXAMPLE.read_text(encoding="utf-8") if EXAMPLE.exists() else ""
    if added := example_variables(answers, present):
        files.append((EXAMPLE, (present + added).encode()))
    if answers.proposal.adapter is not None:
        module = Path(answers.repo) / answers.member / NAME
        if module.exists():
            notes.append(f"{module} is there already, and is left as it is")
        else:
            files.append((module, answers.proposal.adapter.encode()))
    files.append((path, data))
    notes += answers.proposal.notes
    if there is not None:
        left = [name for name in there.fields if name not in _CARRIED]
        if left and not there.sample:
            notes.append(f"the old profile also said {', '.join(left)}; git show HEAD:{path} has it")
    source = profile.source
    folder = source.path if source.kind == "folder" and not source.path.exists() else None
    if not (source.repo / ".git").exists():
        notes.append(f"{source.repo} is no git repository; what reaches Discord comes from a commit (git init)")
    missing = [f"{gap.path}: {gap.message}" for gap in gaps(with_variables(profile))]
    lacking = answers.service.missing if answers.service is not None and answers.runs else ()
    if answers.runs and answers.service is None:
        lacking = ("service: say what starts the bot (docs/service.md); its language is not known here",)
    return Setup(profile, tuple(files), folder, (*missing, *answers.proposal.missing, *lacking), tuple(notes))


def write(made: Setup) -> None:
    """Writes all of it; the profile last, so that an environment that can be seen is whole. Raises BotswainError."""
    atomic.replace_files(made.files)
    if made.folder is not None:
        with atomic.explained(made.folder, "make it"):
            atomic.make_folder(made.folder)


def check_repo(repo: Path) -> None:
    """Raises BotswainError when the bot's repository is not there."""
    if not repo.is_dir():
        what = "is not a folder" if repo.exists() else "there is no such folder"
        raise BotswainError(what, where=f"--repo {repo}", fix="name the folder of the bot's repository")


def ports_taken(environment: str) -> frozenset[int]:
    """The ports of the bots of other environments, which may run on this machine, too."""
    found: set[int] = set()
    for name in names():
        with suppress(InvalidInput, BotswainError):
            service = read(name).service if name != environment else None
            if service is not None:
                urls = (service.health.alive, service.health.ready)
                ports = (service.port, service.environment.get("PORT"), *(url and urlsplit(url).port for url in urls))
                found |= {int(one) for one in ports if one and str(one).isdecimal()}
    return frozenset(found)


def other_repo() -> str | None:
    """The repository that the other profiles name, if they agree on one that is not this project."""
    found = set()
    for name in names():
        try:
            found.add(str(read(name).source.repo))
        except InvalidInput:
            continue
    found.discard(".")
    return found.pop() if len(found) == 1 else None
