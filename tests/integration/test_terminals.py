"""Questions, colours and streams: a terminal, a pipe, a closed descriptor, a full disk."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys

import pytest
from desk import APP, GUILD, Desk
from terminal import on_a_terminal, until

# Terminals


@pytest.fixture
def asks(desk: Desk):
    """A production profile with something to deploy: it asks."""
    (desk.folder / "profiles/dev.yaml").unlink()
    desk.production(api="sandbox", application_id=APP)
    desk.command()
    return desk


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
