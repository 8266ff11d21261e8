"""The tasks that bring a bot in: import, init."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botswain.cli.task import ask, dry, emit, environment, on_terminal, progress, task
from botswain.errors import BotswainError, ExitCode, Refused
from botswain.secrets.environment import prefix
from botswain.wording import many

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botswain.deployment.adoption import Adoption
    from botswain.deployment.setup import Setup
    from botswain.plan import Plan
    from botswain.profile.init.text import Answers


@task("import", guild="whose commands become the files, where guilds differ")
def import_(
    context: Any,
    env: str = "",
    guild: str = "",
    dry_run: bool = False,
    yes: bool = False,
    json: bool = False,
    debug: bool = False,
) -> ExitCode:
    """Adopt what is live: as definitions, and as deployed by Botswain.

    Writes files and records, and nothing to Discord. Afterwards diff is empty.
    """
    from botswain.deployment.adopt import adopt
    from botswain.deployment.run import Options
    from botswain.deployment.session import Session

    options = Options(dry_run=dry(context, dry_run=dry_run), yes=yes, interactive=on_terminal(json=json))
    session = Session.open(environment(env), progress)
    result = adopt(session, options, _Importer(json=json), guild or None)
    if options.dry_run:
        result = replace(result, notes=(*result.notes, *session.records.store.notes))
    if json:
        emit(result.to_json())
        return result.code
    from botswain.cli.show import result_lines
    from botswain.cli.style import paint_for

    for line in result_lines(result, paint_for(sys.stdout)):
        print(line)
    return result.code


class _Importer:
    """Whoever reads the terminal, or the log of a CI job."""

    def __init__(self, *, json: bool) -> None:
        self._json = json

    def see(self, plan: Plan) -> None:
        """Prints nothing: `foresee` has said it."""

    def foresee(self, found: Adoption) -> None:
        """Prints what becomes ours, and the files; with `--json` it is part of the document instead."""
        if not self._json:
            print(*_adoption_lines(found), sep="\n", flush=True)

    def confirm(self, question: str) -> bool:
        """Asks on the terminal; anything but yes is no."""
        return ask(question)

    def finished(self, result: object) -> None:
        """Prints nothing: an import is no rollback."""


def _adoption_lines(found: Adoption) -> Iterator[str]:
    """What would be adopted, guilds with the same together, and the files."""
    from botswain.deployment.adoption import places, some

    groups: dict[tuple[str, ...], list[str]] = {}
    for scope, names in found.adopted.items():
        groups.setdefault(names, []).append(scope)
    for names, scopes in groups.items():
        what = f"{many(len(names), 'live command')} to adopt ({some(names)})" if names else "nothing to adopt"
        yield f"{places(scopes)}  {what}"
    for path, _ in found.files:
        yield f"  + {path}"
    files = f" and {many(len(found.files), 'file')}" if found.files else ""
    yield f"Adopts {many(len(found.commands), 'command')}{files}; writes nothing to Discord."


@task(
    repo="the folder of the bot's repository, such as ../my-bot",
    application_id="the application's id, from the Developer Portal",
    guild_ids="the servers that get the commands, by id, with commas",
    production="this is production, whatever it is called",
    source="where commands are defined: folder, discord.js, discord.py or program",
    replace="replace a profile that git has as it is",
    folder="the bot's folder in a repository of several packages, such as packages/bot",
    service="have Botswain build and run the bot, too: write that section in use, not as comments",
)
def init(
    context: Any,
    env: str = "",
    repo: str = "",
    application_id: str = "",
    guild_ids: str = "",
    production: bool = False,
    source: str = "",
    service: bool = False,
    folder: str = "",
    replace: bool = False,
    dry_run: bool = False,
    yes: bool = False,
    json: bool = False,
    debug: bool = False,
) -> None:
    """Set up an environment: a profile, an inventory, and its variables in .env.example.

    Looks at the bot's repository, without running it, and asks on a terminal for what was not given.
    """
    from botswain.deployment.answers import Given, Nobody, answer, check_given
    from botswain.deployment.setup import may_replace, setup, write

    if not env:
        raise BotswainError("no environment given", fix="say --env and its name, such as prod, stage or dev")
    guilds = tuple(one for one in guild_ids.replace(",", " ").split() if one) or None
    given = Given(
        env, repo or None, application_id or None, guilds, production, source or None, service, folder or None
    )
    dry_run = dry(context, dry_run=dry_run)
    check_given(given)
    notes: list[str] = []
    try:
        may_replace(env, replace=replace)
    except Refused as error:
        if not dry_run:
            raise
        notes.append(f"without --dry-run it would be refused: {error}")
    asks = on_terminal(json=json) and not yes and not dry_run
    answers = answer(given, _Asker() if asks else Nobody())
    made = setup(answers)
    if not dry_run:
        write(made)
    notes += made.notes
    _tell_init(answers, made, notes, dry_run=dry_run, json=json)


def _tell_init(answers: Answers, made: Setup, notes: list[str], *, dry_run: bool, json: bool) -> None:
    env, found = answers.environment, answers.proposal
    steps = _next_steps(answers, made)
    files = [str(path) for path, _ in made.files] + ([f"{made.folder}/"] if made.folder else [])
    if json:
        emit({
            "task": "init", "environment": env, "dryRun": dry_run, "files": files, "repo": answers.repo,
            "source": found.source, "found": found.found, "toFillIn": list(made.to_fill_in), "notes": notes,
            "next": steps, "exitCode": 0,
        })  # fmt: skip
        return
    print(f"{answers.repo}: {found.found} → source: {found.source}")
    verb = "would write" if dry_run else "wrote"
    for name in files:
        print(f"{verb} {name}")
    for gap in made.to_fill_in:
        print(f"to fill in: {gap}")
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    print("next:", *steps, sep="\n  ")


def _next_steps(answers: Answers, made: Setup) -> list[str]:
    env, token = answers.environment, f"{prefix(answers.environment)}TOKEN"
    steps = [_secrets_step(token)]
    if made.to_fill_in:
        steps.append(f"fill in what is missing in {made.profile.file}")
    steps.append(f"./inv doctor --env {env}")
    if not made.profile.source.runs_code:
        steps.append(
            f"./inv import --env {env}   # writes what is live into {made.profile.source.path}; then commit it"
        )
    else:
        steps.append(f"./inv import --env {env}   # records what is live as deployed")
    steps += [f"./inv diff --env {env}", f"./inv deploy --env {env}"]
    if answers.runs and answers.service is not None:
        steps.append(
            f"./inv service.logs --env {env}   # what the bot prints; ./inv rollback --env {env} is the way back"
        )
    elif answers.service is not None:
        steps.append(
            f"to have Botswain run the bot, too: take the # off `service` in {made.profile.file}, end the other one"
        )
    return steps


def _secrets_step(token: str) -> str:
    if Path(".env").exists():
        return f"set {token} in .env"
    return f"install -m 600 .env.example .env, and set {token} there"


class _Asker:
    """Somebody on a terminal; questions are on stderr."""

    def value(self, question: str, proposed: str, wrong: Callable[[str], str | None]) -> str:
        """An answer; asked again while it cannot be used. Raises Refused at the end of input."""
        while True:
            print(f"{question} [{proposed}]: ", end="", file=sys.stderr, flush=True)
            line = sys.stdin.readline()
            if not line:
                print(file=sys.stderr)
                raise Refused("not answered; nothing was changed")
            text = line.strip() or proposed
            if (problem := wrong(text)) is None:
                return text
            print(f"  {problem}", file=sys.stderr, flush=True)

    def tell(self, text: str) -> None:
        """Says something between two questions."""
        print(text, file=sys.stderr, flush=True)
