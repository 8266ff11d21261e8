"""The tasks that look at Discord or change it: validate, diff, drift, apply, deploy, rollback."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from botswain.cli.task import ask, dry, emit, environment, on_terminal, progress, task
from botswain.errors import BotswainError, ExitCode

if TYPE_CHECKING:
    from botswain.deployment.result import Result
    from botswain.deployment.run import Options
    from botswain.deployment.wanted import Wanted
    from botswain.plan import Plan


@task()
def validate(_context: Any, env: str = "", json: bool = False, debug: bool = False) -> None:
    """Check profiles and command definitions, offline.

    Without --env, those of every environment.
    """
    from botswain.cli.validated import validated_document, validated_lines
    from botswain.deployment.readable import wanted_offline
    from botswain.deployment.wanted import no_command
    from botswain.errors import InvalidInput, Problem
    from botswain.profile.load import gaps, load, names

    problems: list[Problem] = []
    unfilled: list[Problem] = []
    checked: dict[str, Wanted] = {}
    kinds: dict[str, str] = {}
    chosen = [env] if env else names()
    if not chosen:
        raise BotswainError("there is no profile", where="profiles", fix="write one for each environment")
    for name in chosen:
        try:
            profile = load(name, complete=False)
            kinds[name] = profile.source.kind
            checked[name] = wanted_offline(profile)
            problems += [] if checked[name].count else no_command(profile, checked[name])
            unfilled += gaps(profile)
        except InvalidInput as error:
            problems += [problem for problem in error.problems if problem not in problems]
    if json and not problems:
        emit(validated_document(checked, unfilled))
    for name, want in checked.items() if not json else ():
        print(*validated_lines(name, want, kinds[name]), sep="\n")
    for gap in unfilled:
        print(f"to fill in before {gap.file} can be deployed: {gap.path}: {gap.message}", file=sys.stderr)
    if problems:
        raise InvalidInput(problems)


@task(check="exit 2 when there is a difference", markdown="print Markdown, for a pull request")
def diff(
    _context: Any,
    env: str = "",
    check: bool = False,
    json: bool = False,
    markdown: bool = False,
    debug: bool = False,
) -> ExitCode:
    """Show what a deployment would change.

    What the sources want is held against what was recorded and what is live.
    """
    from botswain.deployment.run import preview
    from botswain.deployment.session import Session
    from botswain.deployment.wanted import wanted

    session = Session.open(environment(env))
    if session.profile.service is not None:
        from botswain.deployment.release import diff_both

        result = diff_both(session, "diff")
    else:
        result = preview(session, wanted(session.profile), "diff")
    service = result.plan.service
    different = bool(
        result.plan.changed
        or result.plan.orphans
        or result.plan.unrecorded
        or (service is not None and service.action != "none")
    )
    code = ExitCode.DIFFERENT if check and different else result.code
    _show_plan(result, code, json=json, markdown=markdown)
    return code


@task(check="exit 2 when other hands changed something")
def drift(_context: Any, env: str = "", check: bool = False, json: bool = False, debug: bool = False) -> ExitCode:
    """Show what other hands changed on Discord.

    Since the last deployment, that is; what the sources want does not matter here.
    """
    from botswain.deployment.run import preview
    from botswain.deployment.session import Session
    from botswain.deployment.wanted import Wanted

    session = Session.open(environment(env))
    manifest = session.records.manifest()
    if manifest is None:
        raise BotswainError("nothing is recorded yet, so there is nothing to drift from", fix="deploy first")
    want = Wanted({scope: record.commands for scope, record in manifest.scopes.items()})
    result = preview(session, want, "drift")
    code = ExitCode.DIFFERENT if check and result.plan.drifted else result.code
    if json:
        emit({**result.to_json(), "exitCode": int(code)})
        return code
    from botswain.cli.drifted import drift_lines
    from botswain.cli.style import paint_for

    paint = paint_for(sys.stdout)
    print(*drift_lines(result.plan, paint, session.profile.name), sep="\n")
    for note in result.notes:
        print(f"{paint('yellow', 'note')}: {note}", file=sys.stderr)
    return code


@task(force="write unchanged scopes again; skips no check")
def apply(
    context: Any,
    env: str = "",
    dry_run: bool = False,
    yes: bool = False,
    allow_delete: int = 0,
    force: bool = False,
    wait: int = 0,
    json: bool = False,
    debug: bool = False,
) -> ExitCode:
    """Deploy the commands alone.

    Plans, writes, reads back, records.
    """
    options = _options(context, dry_run, yes, allow_delete, force=force, wait=wait, json=json)
    return _deploy("apply", env, options, json=json)


@task(force="write unchanged scopes again; skips no check")
def deploy(
    context: Any,
    env: str = "",
    dry_run: bool = False,
    yes: bool = False,
    allow_delete: int = 0,
    force: bool = False,
    wait: int = 0,
    json: bool = False,
    debug: bool = False,
) -> ExitCode:
    """Deploy an environment: the bot's service, if the profile has one, and its commands.

    Builds and tests the release, switches to it, waits until it is well; then plans, applies, reads back, records.
    """
    options = _options(context, dry_run, yes, allow_delete, force=force, wait=wait, json=json)
    return _deploy("deploy", env, options, json=json)


@task(
    to="restore the state after this deployment instead; with --only service also a release, commit, or its beginning",
    choose="choose that deployment from a list, on a terminal",
    only="undo this part alone: commands or service; the service needs nothing from Discord",
    with_edits="return to what other hands had made of the commands, not to what was deployed",
)
def rollback(
    context: Any,
    env: str = "",
    to: str = "",
    choose: bool = False,
    only: str = "",
    with_edits: bool = False,
    dry_run: bool = False,
    yes: bool = False,
    allow_delete: int = 0,
    wait: int = 0,
    json: bool = False,
    debug: bool = False,
) -> ExitCode:
    """Undo the last deployment; again, the one before.

    Only what that deployment changed is restored; everything else stays as it is live.
    """
    from botswain.deployment.session import Session

    options = _options(context, dry_run, yes, allow_delete, wait=wait, json=json)
    if only not in ("", "commands", "service"):
        raise BotswainError(f'"{only}" is no part of a deployment', where="--only", fix="say commands, or service")
    if with_edits and (to or choose or only == "service"):
        what = "--with-edits is about the commands that the last deployment changed"
        raise BotswainError(what, where="--with-edits", fix="leave out --to, --choose and --only service")
    session = Session.open(environment(env), progress)
    if choose:
        from botswain.cli.choosing import choose_deployment

        to = choose_deployment(session.records, to, interactive=options.interactive)
    person = _Person(json=json)
    if only == "service":
        from botswain.deployment.backwards import rollback_service

        return _finish(rollback_service(session, options, person, to or None), person, json=json)
    from botswain.deployment.rollback import rollback as run

    result = run(session, options, person, to or None, only or None, with_edits=with_edits)
    return _finish(result, person, json=json)


def _deploy(kind: str, env: str, options: Options, *, json: bool) -> ExitCode:
    from botswain.deployment.deploy import deploy as run
    from botswain.deployment.session import Session

    session = Session.open(environment(env), progress)
    person = _Person(json=json)
    return _finish(run(session, options, person, kind), person, json=json)


def _options(
    context: Any,
    dry_run: bool,
    yes: bool,
    allow_delete: int,
    *,
    force: bool = False,
    wait: int = 0,
    json: bool = False,
) -> Options:
    from botswain.deployment.run import Options

    return Options(
        dry_run=dry(context, dry_run=dry_run),
        yes=yes,
        allow_delete=allow_delete or None,
        force=force,
        interactive=on_terminal(json=json),
        wait=wait,
    )


class _Person:
    """Whoever reads the terminal, or the log of a CI job."""

    def __init__(self, *, json: bool) -> None:
        self._json = json
        self.shown: Result | None = None

    def see(self, plan: Plan) -> None:
        """Prints the plan before it is carried out; with `--json` it is part of the document instead."""
        if self._json:
            return
        from botswain.cli.show import plan_lines
        from botswain.cli.style import paint_for

        print(*plan_lines(plan, paint_for(sys.stdout)), sep="\n", flush=True)

    def confirm(self, question: str) -> bool:
        """Asks on the terminal; anything but yes is no."""
        return ask(question)

    def finished(self, result: Result) -> None:
        """Prints how it ended."""
        self.shown = result
        _show(result, json=self._json)
        sys.stdout.flush()


def _show_plan(result: Result, code: ExitCode, *, json: bool, markdown: bool = False) -> None:
    if json:
        emit({**result.to_json(), "exitCode": int(code)})
        return
    if markdown:
        from botswain.cli.markdown import plan_markdown

        print(plan_markdown(result.plan, result.environment))
        return
    from botswain.cli.show import plan_lines
    from botswain.cli.style import paint_for

    paint = paint_for(sys.stdout)
    print(*plan_lines(result.plan, paint), sep="\n")
    for note in result.notes:
        print(f"{paint('yellow', 'note')}: {note}", file=sys.stderr)


def _finish(result: Result, person: _Person, *, json: bool) -> ExitCode:
    """Shows what is not shown yet."""
    if person.shown is None:
        _show(result, json=json)
    else:
        for note in result.notes[len(person.shown.notes) :]:
            print(f"note: {note}", file=sys.stderr)
    return result.code


def _show(result: Result, *, json: bool) -> None:
    if json:
        emit(result.to_json())
    elif result.dry_run:
        _show_plan(result, result.code, json=False)
    else:
        from botswain.cli.show import result_lines
        from botswain.cli.style import paint_for

        for line in result_lines(result, paint_for(sys.stdout)):
            print(line)
