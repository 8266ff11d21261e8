"""Which folder of the bot's repository is the bot, for `init`: given, the only one that looks like it, or asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botswain.deployment import git
from botswain.errors import BotswainError
from botswain.profile.init import node, python
from botswain.profile.init.service import ServiceProposal, propose_service
from botswain.profile.init.workspaces import bots, shares_lock
from botswain.wording import listed

if TYPE_CHECKING:
    from botswain.deployment.answers import Asker, Given


def package_of(given: Given, repo: str, asker: Asker) -> tuple[str, str]:
    """The repository, and the bot's folder in it; empty where the whole repository is the bot. Raises BotswainError."""
    top, inside = _top(Path(repo))
    if given.folder is not None:
        folder = given.folder.strip("/").removeprefix("./")
        if not (Path(repo) / folder).is_dir():
            what = f"there is no folder {folder} in {repo}"
            raise BotswainError(what, where="--folder", fix="name the bot's folder, as seen from the repository")
        return repo, "" if folder == "." else folder
    if inside:
        asker.tell(f"{repo}: a folder of the repository {top}")
        return top, inside
    here = Path(repo)
    found = [] if node.is_bot(here) or python.is_bot(here) else bots(here)
    if not found:
        return repo, ""
    if len(found) == 1:
        asker.tell(f"{repo}: the bot is in {found[0]}")
        return repo, found[0]

    def wrong(text: str) -> str | None:
        return None if text in found else f"one of {', '.join(found)}"

    chosen = asker.value(f"Which package is the bot ({', '.join(found)})", "", wrong)
    if chosen:
        return repo, chosen
    what = f"several packages look like a bot: {listed(found)}"
    raise BotswainError(what, where=f"--repo {repo}", fix=f"name one of them, such as --folder {found[0]}")


def _top(repo: Path) -> tuple[str, str]:
    """The repository above a folder, and the folder in it; the folder itself and nothing where it is a repository."""
    if (repo / ".git").exists() or repo.resolve() == Path.cwd().resolve():
        return str(repo), ""
    found = git.answer(repo, "rev-parse", "--show-prefix")
    inside = (found or "").strip().strip("/")
    if not inside or Path.cwd().resolve().is_relative_to(repo.resolve().parents[len(Path(inside).parts) - 1]):
        return str(repo), ""
    above = Path(*[".."] * len(Path(inside).parts))
    plain = repo.parts[: -len(Path(inside).parts)]
    same = ".." not in repo.parts[-len(Path(inside).parts) :] and bool(plain)
    return str(Path(*plain) if same else repo / above), inside


def service_of(repo: Path, member: str, taken: frozenset[int]) -> ServiceProposal | None:
    """How the bot would be run: by the lock file of the repository where its packages share one."""
    if not member or shares_lock(repo, member):
        return propose_service(repo, taken, member)
    found = propose_service(repo / member, taken)
    if found is None:
        return None
    fields: Mapping[str, Any] = {"folder": member, **found.fields}
    return replace(found, fields=fields)
