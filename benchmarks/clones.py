"""Many deployments at once from several clones of one repository, which share their records over one git remote."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from benchmarks.figures import Figure, exactly
from benchmarks.project import ENVIRONMENT, Project, furnish, guilds, project, repository

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

CLONES, EACH = 5, 10
_REF = f"refs/botswain/{ENVIRONMENT}"
_SECONDS = 600
_TRIES, _WAIT = 50, 60
_REFUSAL = re.compile(
    rf"{ENVIRONMENT}: is locked by (run-\d+) since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d UTC for `deploy`.*lock\.break"
)


@dataclass(frozen=True)
class Run:
    """One `./inv deploy` and how it ended."""

    actor: str
    code: int
    deployment: str | None
    """Of one that says that it is done."""
    said: str

    def clear(self, actors: Iterable[str]) -> bool:
        """Whether it deployed, or says on one line who of these holds the lock, since when, and what to do."""
        if self.code == 0:
            return self.deployment is not None
        lines = [line for line in self.said.splitlines() if line.startswith("botswain: ")]
        found = _REFUSAL.search(lines[-1]) if lines else None
        return self.code == 3 and found is not None and found[1] in actors and self.actor != found[1]


@dataclass(frozen=True)
class Records:
    """What the remote holds of the environment."""

    audit: list[dict[str, Any]]
    history: dict[str, str]
    """The outcome of each deployment."""

    def spans(self) -> list[tuple[float, float]]:
        """When each deployment began and ended, by its audit records; one without an end never ended."""
        ends = {one["id"]: _time(one["at"]) for one in self.audit if one["event"] == "outcome"}
        begun = [one for one in self.audit if one["event"] == "intent" and one["action"] == "deploy"]
        return [(_time(one["at"]), ends.get(one["id"], float("inf"))) for one in begun]


def clones() -> list[Figure]:
    """All at once without waiting; whoever was refused comes again and waits for its turn, until all have deployed."""
    actors = [f"run-{number}" for number in range(CLONES * EACH)]
    with project(limits=False) as place, ThreadPoolExecutor(len(actors)) as threads:
        remote = place.folder / "remote.git"
        desks = _clones(place, remote)
        place.log()
        at_once = list(threads.map(lambda actor: deploy(desks[_number(actor) % CLONES], actor), actors))
        refused = [run.actor for run in at_once if run.code == 3]
        queues = [[actor for actor in refused if _number(actor) % CLONES == clone] for clone in range(CLONES)]
        later = [run for runs in threads.map(_until_done, desks, queues) for run in runs]
        log, records = place.log(), read(remote)
        broken = sum(not _verified(desk) for desk in desks)
    runs = [*at_once, *later]
    for run in runs:
        if not run.clear(actors):
            print(f"{run.actor} ended with {run.code}:\n{run.said[-500:]}", file=sys.stderr, flush=True)
    done = [run.deployment for run in runs if run.deployment]
    puts = [request["time"] for request in log if request["method"] == "PUT"]
    counts = f"{sum(run.code == 0 for run in at_once)} deployed, {len(refused)} were refused"
    print(f"at once: {counts}; then {len(later)} more runs; {len(puts)} writes", file=sys.stderr, flush=True)
    what = f"{len(actors)} deployments at once from {CLONES} clones"
    return [
        exactly(f"{what}: at a time", at_a_time(records.spans()), "", 1),
        exactly(f"{what}: lost records", lost(done, records), "", 0),
        exactly(f"{what}: clones where audit.verify finds something", broken, "", 0),
        exactly(f"{what}: writes without a record, or outside its time", len(puts) - within(puts, records), "", 0),
        exactly(f"{what}: refusals without a clear line", sum(not run.clear(actors) for run in runs), "", 0),
        exactly(f"{what}: done, once the refused ones came again", len(done), "", len(actors)),
    ]


def deploy(desk: Project, actor: str, *more: str) -> Run:
    """One deployment that has something to write whatever the others did."""
    child = desk.start("deploy", "--env", ENVIRONMENT, "--force", "--yes", "--json", *more, BOTSWAIN_ACTOR=actor)
    out, said = child.communicate(timeout=_SECONDS)
    answer = json.loads(out) if out else {}
    return Run(actor, child.returncode, deployed(answer) if child.returncode == 0 else None, said)


def deployed(answer: dict[str, Any]) -> str | None:
    """The id of the deployment in an answer of `deploy --json`."""
    known = answer.get("deployment") or {}
    return known.get("deploymentId")


def at_a_time(spans: Sequence[tuple[float, float]]) -> int:
    """How many of these were under way together, at most. One may begin in the moment in which another ends."""
    moments = sorted([(begin, 1) for begin, _ in spans] + [(end, -1) for _, end in spans])
    most = now = 0
    for _, step in moments:
        now += step
        most = max(most, now)
    return most


def lost(done: Sequence[str], records: Records) -> int:
    """Deployments that said that they were done, and are not so in the history or in the audit log, each once."""
    audited = [one["data"].get("deployment") for one in records.audit if one["event"] == "outcome"]
    return sum(records.history.get(one) != "done" or audited.count(one) != 1 for one in done)


def within(puts: Sequence[float], records: Records) -> int:
    """How many deployments have exactly one write of these in their time, as each should."""
    return sum(sum(begin <= put <= end for put in puts) == 1 for begin, end in records.spans())


def read(remote: Path) -> Records:
    """The records as git holds them, without Botswain."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "--git-dir", str(remote), *arguments], capture_output=True, check=True, text=True)
        return done.stdout

    names = [name for name in git("ls-tree", "-r", "--name-only", _REF).splitlines() if name.startswith("history/")]
    entries = [json.loads(git("show", f"{_REF}:{name}")) for name in names if not name.endswith(".manifest.json")]
    audit = [json.loads(line) for line in git("show", f"{_REF}:audit.jsonl").splitlines()]
    return Records(audit, {entry["deploymentId"]: entry["outcome"] for entry in entries})


