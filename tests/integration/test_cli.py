"""The command line's contract: dry runs, questions, one JSON document, streams, tracebacks."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from desk import APP, GUILD, GUILD_2, ROOT, Desk, steady

import tasks

MUTATING = {"deploy", "apply", "rollback", "lock.break", "manifest.restore"}
LOOKING = {"validate", "diff", "drift", "status", "history", "audit.verify"}


def flags(name):
    """The parameters of a task."""
    return {argument.name for argument in tasks.ns[name].get_arguments()}


def test_every_task_takes_what_every_task_takes():
    """--env, --json and --debug everywhere; --dry-run and --yes wherever something can change."""
    names = {name for name in tasks.ns.task_names if not name.startswith(("dev.", "sandbox")) and name != "test"}
    assert names == MUTATING | LOOKING
    for name in names:
        assert {"env", "json", "debug"} <= flags(name), name
        assert ({"dry_run", "yes"} <= flags(name)) == (name in MUTATING), name


def test_every_option_is_explained():
    """`./inv --help TASK` leaves no option blank."""
    script = (  # Invoke forgets the texts once it has told them, so this needs a process of its own
        "import tasks\n"
        "for name in tasks.ns.task_names:\n"
        "    task = tasks.ns[name]\n"
        "    blank = [one.name for one in task.get_arguments() if not one.help]\n"
        "    if blank or not (task.__doc__ or '').strip(): print(name, blank)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == ""


# Dry runs

DRY = [
    ("--dry", "{task}"),
    ("-R", "{task}"),
    ("-eR", "{task}"),
    ("{task}", "--dry"),
    ("{task}", "-R"),
    ("-R", "{task}", "--yes"),
    ("{task}", "--dry", "--yes"),
    ("{task}", "--dry-run", "--yes"),
    ("-R", "status", "--env", "dev", "{task}", "--yes"),
    ("{task}", "--yes", "status", "--env", "dev", "-R"),
]


@pytest.fixture
def changed(desk: Desk):
    """Something is deployed, and something else is wanted: every task would do something."""
    desk.commands(3)
    assert desk.inv("deploy", "--env", "dev").code == 0
    desk.command("c01", "Changed")
    desk.command("new")
    return desk


def line_of(form, task):
    """A command line of that form."""
    more = {"lock.break": ["--why", "x"], "rollback": ["--allow-delete", "99"]}.get(task, [])
    return [part for one in form for part in ([task, "--env", "dev", *more] if one == "{task}" else [one])]


@pytest.mark.parametrize("form", DRY, ids=" ".join)
@pytest.mark.parametrize("task", sorted(MUTATING))
def test_a_dry_run_writes_nothing(changed: Desk, task, form):
    """Invoke's --dry, wherever Invoke takes it, and ours: neither Discord nor a record changes."""
    before = changed.state()
    ran = changed.inv(*line_of(form, task))
    assert ran.code == 0, ran
    assert changed.state() == before


def test_a_dry_run_by_variable_or_file_writes_nothing_either(changed: Desk):
    """Invoke can be set to be dry in more ways than one."""
    before = changed.state()
    changed.environment["INVOKE_RUN_DRY"] = "1"
    assert changed.inv("deploy", "--env", "dev").code == 0
    changed.environment.clear()
    file = changed.write("dry.yaml", "run: {dry: true}\n")
    assert changed.inv("-f", str(file), "deploy", "--env", "dev").code == 0
    assert changed.state() == before
    assert changed.inv("deploy", "--env", "dev").code == 0
    assert changed.state() != before


