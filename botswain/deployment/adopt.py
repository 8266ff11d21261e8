"""`import`: adopts what is live. Definitions become files, and what is on Discord is recorded as deployed by us.

Nothing is written to Discord. Files come before records, so that a run that is cut off has at worst written files that
say what is live; said again, it does the rest. When the records cannot be written, the files go again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from botswain.deployment.adoption import Adoption, adoption
from botswain.deployment.checkout import as_it_stands
from botswain.deployment.history import Outcome
from botswain.deployment.newfiles import create_files, remove_files, sweep
from botswain.deployment.result import Result
from botswain.deployment.run import Options, Person, Run, carry_out, holding
from botswain.deployment.session import Session
from botswain.errors import BotswainError, Refused
from botswain.plan import Plan, label
from botswain.state.journal import left_behind
from botswain.wording import many

if TYPE_CHECKING:
    from botswain.deployment.checkout import Checkout

_NOTHING = "there is nothing to adopt: every live command of this profile is recorded already, or is none of its own"


class Importer(Person, Protocol):
    """Whoever started an import."""

    def foresee(self, found: Adoption) -> None:
        """Shows what would be adopted and written, before anything is done about it."""


@dataclass(frozen=True)
class Adopted(Result):
    """How an import ended."""

    files: tuple[str, ...] = ()
    """The definitions that it wrote, or would write."""
    adopted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By scope: the keys of the commands that became ours, or would."""

    def to_json(self) -> dict[str, Any]:
        """The result as the document of `--json`."""
        adopted = {scope: list(names) for scope, names in self.adopted.items()}
        return {**super().to_json(), "files": list(self.files), "adopted": adopted}


def adopt(session: Session, options: Options, person: Importer, guild: str | None = None) -> Adopted:
    """Adopts what is live in the profile's scopes; `guild` chooses whose commands become files where guilds differ."""
    if options.dry_run:
        return _preview(session, options, person, guild)
    result = holding(session, "import", "import", options, person, lambda run: _adopt(run, person, guild))
    assert isinstance(result, Adopted)  # noqa: S101 - what `_adopt` returned
    return result


def _preview(session: Session, options: Options, person: Importer, guild: str | None) -> Adopted:
    manifest = session.records.manifest()
    with session.connect(manifest.application_id if manifest else None) as client:
        try:
            found = adoption(session, client, manifest, guild)
        except Refused as error:
            refusal = f"without --dry-run it would be refused: {error}"
            return _result(session, Adoption(Plan(()), {}, {}, notes=(refusal,)), client.requests.by_method())
        requests = client.requests.by_method()
    notes = list(found.notes)
    if (cut := left_behind(session.records.store)) is not None:
        notes.append(f"deployment {cut} was cut off or is under way; the next run settles it")
    try:
        if found.commands and _asks(session, found, options):
            notes.append(f"without --dry-run it would ask, since it would {_question(session, found)}")
    except Refused as error:
        notes.append(f"without --dry-run it would be refused: {error}")
    person.foresee(found)
    return _result(session, replace(found, notes=tuple(notes)), requests)


def _result(session: Session, found: Adoption, requests: dict[str, int]) -> Adopted:
    return Adopted(
        session.profile.name,
        "import",
        found.plan,
        dry_run=True,
        notes=found.notes,
        requests=requests,
        files=tuple(str(path) for path, _ in found.files),
        adopted=found.adopted,
    )


def _adopt(run: Run, person: Importer, guild: str | None) -> Adopted:
    session = run.session
    found = adoption(session, run.client, run.manifest, guild)
    if not found.commands:
        return Adopted(session.profile.name, run.kind, found.plan, notes=(*found.notes, *_skipped(found), _NOTHING))
    person.foresee(found)
    asks = _asks(session, found, run.options)
    if asks and not person.confirm(_question(session, found)):
        raise Refused("not confirmed; nothing was changed")
    _sweep(session)
    paths = [path for path, _ in found.files]
    run.held.check()
    folders = create_files(found.files)
    try:
        result = carry_out(run, found.plan, found.recorded, lambda: _origin(session), notes=_told(session, found))
    except BaseException:
        if not _recorded(run):
            remove_files(paths, folders)
        raise
    if result.deployment is not None and result.deployment.outcome is Outcome.FAILED:
        remove_files(paths, folders)
        paths = []
    values = {name: getattr(result, name) for name in Result.__dataclass_fields__}
    return Adopted(**values, files=tuple(str(path) for path in paths), adopted=found.adopted)


def _asks(session: Session, found: Adoption, options: Options) -> bool:
    """Whether to ask. Nothing on Discord changes, so only production is asked about. Raises Refused."""
    from botswain.deployment.consent import Consent, require

    need = Consent(_question(session, found)) if session.profile.production else Consent()
    return require(need, yes=options.yes, allow_delete=options.allow_delete, interactive=options.interactive)


def _question(session: Session, found: Adoption) -> str:
    files = f" and write {many(len(found.files), 'file')}" if found.files else ""
    production = " (production)" if session.profile.production else ""
    return f"record {many(len(found.commands), 'live command')} of {session.profile.name}{production}{files}"


def _origin(session: Session) -> Checkout:
    return as_it_stands(session.profile)


def _skipped(found: Adoption) -> list[str]:
    return [f"skipped {label(plan.scope)}: {plan.unavailable}" for plan in found.plan.unavailable]


def _told(session: Session, found: Adoption) -> tuple[str, ...]:
    source, env = session.profile.source, session.profile.name
    if not found.files:
        return (*found.notes, f"./inv diff --env {env} shows what differs from the sources")
    commit = f"git -C {source.repo} add {source.folder} && git -C {source.repo} commit"
    return (
        *found.notes,
        f"next: commit these files ({commit}), then look at ./inv diff --env {env}",
    )


def _recorded(run: Run) -> bool:
    """Whether a run that broke off left a record that counts, or that the next run will complete."""
    try:
        entry = run.session.records.deployment(run.id)
    except BotswainError:
        return True
    return entry is not None and entry.outcome is not Outcome.FAILED


def _sweep(session: Session) -> None:
    """Removes what a killed import left half-written in the folder."""
    source = session.profile.source
    if not source.runs_code:
        sweep(source.path)