def _clones(place: Project, remote: Path) -> list[Project]:
    """Clones of one bot, whose commands differ in a description, in projects of their own."""
    origin = place.folder / "bot"
    (origin / "commands").mkdir(parents=True)
    (origin / "README").write_text("A bot.\n")
    repository(origin)
    subprocess.run(["git", "clone", "--quiet", "--bare", str(origin), str(remote)], check=True)
    desks = []
    for number in range(CLONES):
        folder = place.folder / f"clone-{number}"
        furnish(folder)
        subprocess.run(["git", "clone", "--quiet", str(remote), str(folder / "bot")], check=True)
        (folder / "bot" / "commands").mkdir()
        definition = {"name": "ping", "description": f"As clone {number} has it"}
        (folder / "bot" / "commands" / "ping.json").write_text(json.dumps(definition))
        desk = Project(folder, place.url)
        desk.profile(repo="bot", guild_ids=guilds(1), state={"kind": "git", "remote": "origin"})
        desks.append(desk)
    return desks


def _until_done(desk: Project, actors: Sequence[str]) -> list[Run]:
    """Every run of this clone, one after the other, each as often as it is refused."""
    runs = []
    for actor in actors:
        for _ in range(_TRIES):
            runs.append(deploy(desk, actor, "--wait", str(_WAIT)))
            if runs[-1].code != 3:
                break
    return runs


def _verified(desk: Project) -> bool:
    """Whether this clone, too, finds nothing wrong with the audit log."""
    child = desk.start("audit.verify", "--env", ENVIRONMENT)
    _, said = child.communicate(timeout=_SECONDS)
    if child.returncode:
        print(said[-500:], file=sys.stderr, flush=True)
    return child.returncode == 0


def _number(actor: str) -> int:
    return int(actor.rpartition("-")[2])


def _time(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()