def test_a_dry_run_says_what_would_happen(changed: Desk):
    """The same plan as a real run's, and the document says that it was none."""
    dry = changed.inv("-R", "deploy", "--env", "dev")
    assert dry.out.splitlines() == [
        f"guild {GUILD}",
        "  ~ /c01",
        '      ~ description: "Number 1" → "Changed"',
        "  + /new",
        '      description: "Pong"',
        "    2 unchanged",
        dry.out.splitlines()[-1],
    ]
    assert dry.out.splitlines()[-1].startswith("Plan: 1 to create")
    document = changed.inv("--dry", "deploy", "--env", "dev", "--json").document
    assert (document["dryRun"], document["outcome"], document["deployment"]) == (True, "planned", None)
    told = changed.inv("manifest.restore", "--env", "dev", "--dry-run")
    assert steady(told.out) == "manifests/dev.json would be the one of deployment ID\n"
    assert changed.inv("lock.break", "--env", "dev", "--why", "x", "--dry-run").out == "the lock is free\n"


# Force


def test_force_writes_unchanged_scopes_again(desk: Desk):
    """And nothing more: the same commands, with the same ids."""
    desk.commands(3)
    desk.inv("deploy", "--env", "dev")
    before = desk.live()
    assert desk.inv("deploy", "--env", "dev", "--json").document["requests"] == {"GET": 2}
    document = desk.inv("deploy", "--env", "dev", "--json", "--force").document
    assert (document["requests"], document["outcome"]) == ({"GET": 3, "PUT": 1}, "done")
    assert desk.live() == before


def test_force_skips_no_question(desk: Desk):
    """Production is asked for, strangers are refused, other hands' lock holds."""
    desk.command()
    desk.production(api="sandbox", application_id=APP, allow_global=None)
    (desk.folder / "profiles/dev.yaml").unlink()
    assert desk.inv("deploy", "--env", "prod", "--yes").code == 0
    ran = desk.inv("deploy", "--env", "prod", "--force")
    told = "this would change prod (production), and there is no terminal to ask on; if you mean it, say --yes"
    assert (ran.code, ran.told) == (3, [told])
    assert desk.inv("deploy", "--env", "prod", "--force", "--yes").code == 0
    desk.edit("create", "global", "prod", command={"name": "stranger", "description": "x"})
    desk.production(api="sandbox", application_id=APP, commands={"unmanaged": "refuse"})
    assert desk.inv("deploy", "--env", "prod", "--force", "--yes").code == 3


def test_records_of_production_are_mended_on_purpose(desk: Desk):
    """What mends the records asks in production as a deployment does."""
    desk.command()
    desk.production(api="sandbox", application_id=APP)
    (desk.folder / "profiles/dev.yaml").unlink()
    assert desk.inv("deploy", "--env", "prod", "--yes").code == 0
    for task, deed in (
        (["manifest.restore"], "write the manifest again of"),
        (["lock.break", "--why", "x"], "break the lock of"),
    ):
        told = f"this would {deed} prod (production), and there is no terminal to ask on; if you mean it, say --yes"
        ran = desk.inv(*task, "--env", "prod", "--json")
        assert (ran.code, ran.told) == (3, [told])
        assert desk.inv(*task, "--env", "prod", "--yes", "--json").document["exitCode"] == 0


# Where definitions come from


def git(desk: Desk, *arguments):
    """Runs git in the project."""
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *arguments], cwd=desk.folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_a_sandbox_may_deploy_a_dirty_tree_and_says_so(desk: Desk):
    """`<sha>+dirty` in the history; a clean tree is its commit alone, and what is beside the definitions no matter."""
    desk.command()
    git(desk, "init", "-q")
    git(desk, "add", ".")
    git(desk, "commit", "-qm", "one")
    sha = git(desk, "rev-parse", "HEAD")
    desk.write("notes.txt", "not a definition")
    shas = [desk.inv("deploy", "--env", "dev", "--json").document["deployment"]["gitSha"]]
    desk.command("pong")
    shas.append(desk.inv("deploy", "--env", "dev", "--json").document["deployment"]["gitSha"])
    assert shas == [sha, f"{sha}+dirty"]
    assert f"{sha[:8]}+dirty" in desk.inv("history", "--env", "dev").out


