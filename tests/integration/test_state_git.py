"""Tasks with `state: git`: two clones of the bot's repository, one remote, one Discord."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from deployments import GUILDS, REPO, Project, hasten
from desk import GUILD, OTHER_APP, Desk
from remotes import REF, Remote, git

from botswain.audit.log import AuditLog
from botswain.state.git import changes, process
from botswain.state.journal import left_behind
from botswain.state.store import Owner

STATE = {"kind": "git", "remote": "origin"}


@pytest.fixture
def remote(tmp_path, monkeypatch):
    """A remote without records; pauses are short."""
    monkeypatch.setattr(changes, "_PAUSE", 0.01)
    return Remote(tmp_path)


def clone(remote, name, **environment):
    """A clone with the sample commands and a profile whose state is in git; its sandbox is that of clone `one`."""
    folder = remote.clone(name)
    (remote.folder / "one/.botswain/sandbox").mkdir(parents=True, exist_ok=True)
    if name != "one":
        (folder / ".botswain").mkdir()
        (folder / ".botswain/sandbox").symlink_to("../../one/.botswain/sandbox")
    desk = Desk(folder, {"BOTSWAIN_ACTOR": f"{name}@ship", **environment})
    desk.profile(state=STATE)
    desk.commands(2)
    return desk


@pytest.fixture
def one(remote):
    """A clone."""
    return clone(remote, "one")


@pytest.fixture
def two(remote, one):
    """Another one."""
    return clone(remote, "two")


def test_what_one_clone_deployed_the_other_knows(remote, one, two):
    """History, manifest and the way back are shared within the same run; nothing is in the work tree."""
    assert one.inv("deploy", "--env", "dev").code == 0
    again = two.inv("deploy", "--env", "dev")
    assert (again.code, "No change." in again.out) == (0, True), again
    assert "by one@ship" in two.inv("status", "--env", "dev").out
    two.command("c01", "Changed")
    assert two.inv("deploy", "--env", "dev").code == 0
    back = one.inv("rollback", "--env", "dev")
    assert back.code == 0, back
    assert one.live()["c01"]["description"] == "Number 1"
    rows = two.inv("history", "--env", "dev", "--json").document["deployments"]
    assert [(row["kind"], row["actor"], row["outcome"]) for row in rows] == [
        ("rollback", "one@ship", "done"), ("deploy", "two@ship", "done"), ("deploy", "one@ship", "done"),
    ]  # fmt: skip
    for desk in (one, two):
        assert desk.inv("audit.verify", "--env", "dev").out == "the audit log is whole\n"
        assert not (desk.folder / "manifests").exists()
    assert git(remote.path, "for-each-ref", "--format=%(refname)") == REF


def test_what_a_run_costs_the_remote(one, monkeypatch):
    """A deployment: one fetch, four pushes. One without a change: one fetch, two pushes. A look: one fetch."""
    asked = []
    real = process.start

    def start(command, *rest, **options):
        asked.extend({"fetch", "push", "ls-remote"} & {*command})
        return real(command, *rest, **options)

    monkeypatch.setattr(process, "start", start)
    costs = []
    for task in ("deploy", "deploy", "diff", "status", "drift", "history"):
        asked.clear()
        assert one.inv(task, "--env", "dev").code == 0
        costs.append((task, asked.count("fetch"), asked.count("push"), asked.count("ls-remote")))
    assert costs == [("deploy", 1, 4, 0), ("deploy", 1, 2, 0)] + [
        (task, 1, 0, 0) for task in ("diff", "status", "drift", "history")
    ]


def test_one_at_a_time_from_any_clone(remote, one, two):
    """A run in another clone is refused by name, looks are not; breaking the lock from elsewhere is noticed."""
    held = remote.store("one").lock(Owner("20261122-101530-aaaaaa", "one@ship", "deploy"))
    ran = two.inv("deploy", "--env", "dev")
    assert ran.code == 3
    assert ran.told[0].startswith("dev: is locked by one@ship since ")
    assert two.live() == {}
    assert "one@ship (deploy)" in two.inv("status", "--env", "dev").out
    assert two.inv("diff", "--env", "dev").code == 0
    broken = two.inv("lock.break", "--env", "dev", "--why", "it hangs")
    assert broken.out.startswith("broke the lock of one@ship (deploy, since "), broken
    assert two.inv("deploy", "--env", "dev").code == 0
    held.release()
    assert two.inv("audit.verify", "--env", "dev").code == 0


def test_out_of_reach(remote, one, two):
    """Changes are refused in one line with exit code 3, looks show the last copy and say how old it is."""
    assert one.inv("deploy", "--env", "dev").code == 0
    one.command("c01", "Changed")
    remote.path.rename(remote.folder / "away")
    for task in (["deploy"], ["apply", "--yes"], ["rollback"], ["lock.break", "--why", "x"]):
        ran = one.inv(*task, "--env", "dev")
        assert (ran.code, len(ran.told)) == (3, 1), ran
        assert ran.told[0].startswith("origin: cannot be reached: '")
    for task in (["state.accept", "--why", "x"], ["state.restore", "--why", "x"]):
        ran = one.inv(*task, "--env", "dev")
        assert (ran.code, len(ran.told)) == (3, 1), ran
    for task in ("status", "history", "diff", "drift", "audit.verify", "backups", "detect", "import --dry-run"):
        ran = one.inv(*task.split(), "--env", "dev")
        assert ran.code == 0, ran
        told = ran.out + ran.err
        assert told.count("note: origin cannot be reached: ") == 1, ran
        assert told.count("these are the records as of 20") == 1
    assert one.inv("backups", "--env", "dev", "--json").document["notes"][0].startswith("origin cannot be reached")
    assert one.inv("status", "--env", "dev", "--json").document["notes"][0].startswith("origin cannot be reached")
    assert one.live()["c01"]["description"] == "Number 1"
    assert two.inv("status", "--env", "dev").code == 1  # it never saw the records


def test_remote_fails_after_the_point_of_no_return(remote, one, two):
    """Discord is written and stays so; that is told, and the next run, in any clone, completes the records."""
    one.inv("deploy", "--env", "dev")
    one.command("c01", "Changed")
    two.command("c01", "Changed")
    remote.hook("pre-receive", f"test \"$(git cat-file -p {REF}:journal.jsonl 2>/dev/null)\" = '' || exit 1")
    ran = one.inv("deploy", "--env", "dev")
    assert ran.code == 1, ran
    assert "the records are incomplete; the next deploy or rollback completes them" in ran.out
    assert "does not take refs/botswain/dev: pre-receive hook declined" in ran.out
    assert "the lock could not be given back" in ran.out
    assert one.live()["c01"]["description"] == "Changed"
    remote.unhook("pre-receive")
    _as_if_it_died(remote)
    again = two.inv("deploy", "--env", "dev")
    assert again.code == 0, again
    assert "was cut off: it had written everything; its record is complete now" in again.err
    rows = two.inv("history", "--env", "dev", "--json").document["deployments"]
    assert [row["outcome"] for row in rows] == ["done", "done"]
    assert two.inv("audit.verify", "--env", "dev").code == 0


def _as_if_it_died(remote):
    """The holder, which is this process, becomes one of this machine that has ended."""
    told = json.loads(remote.show("lock.json"))
    told["holder"]["process_started"] = "1"
    remote.point(remote.forge("lock.json", json.dumps(told), remote.head))


def test_rewritten_and_mended(remote, one, two):
    """Who knew better refuses to go on, and a person says which history is true; both ways are on record."""
    one.inv("deploy", "--env", "dev")
    two.inv("status", "--env", "dev")
    for task in ("state.restore", "state.accept"):
        one.command("c01", f"Changed before {task}")
        assert one.inv("deploy", "--env", "dev").code == 0
        remote.point(git(remote.path, "rev-parse", f"{REF}~4"))
        ran = one.inv("deploy", "--env", "dev")
        assert (ran.code, len(ran.told)) == (3, 1)
        assert f"origin: {REF} went back to " in ran.told[0]
        assert one.inv("audit.verify", "--env", "dev").code == 1
        dry = one.inv(task, "--env", "dev", "--why", "x", "--dry-run")
        assert (dry.code, "went back to" in dry.out) == (0, True)
        assert one.inv(task, "--env", "dev").told == [
            'which history is true is decided for a reason; say it: --why "…"'
        ]
        if task == "state.accept":  # which forgets the deployment
            last = one.inv("history", "--env", "dev", "--limit", "1", "--json").document["deployments"][0]
            assert f"state.accept would drop 1: {last['deploymentId']}" in dry.out
            unasked = one.inv(task, "--env", "dev", "--why", "a slip")
            assert (unasked.code, len(unasked.told)) == (3, 1), unasked
            assert (
                "replace the shared records of dev and drop 1 deployment, and there is no terminal" in unasked.told[0]
            )
            assert unasked.told[0].endswith("; if you mean it, say --yes")
        assert "this clone has " in dry.out
        yes = ["--yes"] if task == "state.accept" else []
        done = one.inv(task, "--env", "dev", "--why", "a slip", *yes)
        assert (done.code, "is kept as refs/botswain-local/dev/replaced/" in done.out) == (0, True), done
        assert one.inv("audit.verify", "--env", "dev").code == 0
        nothing = one.inv(task, "--env", "dev", "--why", "a slip")
        assert nothing.out == "nothing to decide: the remote continues what this clone knows\n"
        assert one.inv("deploy", "--env", "dev").code == 0
    log = AuditLog(remote.store("two"), "dev").records()
    whys = [(one["action"], one["data"]["why"]) for one in log if one.get("action", "").startswith("state.")]
    assert whys[-1:] == [("state.accept", "a slip")]


def test_pull_is_the_way_out(remote, one):
    """The records become files, `state: folder` goes on from there, and the files are never overwritten unasked."""
    one.inv("deploy", "--env", "dev")
    dry = one.inv("state.pull", "--env", "dev", "--dry-run")
    assert (dry.code, (one.folder / "manifests").exists()) == (0, False), dry
    assert one.inv("state.pull", "--env", "dev").out.startswith("manifests/dev.json: ")
    one.command("c01", "Changed")
    one.inv("deploy", "--env", "dev")
    assert one.inv("state.pull", "--env", "dev").code == 0  # an older copy may be replaced
    remote.path.rename(remote.folder / "gone")
    gone = one.inv("state.pull", "--env", "dev", "--json")
    assert (gone.code, gone.document["documents"]) == (0, 0)
    assert gone.document["notes"][0].startswith("origin cannot be reached")

    one.profile()
    back = one.inv("rollback", "--env", "dev")
    assert (back.code, one.live()["c01"]["description"]) == (0, "Number 1"), back
    assert one.inv("audit.verify", "--env", "dev").code == 0

    one.profile(state=STATE)
    (remote.folder / "gone").rename(remote.path)
    files = one.state()
    ran = one.inv("state.pull", "--env", "dev")
    told = "holds records that are no older copy of these; they would be put aside; if you mean it, say --yes"
    assert (ran.code, ran.told) == (3, [f"manifests/dev.json: {told}"])
    assert one.state() == files
    assert one.inv("state.pull", "--env", "dev", "--yes").code == 0
    kept = {data for name, data in one.state().items() if "/dev.2" in name}
    assert {data for name, data in files.items() if "/manifests/" in name} <= kept
    one.profile()
    assert one.inv("audit.verify", "--env", "dev").code == 0
    assert len(one.inv("history", "--env", "dev", "--json").document["deployments"]) == 2


def test_what_was_deployed_from_files_meanwhile_is_told(remote, one):
    """After a time with `state: folder`, shared records know less than the files beside them, and the doctor warns."""
    one.inv("deploy", "--env", "dev")
    one.inv("state.pull", "--env", "dev")
    assert "later deployment" not in one.inv("doctor", "--env", "dev").out
    one.profile()
    one.command("c01", "Changed")
    assert one.inv("deploy", "--env", "dev").code == 0
    last = one.inv("history", "--env", "dev", "--json").document["deployments"][0]["deploymentId"]
    one.profile(state=STATE)
    looks = one.inv("doctor", "--env", "dev", "--json").document["looks"]
    (found,) = (look for look in looks if look["look"] == "records" and look["verdict"] == "warning")
    assert found["detail"].startswith("manifests/dev.json knows 1 later deployment than origin refs/botswain/dev, the")
    assert last in found["detail"]
    assert "docs/shared-state.md" in found["fix"]


def test_starting_anew_means_another_ref(remote, one):
    """For another application; there is no manifest that could be moved away."""
    one.inv("deploy", "--env", "dev")
    one.profile(state=STATE, application_id=OTHER_APP)
    ran = one.inv("deploy", "--env", "dev")
    assert (ran.code, len(ran.told)) == (3, 1), ran
    assert ran.told[0].endswith("or name another ref to start anew (state: { kind: git, ref: refs/botswain/dev-2 })")
    one.profile(state={**STATE, "ref": "refs/botswain/dev-2"}, application_id=OTHER_APP)
    assert one.inv("deploy", "--env", "dev").code == 0


def test_a_log_that_was_tampered_with_is_one_look(remote, one):
    """However many records an ordinary push changed: how many, the first, and by which commit of whom."""
    for number in range(4):
        one.command("c01", f"Changed {number}")
        one.inv("deploy", "--env", "dev")
    right = remote.show("audit.jsonl") + "\n"
    before = git(remote.path, "log", "-1", "--format=%h", "--abbrev=12", REF, "--", "audit.jsonl")
    lines = right.splitlines(keepends=True)
    wrong = [lines[0], *(line.replace("one@ship", "nobody") for line in lines[1:])]
    remote.point(remote.forge("audit.jsonl", "".join(wrong), remote.head))
    looks = one.inv("doctor", "--env", "dev", "--json").document["looks"]
    (found,) = (look for look in looks if look["look"] == "audit log")
    told = f"{len(lines) - 1} records were changed, moved or removed, first 2; record 2: was rewritten by commit "
    assert found["detail"].startswith(f"{told}{remote.head[:12]} of Other, "), found
    ran = one.inv("audit.verify", "--env", "dev")
    said = ran.out.splitlines()
    assert (ran.code, len(said)) == (1, 6), ran
    assert said[0].startswith(f"record 2: was rewritten by commit {remote.head[:12]} of Other, ")
    assert said[-1].endswith(f"; {len(lines) - 1} records changed in all, first 2; --json lists them")
    assert len(one.inv("audit.verify", "--env", "dev", "--json").document["findings"]) > 6
    done = one.inv("state.restore", "--env", "dev", "--from", before, "--why", "tampered with")
    assert done.code == 0, done
    assert one.inv("audit.verify", "--env", "dev").out == "the audit log is whole\n"
    assert remote.show("audit.jsonl").startswith(right)


def test_journal_that_was_pulled_is_settled_by_looking(remote, one):
    """A run that was cut off is settled from the files too, although its last journal lines never left its machine."""
    one.inv("deploy", "--env", "dev")
    one.command("c01", "Changed")
    killed = one.process("deploy", "--env", "dev", input=None, **_dying(one))
    assert killed.code == -9, killed
    assert left_behind(remote.store("one")) is not None
    one.inv("state.pull", "--env", "dev")
    one.profile()
    ran = one.inv("deploy", "--env", "dev")
    assert "was cut off: it had written everything; its record is complete now" in ran.err
    assert one.inv("audit.verify", "--env", "dev").code == 0


def test_rollback_killed_before_its_end_is_told_is_not_repeated(remote, one):
    """Its lock in the remote tells the next one, which says that it is complete and goes no further back."""
    for number in range(3):
        one.command("c01", f"Version {number}")
        assert one.inv("deploy", "--env", "dev").code == 0
    killed = one.process("rollback", "--env", "dev", "--yes", input=None, **_dying(one, _UNTOLD))
    assert killed.code == -9, killed
    ran = one.inv("rollback", "--env", "dev", "--yes")
    assert (ran.code, "is complete: nothing else was done" in ran.out) == (0, True), ran
    assert one.live()["c01"]["description"] == "Version 1"
    assert one.inv("rollback", "--env", "dev", "--yes").code == 0
    assert one.live()["c01"]["description"] == "Version 0"


_WRITTEN = (
    "import os\nfrom botswain.sandbox.transport import SandboxTransport as T\nreal = T.handle_request\n"
    "def handle(this, request):\n    answer = real(this, request)\n"
    "    if request.method == 'PUT':\n        os.kill(os.getpid(), 9)\n    return answer\n"
    "T.handle_request = handle\n"
)
_UNTOLD = (
    "import os\nfrom botswain.cli.deploying import _Person\n_Person.finished = lambda *_: os.kill(os.getpid(), 9)\n"
)


def _dying(desk, hook=_WRITTEN):
    """Has a process of that desk die, after its first write to Discord, through Python's own start-up hook."""
    folder = desk.folder.parent / "dying"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(hook)
    env = desk.where()["env"]
    return {"env": {**env, "PYTHONPATH": f"{folder}{os.pathsep}{env['PYTHONPATH']}"}, "stdin": subprocess.DEVNULL}


