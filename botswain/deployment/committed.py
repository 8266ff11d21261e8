"""Commands in the bot's own code, read from the commit and not from the work tree.

Code may import any file beside it, also one that git ignores and that is in no commit. So it is read from a checkout of
the commit, with the dependencies that are installed in the work tree, its `.env`, and what the profile names as
`commands.uncommitted`. A `program` is run in the work tree: it may need what was compiled there.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from botswain.commands.sources.files import shown_path
from botswain.deployment import git
from botswain.deployment.past import Past, files_of
from botswain.deployment.uncommitted import listed
from botswain.deployment.wanted import wanted
from botswain.errors import BotswainError, InvalidInput, Problem

if TYPE_CHECKING:
    from botswain.deployment.wanted import Wanted
    from botswain.profile.settings import Profile

_DEPENDENCIES = ("node_modules/", ".venv/", "venv/", "__pycache__/", ".botswain", ".env")


def wanted_of_commit(profile: Profile, commit: str) -> Wanted:
    """What the code of a commit wants; of other sources, what the work tree has.

    Raises as `wanted` does, and names the files in no commit that the code may miss.
    """
    if profile.source.kind not in ("discord.js", "discord.py"):
        return wanted(profile)
    with files_of(profile.source, commit) as past:
        notes = _bring(profile, past)
        try:
            found = wanted(replace(profile, source=past.source))
        except InvalidInput as error:
            problems = [replace(one, file=_named(past, one.file)) for one in error.problems]
            hint = _hint(profile, commit)
            raise InvalidInput([*problems, Problem(profile.file, "commands", hint)] if hint else problems) from None
        except BotswainError as error:
            raise BotswainError(_named(past, error.what), where=_named(past, error.where), fix=error.fix) from None
        told = tuple(_named(past, one) for one in found.notes)
        left_out = tuple(replace(one, file=_named(past, one.file)) for one in found.left_out)
        return replace(found, notes=(*told, *notes), left_out=left_out)


def _bring(profile: Profile, past: Past) -> list[str]:
    """Copy what the profile names from the work tree: a link would lead the code there."""
    notes = []
    variables = past.source.repo / ".env"  # of the bot, and no code
    here = (profile.source.repo / variables.name).resolve()
    if here.is_file() and not variables.exists() and here != Path(".env").resolve():
        shutil.copyfile(here, variables)
    for name in profile.source.uncommitted:
        here, there = profile.source.repo / name, past.source.repo / name
        if not here.exists():
            what = "is not there, and commands.uncommitted names it"
            raise BotswainError(what, where=shown_path(here), fix="make it, or take it out of the profile")
        there.parent.mkdir(parents=True, exist_ok=True)
        if here.is_dir():
            shutil.copytree(here, there, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copy2(here, there)
        notes.append(f"{name} comes from the work tree (commands.uncommitted in {profile.file})")
    return notes


def _named(past: Past, text: str) -> str:
    """A text with the files of the checkout called as they are in the repository."""
    shown = shown_path(past.now.repo)
    prefix = "" if shown == "." else f"{shown}/"
    return text.replace(f"{past.source.repo}/", prefix).replace(str(past.source.repo), shown)


def _hint(profile: Profile, commit: str) -> str:
    told = git.run(profile.source.repo, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
    names = [one for one in told.stdout.split("\0") if one and not one.endswith(_DEPENDENCIES)]
    if not names:
        return ""
    return (
        f"its code is read from commit {commit[:12]}, which lacks what git ignores ({listed(names)}); commit what the"
        " code needs, build it in service.build, or name it in commands.uncommitted"
    )
