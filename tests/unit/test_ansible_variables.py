"""Variables for Ansible are handed over in a file of our own, which goes."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys

import pytest

from botswain.ansible.variables import clear, handed, literal


def test_only_this_user_can_read_them_and_they_go(tmp_path):
    """0600 while they are there, gone afterwards, also after a failure."""
    with handed({"a": "b"}, tmp_path) as file:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert json.loads(file.read_text()) == {"a": "b"}
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ZeroDivisionError), handed({}, tmp_path):
        _ = 1 / 0
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path):
    """And never what a run that lives has handed over."""
    script = (
        "import os, sys, pathlib; from botswain.ansible.variables import handed\n"
        "with handed({'s': 'secret'}, pathlib.Path(sys.argv[1])): os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path], check=False, cwd=os.getcwd())  # noqa: PTH109
    assert done.returncode == -9
    assert len(list(tmp_path.iterdir())) == 1
    with handed({}, tmp_path) as living:
        assert list(tmp_path.iterdir()) == [living]
        clear(tmp_path)
        assert list(tmp_path.iterdir()) == [living]


def test_nothing_in_them_is_a_template():
    """A secret with braces is a secret, not something for Ansible to render."""
    given = {"a": ["x{{ y }}", "{% if %}"], "b": {"c": "plain {d}"}, "e": 1}
    unsafe = [{"__ansible_unsafe": "x{{ y }}"}, {"__ansible_unsafe": "{% if %}"}]
    assert literal(given) == {"a": unsafe, "b": {"c": "plain {d}"}, "e": 1}