def test_with_a_folder_there_is_nothing_to_share(desk):
    """The tasks of shared state say so, and do nothing."""
    for task in (["state.pull"], ["state.accept", "--why", "x"], ["state.restore", "--why", "x"]):
        ran = desk.inv(*task, "--env", "dev")
        assert (ran.code, ran.out) == (
            0, "nothing to do: dev keeps its records in a folder, manifests/dev.json\n",
        ), ran  # fmt: skip


@pytest.mark.slow
def test_twenty_processes_from_several_clones(remote, one):
    """One at a time: whoever is refused is told by whom, and every deployment that was done is on record."""
    desks = [one, *(clone(remote, name) for name in ("two", "three", "four"))]
    for number, desk in enumerate(desks):
        desk.command("who", f"Clone {number}")

    def run(number):
        desk = desks[number % 4]
        return desk.process("deploy", "--env", "dev", "--yes", "--force", timeout=240)

    with ThreadPoolExecutor(20) as pool:
        ran = list(pool.map(run, range(20)))
    done = [one for one in ran if one.code == 0]
    refused = [one for one in ran if one.code == 3]
    assert len(done) + len(refused) == 20, "\n".join(map(str, ran))
    assert done
    for one_ in refused:
        assert len(one_.told) == 1
        assert one_.told[0].startswith("dev: is locked by "), one_
    rows = one.inv("history", "--env", "dev", "--json").document["deployments"]
    assert [row["outcome"] for row in rows] == ["done"] * len(done)
    assert one.inv("audit.verify", "--env", "dev").code == 0
    store = remote.store("one")
    assert (left_behind(store), store.holder()) == (None, None)


