"""What is made of git's words, and where it is let to look."""

from __future__ import annotations

import pytest

from botswain.state.git import process
from botswain.state.git.objects import _entries
from botswain.state.git.process import Ended, Git, without_password
from botswain.state.git.remote import _RACES
from botswain.state.holding import alive, surely_dead
from botswain.state.store import Holder


@pytest.mark.parametrize(
    ("err", "reason"),
    [
        ("fatal: unable to access 'http://x/': Couldn't connect\n", "unable to access 'http://x/': Couldn't connect"),
        (
            (
                "git@host: Permission denied (publickey).\nfatal: Could not read from remote repository.\n\n"
                "Please make sure you have the correct access rights\nand the repository exists.\n"
            ),
            "git@host: Permission denied (publickey)",
        ),
        (
            (
                "ssh: Could not resolve hostname host: Name or service not known\n"
                "fatal: Could not read from remote repository.\n"
            ),
            "ssh: Could not resolve hostname host: Name or service not known",
        ),
        ("warning: something\nlast words", "last words"),
        ("", "git ended with 128"),
    ],
)
def test_the_line_that_tells_most_is_chosen(err: str, reason: str) -> None:
    """Of all that git and ssh print, one line says why."""
    assert Ended(128, b"", err).reason == reason
    assert Ended(128, b"", err, late=True).reason == "it took too long to answer"


def test_no_password_in_what_is_told() -> None:
    """URLs lose theirs wherever they are shown."""
    assert process._clean("fatal: 'https://bot:hunter2@host/x' and ssh://me@host/y") == (
        "fatal: 'https://…@host/x' and ssh://…@host/y"
    )
    assert without_password("https://bot:hunter2@host/x") == "https://host/x"
    assert without_password("git@host:x") == "git@host:x"


def test_git_is_told_nothing_that_leads_it_astray(tmp_path, monkeypatch) -> None:
    """Variables of another repository, traces and our secrets stay behind; a login and settings come along."""
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_TRACE_CURL", "DISCORD_PROD_TOKEN"):
        monkeypatch.setenv(name, "x")
    for name in ("GIT_ASKPASS", "GIT_CONFIG_COUNT", "SSH_AUTH_SOCK", "GIT_SSH_COMMAND"):
        monkeypatch.setenv(name, "y")
    known = Git(tmp_path)._environment(remote=True)
    assert {"GIT_DIR", "GIT_INDEX_FILE", "GIT_TRACE_CURL", "DISCORD_PROD_TOKEN"}.isdisjoint(known)
    assert [known[name] for name in ("GIT_ASKPASS", "GIT_CONFIG_COUNT", "SSH_AUTH_SOCK", "GIT_SSH_COMMAND")] == [
        *"yyyy"
    ]
    assert (known["LC_ALL"], known["GIT_TERMINAL_PROMPT"]) == ("C", "0")


@pytest.mark.parametrize("setting", ["", "ssh -i key"])
def test_ssh_asks_nobody_off_a_terminal(tmp_path, monkeypatch, setting: str) -> None:
    """Unless the user says how to call ssh, it must not wait for a passphrase, nor for ever for a connection."""
    monkeypatch.delenv("GIT_SSH_COMMAND", raising=False)
    git = Git(tmp_path)
    git.__dict__["_config"] = {"core.sshcommand": setting}
    known = git._environment(remote=True).get("GIT_SSH_COMMAND")
    assert known == (None if setting else "ssh -o ConnectTimeout=10 -o BatchMode=yes")


@pytest.mark.parametrize(
    ("reason", "race"),
    [
        ("stale info", True),
        ("cannot lock ref 'refs/botswain/dev': is at 1 but expected 2", True),
        ("failed to update ref", True),
        ("pre-receive hook declined", False),
        ("protected branch hook declined", False),
        ("deny updating a hidden ref", False),
    ],
)
def test_races_are_told_from_refusals(reason: str, race: bool) -> None:
    """After a race one tries again; after a refusal that would not help."""
    assert bool(_RACES.search(reason)) is race


def test_trees_of_both_kinds_of_names() -> None:
    """Tree objects hold names of 20 or of 32 bytes, which may contain any byte."""
    for width in (20, 32):
        one, two = b"\0" * width, b" 1" * (width // 2)
        data = b"100644 a.json\0" + one + b"40000 b\0" + two
        assert _entries(data, width) == {"a.json": ("100644", one.hex()), "b": ("40000", two.hex())}
    assert _entries(b"", 20) == {}


def test_only_the_same_machine_knows_that_a_process_ended() -> None:
    """Boot, namespace of process ids, number and start have to agree, and the process to be gone."""
    from botswain.state.holding import holding
    from botswain.state.store import Owner

    mine = holding(Owner("id", "me", "deploy"))
    assert alive(mine)
    assert not surely_dead(mine)
    known = {name: getattr(mine, name) for name in Holder.__dataclass_fields__}
    assert surely_dead(Holder(**{**known, "process_started": "1"}))
    assert surely_dead(Holder(**{**known, "pid": 4194304}))
    for place in ("", "another boot/pid:[1]"):
        assert not surely_dead(Holder(**{**known, "pid": 4194304, "place": place}))
