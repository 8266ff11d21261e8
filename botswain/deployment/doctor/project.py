"""What the project's files say: the profile, `.env`, the credentials, the sources and their commit."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from botswain.deployment import credentials
from botswain.deployment.doctor.look import Look, bad, failed, good, listed, warning
from botswain.deployment.doctor.machine import output
from botswain.deployment.wanted import Wanted
from botswain.errors import BotswainError, InvalidInput
from botswain.profile.load import gaps, load, names, read
from botswain.profile.settings import Profile
from botswain.secrets.environment import origin, prefix, set_names, unreadable, variable
from botswain.wording import many, nearest

_DOTENV = Path(".env")


def profile(found: Profile) -> Iterator[Look]:
    """What a readable profile lacks, and where it is at odds with others."""
    problems = gaps(found)
    try:
        load(found.name, complete=False)
    except InvalidInput as error:
        problems = [*error.problems, *problems]
    if problems:
        yield from failed("profile", InvalidInput(problems))
        return
    kind = "production" if found.production else "not production"
    where = "global" if found.global_ else many(len(found.guild_ids), "guild")
    yield good("profile", f"{found.file}: {where}, {kind}, {'sandbox' if found.sandbox else found.api}")


def dotenv() -> Iterator[Look]:
    """Whether the file with the secrets can be read, by its owner alone, and stays out of git."""
    if not _DOTENV.is_file():
        yield good(".env", "there is none; variables come from the environment alone")
        return
    found: list[Look] = []
    if problems := unreadable():
        found += failed(".env", InvalidInput(problems))
    mode = stat.S_IMODE(_DOTENV.stat().st_mode)
    if mode & 0o077:
        found.append(warning(".env", f"others on this machine may open it (mode {mode:03o})", "chmod 600 .env"))
    inside = output(["git", "rev-parse", "--is-inside-work-tree"]) is not None
    if inside and output(["git", "ls-files", "--error-unmatch", ".env"]) is not None:
        fix = "git rm --cached .env, add it to .gitignore, and reset every secret in it: history keeps them"
        found.append(bad(".env", "is in git, and so are its secrets", fix))
    elif inside and output(["git", "check-ignore", "-q", ".env"]) is None:
        found.append(
            warning(".env", "git does not ignore it; `git add .` would commit secrets", "add .env to .gitignore")
        )
    yield from found or [good(".env", "for its owner alone, and out of git")]


_KNOWN = ("TOKEN", "CLIENT_SECRET", "APPLICATION_ID", "GUILD_IDS")


def variables(environment: str) -> Iterator[Look]:
    """Whether every `DISCORD_<ENV>_…` of this environment is one that something reads; a misspelt one does nothing."""
    start = prefix(environment)
    longer = [one for name in names() if (one := prefix(name)).startswith(start) and one != start]
    unknown = [
        name
        for name in set_names()
        if name.startswith(start)
        and not name.startswith(tuple(longer))
        and name.removeprefix(start) not in _KNOWN
        and name not in _named_by(environment)
    ]
    for name in unknown:
        place = "environment" if name in os.environ else ".env"
        told = f"{name} ({place}) is set, and nothing reads a variable of this name"
        near = nearest(name, [start + one for one in _KNOWN]) or f"; known are {', '.join(_KNOWN)} after {start}"
        yield warning("variables", told, f"correct the name, or unset it{near}")
    if not unknown:
        yield good("variables", f"none of {start}… that nothing reads")


def _named_by(environment: str) -> frozenset[str]:
    """The variables that the profile's service takes its own secrets from."""
    try:
        service = read(environment).service
    except InvalidInput:
        return frozenset()
    return frozenset(service.secrets.values()) if service else frozenset()


def secrets(found: Profile) -> Iterator[Look]:
    """Whether the profile has credentials of a shape that may work."""
    start = prefix(found.name)
    try:
        credentials.credentials(found)
        name = credentials.variable_name(found)
    except BotswainError as error:
        yield from failed("credentials", error)
        return
    if variable(name) is None:
        yield good("credentials", "the sandbox needs none")
        return
    kind = "client secret" if name.endswith("SECRET") else "bot token"
    both = kind == "bot token" and variable(f"{start}CLIENT_SECRET") is not None
    also = f"; {start}CLIENT_SECRET is not used" if both else ""
    yield good("credentials", f"{kind} from {name} ({origin(name)}){also}")


def sources(found: Profile, want: Wanted) -> Iterator[Look]:
    """What readable sources hold."""
    if want.count:
        yield good("sources", f"{many(want.count, 'command')} from {found.source.path} ({found.source.kind})")
    else:
        fix = "check commands.folder and enabled_commands"
        yield warning("sources", f"no command in {found.source.path}; deploying that would clear what is ours", fix)
    for note in want.notes:
        yield warning("sources", note, "mend it, or leave it if that is meant")


def built_first(found: Profile) -> bool:
    """Whether a deployment will build what is not installed here: nothing runs yet, and the profile says how."""
    from botswain.deployment.service import target_for

    service = found.service
    if service is None or service.target != "local" or not service.build:
        return False
    return target_for(found).state().release is None


def registration(found: Profile) -> Iterator[Look]:
    """Whether the bot writes its commands itself when it starts."""
    from botswain.profile.init.registers import registrations

    places = [one for one in registrations(found.source.repo) if not one.by_hand]
    if places:
        told = f"the bot writes commands itself: {listed([str(one) for one in places], 3)}"
        yield warning("registration", told, "take it out: two writers undo each other, or make duplicates")


def commit(found: Profile) -> Iterator[Look]:
    """Whether the definitions are in a commit."""
    from botswain.deployment.checkout import checkout

    sha = checkout(found).sha
    if sha is None:
        yield good("commit", f"{found.source.path} is in no commit; a sandbox may deploy that")
    elif sha.endswith("+dirty"):
        yield good("commit", f"{sha[:12]} with changes; a sandbox may deploy that")
    else:
        yield good("commit", sha[:12])