@pytest.mark.slow
def test_killed_anywhere_and_settled_from_another_clone(remote, tmp_path_factory, monkeypatch):
    """Around every git process that changes something and every write: another clone settles it; nothing is lost."""
    hasten(monkeypatch.setattr)
    monkeypatch.setenv("BOTSWAIN_ACTOR", "anna@ship")
    template, out = remote.folder, tmp_path_factory.mktemp("killed")
    old, new = {"ping": "Old", "ban": "Bans"}, {"ping": "New", "kick": "Kicks"}
    for name in ("one", "two"):
        folder = remote.clone(name)
        git(folder, "remote", "set-url", "origin", "../remote.git")
        if name == "two":
            (folder / ".botswain").mkdir()
            (folder / ".botswain/sandbox").symlink_to("../../one/.botswain/sandbox")
        monkeypatch.chdir(folder)
        made = Project(folder)
        made.profile(state=STATE, guild_ids=GUILDS[:2])
        made.commands(**(old if name == "one" else new))
        if name == "one":
            assert made.deploy().code == 0
            made.commands(**new)
        made.sandbox.close()
    done = subprocess.run(
        [sys.executable, REPO / "tests/killing_git.py", template, out],
        env={**os.environ, "PYTHONPATH": str(REPO)}, stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    *cut, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert (last["point"], last["code"]) == (None, 0)
    points = {run["point"] for run in cut}
    assert {"before git fast-import", "before git push", "during git push", "before git update-ref"} <= points
    assert len(cut) == 20
    outcomes = set()
    for run in cut:
        folder = template.__class__(run["folder"])
        monkeypatch.chdir(folder / "two")
        project = Project(folder / "two")
        time.sleep(0.15 if "during" in run["point"] else 0)
        result = project.deploy(allow_delete=9)
        assert result.code == 0, run
        assert [project.live(guild) for guild in GUILDS[:2]] == [new, new], run
        records = project.session().records
        store = records.store
        assert (left_behind(store), store.holder(), store.notes) == (None, None, ()), run
        log = AuditLog(store, "dev").verify()
        assert log.findings == store.testimony("audit.jsonl") == [], run
        outcomes |= {str(entry.outcome) for entry in records.deployments()}
        project.sandbox.close()
    assert outcomes == {"done", "failed", "interrupted"}


def test_ref_and_remote_can_be_chosen(remote, one):
    """A URL instead of a remote's name, and a ref of one's own."""
    state = {"kind": "git", "remote": f"file://{remote.path}", "ref": "refs/botswain/other"}
    one.profile(state=state)
    assert one.inv("deploy", "--env", "dev").code == 0
    assert git(remote.path, "for-each-ref", "--format=%(refname)") == "refs/botswain/other"
    assert set(one.live(GUILD)) == {"c01", "c02"}
