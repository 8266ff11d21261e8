"""The command line's contract: one JSON document, exit codes, failures nobody thought of."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import pytest
from desk import GUILD, GUILD_2, MUTATING, ROOT, Desk

import tasks

LOOKING = {
    "validate", "doctor", "diff", "drift", "status", "history", "backups", "detect", "audit.verify", "releases",
    "service.logs", "logs", "backup.list", "backup.verify",
}  # fmt: skip


def flags(name):
    """The parameters of a task."""
    return {argument.name for argument in tasks.ns[name].get_arguments()}


def test_every_task_takes_what_every_task_takes():
    """--env, --json and --debug everywhere; --dry-run and --yes wherever something can change."""
    apart = ("dev.", "sandbox", "test", "completion", "shell")  # a shell has no document
    names = {name for name in tasks.ns.task_names if not name.startswith(apart)}
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
        (["doctor", "--env", "dev"], 0, None),
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
    for task in ("deploy", "status", "history", "backups", "detect", "diff", "rollback", "drift", "audit.verify"):
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


# What is left open


def test_a_run_leaves_no_file_open(desk: Desk):
    """Whoever runs many tasks in one process, as these tests do, does not run out of descriptors."""
    desk.commands(1)

    def run() -> int:
        for task in ("deploy", "diff", "status", "doctor"):
            desk.inv(task, "--env", "dev", "--json")
        return sum(1 for _ in Path("/proc/self/fd").iterdir())

    run()
    gc.collect()
    before = run()
    assert [run() for _ in range(3)] == [before] * 3