def test_what_reaches_discord_comes_from_a_commit(desk: Desk, monkeypatch):
    """A changed, a new and an untracked definition, and a folder in no repository, are refused for a real profile."""
    from botswain.deployment.checkout import checkout
    from botswain.errors import ExitCode, Refused
    from botswain.profile.load import load

    def told():
        with pytest.raises(Refused) as refusal:
            checkout(load("dev"))
        assert refusal.value.code is ExitCode.REFUSED
        return str(refusal.value)

    monkeypatch.chdir(desk.folder)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(desk.folder.parent))
    desk.profile(api="https://discord.com/api/v10")
    desk.command()
    fix = "; commit them first; only a sandbox may deploy a dirty tree"
    assert told() == f"commands: is in no commit{fix}"
    git(desk, "init", "-q")
    assert told() == f"commands: is in no commit{fix}"
    git(desk, "add", ".")
    git(desk, "commit", "-qm", "one")
    sha = git(desk, "rev-parse", "HEAD")
    assert checkout(load("dev")).sha == sha
    desk.command("pong")
    assert told() == f"commands: has changes that are not in commit {sha[:12]}{fix}"
    git(desk, "add", ".")
    assert told() == f"commands: has changes that are not in commit {sha[:12]}{fix}"
    git(desk, "commit", "-qm", "two")
    (desk.folder / "commands/ping.json").unlink()
    sha = git(desk, "rev-parse", "HEAD")
    assert told() == f"commands: has changes that are not in commit {sha[:12]}{fix}"


# One JSON document


