"""What `init` has to know: given on the command line, asked on a terminal, or proposed from what is there."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from botswain.deployment.packages import package_of, service_of
from botswain.deployment.setup import Existing, check_repo, existing, other_repo, ports_taken, state_of
from botswain.errors import BotswainError, InvalidInput, Problem
from botswain.profile.init.proposal import Proposal, bots_in, propose
from botswain.profile.init.text import Answers
from botswain.wording import shown

SOURCES = ("folder", "discord.js", "discord.py", "program")
_ENVIRONMENT = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_ID = re.compile(r"[1-9][0-9]{14,19}")
_PRODUCTION = frozenset(["prod", "production", "live"])


@dataclass(frozen=True)
class Given:
    """What the command line says; None stands for nothing."""

    environment: str
    repo: str | None = None
    application_id: str | None = None
    guild_ids: tuple[str, ...] | None = None
    production: bool = False
    source: str | None = None
    service: bool = False
    """Whether Botswain is to run the bot."""
    folder: str | None = None
    """The bot's folder in a repository of several packages."""


class Asker(Protocol):
    """Somebody on a terminal."""

    def value(self, question: str, proposed: str, wrong: Callable[[str], str | None]) -> str:
        """An answer, the proposed one if nothing is typed; asked again as long as `wrong` has something to say."""

    def tell(self, text: str) -> None:
        """Says something between two questions."""


class Nobody:
    """Takes what is proposed."""

    def value(self, _question: str, proposed: str, _wrong: Callable[[str], str | None]) -> str:
        """The proposed answer."""
        return proposed

    def tell(self, _text: str) -> None:
        """Says nothing."""


def check_given(given: Given) -> None:
    """Raises InvalidInput for everything on the command line that cannot be used."""
    problems = []
    if not _ENVIRONMENT.fullmatch(given.environment):
        message = f"{shown(given.environment)} cannot name an environment; small letters, digits, - and _, such as prod"
        problems.append(Problem("--env", "", message))
    if given.source is not None and given.source not in SOURCES:
        problems.append(Problem("--source", "", f"must be one of {', '.join(SOURCES)}, not {shown(given.source)}"))
    for option, ids in (("--application-id", [given.application_id]), ("--guild-ids", given.guild_ids or ())):
        problems += [Problem(option, "", wrong) for one in ids if one is not None and (wrong := _wrong_id(one))]
    if problems:
        raise InvalidInput(problems)


def answer(given: Given, asker: Asker) -> Answers:
    """Everything that a new environment needs. Raises BotswainError for a repository that is not there."""
    check_given(given)
    there = existing(given.environment)
    repo, member = package_of(given, _repo(given, there, asker), asker)
    proposal = _source(given, Path(repo), asker, member)
    production = _production(given, there, asker)
    application = given.application_id or asker.value(
        "The application's id (Enter: fill it in later)",
        next(iter(there.ids("application_id")), "") if there else "",
        lambda text: _wrong_id(text) if text else None,
    )
    guilds = _guilds(given, there, asker, production=production)
    state, kept = state_of(there, Path(repo))
    return Answers(
        environment=given.environment,
        repo=repo,
        proposal=proposal,
        production=production,
        global_=guilds is None,
        application_id=application or None,
        guild_ids=guilds or (),
        owner_guild_ids=there.ids("owner_guild_ids") if there else (),
        state=state,
        kept=kept,
        service=service_of(Path(repo), member, ports_taken(given.environment)),
        runs=given.service,
        member=member,
    )


def _repo(given: Given, there: Existing | None, asker: Asker) -> str:
    ourselves = "the project of Botswain itself; name the folder of your bot, such as ../my-bot"

    def wrong(text: str) -> str | None:
        folder = Path(text).expanduser()
        if not folder.is_dir():
            return f"{text} is no folder"
        return f"{text} is {ourselves}" if folder.resolve() == Path.cwd().resolve() else None

    if given.repo is not None:
        repo = given.repo
    else:
        known = str(there.profile.source.repo) if there and not there.sample else other_repo()
        beside = [] if known else bots_in(Path(".."), but=Path())
        proposed = known or (str(beside[0]) if len(beside) == 1 else ".")
        repo = asker.value("The folder of the bot's repository", proposed, wrong)
        if (problem := wrong(repo)) is not None:  # nobody was asked
            raise BotswainError(problem, where="--repo", fix="--repo . if the bot does live here")
    repo = str(Path(repo).expanduser())
    check_repo(Path(repo))
    return repo


def _source(given: Given, repo: Path, asker: Asker, member: str) -> Proposal:
    proposal = propose(repo, given.source, member)
    asker.tell(f"{repo}: {proposal.found}")
    if given.source is not None:
        return proposal

    def wrong(text: str) -> str | None:
        return None if text in SOURCES else f"one of {', '.join(SOURCES)}"

    chosen = asker.value(f"Where its commands are defined ({', '.join(SOURCES)})", proposal.source, wrong)
    return proposal if chosen == proposal.source else propose(repo, chosen, member)


def _production(given: Given, there: Existing | None, asker: Asker) -> bool:
    if given.production:
        return True
    likely = there.profile.production if there else given.environment in _PRODUCTION
    words = {"y": True, "yes": True, "n": False, "no": False}
    text = asker.value(
        "Is this production (y or n)",
        "y" if likely else "n",
        lambda text: None if text.lower() in words else "y or n",
    )
    return words[text.lower()]


def _guilds(given: Given, there: Existing | None, asker: Asker, *, production: bool) -> tuple[str, ...] | None:
    """The guilds; None for global commands."""
    if given.guild_ids:
        return given.guild_ids
    known = there.ids("guild_ids") if there else ()
    everywhere = production and not known

    def wrong(text: str) -> str | None:
        if text == "global" and not production:
            return "a profile that is not production names its servers (allow_global in the file lifts that)"
        return None if text == "global" else next((told for one in _ids(text) if (told := _wrong_id(one))), None)

    question = "The servers that get the commands, by id, with commas"
    question += ", or global" if production else " (Enter: fill them in later)"
    text = asker.value(question, "global" if everywhere else ",".join(known), wrong)
    return None if text == "global" else _ids(text)


def _ids(text: str) -> tuple[str, ...]:
    return tuple(one for one in re.split(r"[\s,]+", text.strip()) if one)


def _wrong_id(text: str) -> str | None:
    return None if _ID.fullmatch(text) else f"must be a Discord id of 15 to 20 digits, not {shown(text)}"