@pytest.mark.parametrize(
    ("arguments", "code", "outcome"),
    [
        (["validate"], 0, None),
        (["validate", "--env", "dev"], 0, None),
        (["diff", "--env", "dev"], 0, "planned"),
        (["diff", "--env", "dev", "--check"], 2, "planned"),
        (["diff", "--env", "dev", "--markdown"], 0, "planned"),
        (["drift", "--env", "dev"], 0, "planned"),
        (["drift", "--env", "dev", "--check"], 0, "planned"),
        (["status", "--env", "dev"], 0, None),
        (["history", "--env", "dev"], 0, None),
        (["audit.verify", "--env", "dev"], 0, None),
        (["deploy", "--env", "dev"], 0, "done"),
        (["deploy", "--env", "dev", "--dry-run"], 0, "planned"),
        (["apply", "--env", "dev"], 0, "done"),
        (["rollback", "--env", "dev"], 3, "refused"),
        (["rollback", "--env", "dev", "--yes", "--allow-delete", "99"], 0, "done"),
        (["rollback", "--env", "dev", "--dry-run"], 0, "planned"),
        (["rollback", "--env", "dev", "--to", "x"], 1, "failed"),
        (["lock.break", "--env", "dev", "--why", "x"], 0, None),
        (["lock.break", "--env", "dev", "--why", "x", "--dry-run"], 0, None),
        (["lock.break", "--env", "dev"], 1, "failed"),
        (["manifest.restore", "--env", "dev"], 0, None),
        (["manifest.restore", "--env", "dev", "--dry-run"], 0, None),
        (["deploy"], 1, "failed"),
        (["deploy", "--env", "nope"], 1, "failed"),
        (["deploy", "--env", "dev", "--bogus"], 1, "failed"),
        (["deplyo", "--env", "dev"], 1, "failed"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_json_is_one_document(changed: Desk, arguments, code, outcome):
    """Stdout holds that and nothing else, for every task and every end, and its exitCode is the process's."""
    ran = changed.inv(*arguments, "--json")
    document = ran.document
    assert (ran.code, document["exitCode"], document.get("outcome")) == (code, code, outcome), ran
    if outcome in ("failed", "refused"):
        assert document["problems"] == ran.told
        assert document["error"] == "\n".join(ran.told)


def test_json_of_a_broken_file_has_all_problems(desk: Desk):
    """One for each."""
    desk.profile(guilds=1, globl=True)
    document = desk.inv("diff", "--env", "dev", "--json").document
    assert document["problems"] == [
        'profiles/dev.yaml: guilds: unknown field; did you mean "guild_ids"?',
        'profiles/dev.yaml: globl: unknown field; did you mean "global"?',
    ]


def test_json_stays_json_whatever_is_covered_in_it(desk: Desk):
    """Redaction takes no quotation mark, brace or line with it."""
    nasty = [
        'password="hunter22',
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----abc",
        'x://a:b@c"',
        "token: 0123456789abcdef0123\\",
    ]
    for index, text in enumerate(nasty):
        desk.command(f"c{index}", text)
    ran = desk.inv("diff", "--env", "dev", "--json")
    assert ran.document["plan"]["counts"]["create"] == len(nasty), ran
    ran = desk.inv("deploy", "--env", "dev", "--json")
    assert (ran.code, ran.document["outcome"]) == (0, "done"), ran
    assert desk.live()["c0"]["description"] == nasty[0]
    assert len(desk.inv("status", "--env", "dev", "--json").document["manifest"]["commands"]) == len(nasty)


def test_progress_is_on_stderr(changed: Desk):
    """What is under way is no part of the result."""
    ran = changed.inv("deploy", "--env", "dev")
    assert ran.err == f"guild {GUILD}: written\n"
    assert "written" not in ran.out


# Every exit code


@pytest.mark.slow
def test_exit_codes_by_example(desk: Desk):
    """Done, different, partly failed, refused, rolled back, stuck: each from a deployment that ends so."""
    desk.profile(guild_ids=[GUILD, GUILD_2])
    desk.commands(2)
    assert desk.inv("diff", "--env", "dev", "--check").code == 2
    assert desk.inv("deploy", "--env", "dev").code == 0
    assert desk.inv("diff", "--env", "dev", "--check").code == 0
    desk.command("c01", "Changed")

    second_fails = [
        {"kind": "rate_limit", "method": "PUT", "path": GUILD_2, "retry_after": 0.3},  # so that the first is written
        {"kind": "status", "status": 400, "method": "PUT", "path": GUILD_2, "count": 9},
    ]
    ran = trouble(desk, *second_fails)
    assert (ran.code, ran.document["outcome"], ran.document["exitCode"]) == (4, "rolled back", 4), ran
    assert desk.live(GUILD)["c01"]["description"] == "Number 1"

    no_way_back = {"kind": "status", "status": 400, "method": "PUT", "path": GUILD, "skip": 1, "count": 9}
    ran = trouble(desk, *second_fails, no_way_back)
    assert (ran.code, ran.document["outcome"], ran.document["exitCode"]) == (5, "stuck", 5), ran

    double = desk.sandbox()
    double.set_guild(GUILD_2, "forbidden")
    double.close()
    ran = trouble(desk)
    assert (ran.code, ran.document["outcome"], ran.document["exitCode"]) == (1, "partial", 1), ran
    assert desk.inv("rollback", "--env", "nope").code == 1


def trouble(desk, *faults):
    """A deployment that meets these."""
    double = desk.sandbox()
    double.clear_faults()
    for fault in faults:
        double.fault(**fault)
    double.close()
    return desk.inv("deploy", "--env", "dev", "--json")


# Failures nobody thought of


@pytest.fixture
def boom(desk: Desk, monkeypatch):
    """A defect in the middle of things."""

    def fail(*_arguments, **_options):
        raise RuntimeError("boom\nwith a second line")

    monkeypatch.setattr("botswain.deployment.session.Session.open", fail)
    return desk


def test_an_unexpected_failure_is_one_line(boom: Desk):
    """No traceback unless it is asked for; exit 1; with --json still one document."""
    line = "internal error: RuntimeError: boom with a second line; --debug shows where"
    for task in ("deploy", "status", "history", "diff", "rollback", "drift", "audit.verify"):
        ran = boom.inv(task, "--env", "dev")
        assert (ran.code, ran.out, ran.err) == (1, "", f"botswain: {line}\n"), ran
    ran = boom.inv("deploy", "--env", "dev", "--json")
    assert (ran.code, ran.document["error"], ran.document["outcome"]) == (1, line, "failed")


def test_debug_shows_the_traceback(boom: Desk):
    """On stderr, after the line; stdout stays as it is."""
    ran = boom.inv("deploy", "--env", "dev", "--debug", "--json")
    assert ran.document["exitCode"] == 1
    assert "Traceback (most recent call last)" in ran.err
    assert "RuntimeError: boom" in ran.err
    expected = boom.inv("deploy", "--env", "nope", "--debug")
    assert "Traceback" in expected.err


def test_ctrl_c(desk: Desk, monkeypatch):
    """One line and exit 1, as for any failure."""

    def stop(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("botswain.deployment.session.Session.open", stop)
    ran = desk.inv("deploy", "--env", "dev", "--json")
    assert (ran.code, ran.told) == (1, ["stopped; nothing was changed"])
    assert ran.document["exitCode"] == 1


# Terminals


@pytest.fixture
def asks(desk: Desk):
    """A production profile with something to deploy: it asks."""
    (desk.folder / "profiles/dev.yaml").unlink()
    desk.production(api="sandbox", application_id=APP)
    desk.command()
    return desk


@contextmanager
def on_a_terminal(desk: Desk, *arguments):
    """A command line on a pty, stdout included; yields the process and the pty's other end."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        desk.argv(*arguments), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, **desk.where()
    )
    os.close(theirs)
    try:
        yield process, ours
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def until(ours, text, seconds=20):
    """What the terminal shows up to `text`, or to the end when that is None."""
    shown = ""
    deadline = time.monotonic() + seconds
    while text is None or text not in shown:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([ours], [], [], left)[0]:
            pytest.fail(f"it waits; shown so far: {shown!r}")
        try:
            read = os.read(ours, 4096)
        except OSError:  # the other end is closed
            return shown
        shown += read.decode()
    return shown


QUESTION = "This would change prod (production). Go on? [y/N] "


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "code"),
    [(b"n\n", 3), (b"\n", 3), (b"\x04", 3), (b"maybe\n", 3), (b"y\n", 0), (b"YES\n", 0)],
)
def test_on_a_terminal_it_asks(asks: Desk, answer, code):
    """Yes is yes; no, Enter, the end of input and anything else is no, and then nothing was changed."""
    with on_a_terminal(asks, "deploy", "--env", "prod") as (process, ours):
        assert until(ours, "[y/N] ").endswith(QUESTION)
        os.write(ours, answer)
        rest = until(ours, None)
        assert process.wait(20) == code, rest
    if code:
        assert "botswain: not confirmed; nothing was changed" in rest
    assert bool(asks.live("global", "prod")) == (code == 0)
    assert (asks.folder / "manifests/prod.json").exists() == (code == 0)


@pytest.mark.slow
def test_ctrl_c_at_the_question(asks: Desk):
    """Nothing was changed, and the next run is free to go."""
    with on_a_terminal(asks, "deploy", "--env", "prod") as (process, ours):
        until(ours, "[y/N] ")
        os.killpg(process.pid, signal.SIGINT)
        rest = until(ours, None)
        assert process.wait(20) == 1
    assert "botswain: stopped; nothing was changed" in rest
    assert "Traceback" not in rest
    assert asks.inv("deploy", "--env", "prod", "--yes").code == 0


@pytest.mark.slow
def test_colour_is_for_terminals_only(asks: Desk):
    """On a pty the plan is coloured; with NO_COLOR, or with --json, nothing is; --json asks nothing even there."""
    with on_a_terminal(asks, "diff", "--env", "prod") as (_, ours):
        assert "\033[" in until(ours, None)
    asks.environment["NO_COLOR"] = "1"
    with on_a_terminal(asks, "diff", "--env", "prod") as (_, ours):
        assert "\033[" not in until(ours, None)
    del asks.environment["NO_COLOR"]
    with on_a_terminal(asks, "deploy", "--env", "prod", "--json") as (process, ours):
        shown = until(ours, None)
        assert process.wait(20) == 3
    assert "[y/N]" not in shown
    assert "\033[" not in shown


@pytest.mark.slow
@pytest.mark.parametrize("stdin", ["closed", "open pipe", "empty"])
def test_off_a_terminal_nothing_waits(asks: Desk, stdin):
    """Closed, empty, or a pipe that nobody ever writes to: refused at once."""
    read, write = os.pipe()
    try:
        how = {
            "closed": {"stdin": None, "preexec_fn": lambda: os.close(0)},
            "open pipe": {"stdin": read},
            "empty": {"stdin": subprocess.DEVNULL},
        }[stdin]
        ran = asks.process("deploy", "--env", "prod", timeout=20, **how)
    finally:
        os.close(read)
        os.close(write)
    told = "this would change prod (production), and there is no terminal to ask on; if you mean it, say --yes"
    assert (ran.code, ran.told) == (3, [told]), ran


def test_an_answer_in_a_pipe_is_no_answer(asks: Desk):
    """`yes | ./inv deploy` is not how production is confirmed."""
    ran = asks.inv("deploy", "--env", "prod", stdin=io.StringIO("y\n"))
    assert ran.code == 3


# Streams that end


def shell(desk: Desk, line):
    """A line of bash with `inv` in it; pipefail, so that its own exit code counts."""
    inv = " ".join(desk.argv())
    script = f'set -o pipefail; inv() {{ {inv} "$@"; }}; {line}'
    done = subprocess.run(
        ["bash", "-c", script], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
        **desk.where(),
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("line", ["inv --list | head -1", "inv history --env dev | head -0", "inv --help | true"])
def test_head_is_no_failure(desk: Desk, line):
    """Whoever stops reading has seen enough."""
    code, _, err = shell(desk, line)
    assert (code, err) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize("line", ["inv deploy --env dev | true", "inv deploy --env dev 2>&1 | true"])
def test_a_deployment_does_not_stop_because_nobody_reads(desk: Desk, line):
    """Half a deployment for want of a reader would be the worst of ends."""
    desk.profile(guild_ids=[str(200000000000000000 + index) for index in range(20)])
    desk.commands(5)
    code, out, err = shell(desk, line)
    assert code == 0, out + err
    assert "Traceback" not in err
    assert len(desk.live("200000000000000019")) == 5
    assert [entry["outcome"] for entry in desk.inv("history", "--env", "dev", "--json").document["deployments"]] == [
        "done"
    ]


@pytest.mark.slow
def test_output_that_cannot_be_written_is_no_success(desk: Desk):
    """A full disk under the output: one line, exit 1; the deployment itself goes on to its end."""
    desk.command()
    code, _, err = shell(desk, "inv deploy --env dev > /dev/full")
    told = "botswain: stdout: done, but the output could not be written: No space left on device"
    assert (code, err.splitlines()) == (1, [f"guild {GUILD}: written", told])
    assert list(desk.live()) == ["ping"]
    code, out, _ = shell(desk, "inv status --env dev 2> /dev/full")
    assert (code, out.splitlines()[0]) == (0, "environment  dev")


@pytest.mark.slow
def test_closed_streams(desk: Desk):
    """Started without stdin, stdout or stderr, as some daemons do."""
    desk.command()
    code, _, err = shell(
        desk, "inv deploy --env dev <&- >&- && inv status --env dev 2>&- >/dev/null && inv status <&- --env dev"
    )
    assert code == 0, err
    assert "Traceback" not in err


@pytest.mark.slow
def test_output_in_any_encoding(changed: Desk):
    """An arrow that the terminal cannot show is no reason to fail."""
    changed.environment["PYTHONIOENCODING"] = "ascii"
    ran = changed.process("deploy", "--env", "dev")
    assert ran.code == 0, ran
    assert '"Number 1" \\u2192 "Changed"' in ran.out


@pytest.mark.slow
def test_invoke_itself_runs_the_tasks_too(desk: Desk):
    """`inv` from an activated environment is as good as ./inv."""
    desk.command()
    argv = [sys.executable, "-m", "invoke", "deploy", "--env", "dev", "--json"]
    done = subprocess.run(argv, capture_output=True, check=False, timeout=60, **desk.where())
    assert json.loads(done.stdout)["outcome"] == "done"
    assert re.fullmatch(rf"guild {GUILD}: written\n", done.stderr.decode())
