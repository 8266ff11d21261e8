"""What is deployed is what is in the commit: of definitions, whatever keeps git from naming the difference."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from desk import Desk

from botswain.deployment.checkout import as_it_stands, checkout
from botswain.deployment.commit import release_commit
from botswain.errors import Refused
from botswain.profile.load import load

DISCORD = "https://discord.com/api/v10"


def git(folder: Path, *arguments: str) -> str:
    """Runs git there, as a person would whose settings are not ours."""
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def bot(tmp_path, monkeypatch):
    """A project that is its own bot, with commands in a commit."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    made = Desk(tmp_path, {})
    made.profile(api=DISCORD, service={"run": "./bot"})
    made.command()
    made.write(".gitignore", "commands/local-*\nconfig\n.botswain\n")
    made.write("bot", "#!/bin/sh\n")
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "one")
    return made


def commit(bot: Desk) -> str:
    """Commits everything."""
    git(bot.folder, "add", "-A")
    git(bot.folder, "commit", "-qm", "more")
    return git(bot.folder, "rev-parse", "HEAD")


def ignored(bot: Desk) -> None:
    """By .gitignore."""
    bot.command("local-nuke")


def excluded(bot: Desk) -> None:
    """By the clone's own list."""
    bot.write(".git/info/exclude", "commands/mine.json\n")
    bot.command("mine")


def excluded_everywhere(bot: Desk) -> None:
    """By the person's list."""
    bot.write("config/git/ignore", "mine.json\n")
    bot.command("mine")


def assumed(bot: Desk) -> None:
    """Assumed to be unchanged."""
    git(bot.folder, "update-index", "--assume-unchanged", "commands/ping.json")
    bot.command("ping", "Changed")


def skipped(bot: Desk) -> None:
    """Told to skip the work tree."""
    git(bot.folder, "update-index", "--skip-worktree", "commands/ping.json")
    bot.command("ping", "Changed")


def left_out(bot: Desk) -> None:
    """Left out by a sparse checkout."""
    git(bot.folder, "sparse-checkout", "set", "--no-cone", "/*", "!/commands/ping.json")


def led_out(bot: Desk) -> None:
    """A link that leads out."""
    outside = bot.folder.parent / f"{bot.folder.name}-outside.json"
    outside.write_text('{"name": "out", "description": "side"}')
    (bot.folder / "commands/out.json").symlink_to(outside)
    commit(bot)


def linked(bot: Desk) -> None:
    """A link in no commit."""
    (bot.folder / "commands/local-pong.json").symlink_to("ping.json")


def another_repository(bot: Desk) -> None:
    """A submodule."""
    inner = bot.folder / "commands/more"
    inner.mkdir()
    (inner / "more.json").write_text('{"name": "more", "description": "More"}')
    git(inner, "init", "-q")
    git(inner, "add", "-A")
    git(inner, "commit", "-qm", "inner")
    git(bot.folder, "-c", "advice.addEmbeddedRepo=false", "add", "commands/more")
    git(bot.folder, "commit", "-qm", "more")


def replaced(bot: Desk) -> None:
    """A commit that git shows another for."""
    head = git(bot.folder, "rev-parse", "HEAD")
    bot.command("ping", "Changed")
    new = commit(bot)
    git(bot.folder, "update-ref", "HEAD", head)
    git(bot.folder, "replace", head, new)


HIDING = [
    ignored, excluded, excluded_everywhere, assumed, skipped, left_out, led_out, linked, another_repository, replaced,
]  # fmt: skip


@pytest.mark.parametrize("hide", HIDING, ids=lambda one: one.__name__)
def test_definitions_that_git_status_hides_are_no_commit(bot, hide):
    """Refused for a real Discord, with the commands alone or the bot beside them; +dirty for a sandbox."""
    hide(bot)
    profile = load("dev")
    for look in (checkout, release_commit):
        with pytest.raises(Refused, match="has changes that are not in commit"):
            look(profile)
    rehearsal = replace(profile, api="http://127.0.0.1:9/api/v10")
    head = git(bot.folder, "rev-parse", "HEAD")
    assert checkout(rehearsal).sha == f"{head}+dirty"
    assert as_it_stands(profile).sha == f"{head}+dirty"
    assert release_commit(rehearsal).recorded == f"{head}+dirty"


def test_a_refusal_names_what_git_hides(bot):
    """The file, since `git status` does not show it."""
    ignored(bot)
    with pytest.raises(Refused, match=r"though git status hides them: commands/local-nuke.json; commit them first"):
        checkout(load("dev"))


def line_endings(bot: Desk) -> None:
    """Other line endings in the work tree."""
    git(bot.folder, "config", "core.autocrlf", "true")
    path = bot.folder / "commands/ping.json"
    path.write_bytes(b'{"name": "ping",\r\n"description": "Pong"}\r\n')
    commit(bot)
    assert b"\r" not in git(bot.folder, "cat-file", "blob", "HEAD:commands/ping.json").encode()


def attributes(bot: Desk) -> None:
    """The same by attributes."""
    bot.write(".gitattributes", "*.json text=auto eol=crlf export-ignore\n")
    (bot.folder / "commands/ping.json").write_bytes(b'{"name": "ping",\r\n"description": "Pong"}\r\n')
    commit(bot)


def links(bot: Desk) -> None:
    """Links within the repository."""
    bot.write("shared/pong.json", '{"name": "pong", "description": "Ping"}')
    (bot.folder / "commands/pong.json").symlink_to("../shared/pong.json")
    (bot.folder / "commands/more").symlink_to("../shared")
    commit(bot)


def drafts(bot: Desk) -> None:
    """Files that define nothing."""
    bot.write("commands/_draft.json", "{}")
    bot.write("commands/notes.txt", "")
    commit(bot)
    git(bot.folder, "update-index", "--assume-unchanged", "commands/_draft.json")
    (bot.folder / "commands/_draft.json").unlink()


def worktree(bot: Desk) -> None:
    """A second work tree."""
    git(bot.folder, "worktree", "add", "-q", "../tree-" + bot.folder.name)
    bot.profile(api=DISCORD, repo="../tree-" + bot.folder.name, service={"run": "./bot"})


def shallow(bot: Desk) -> None:
    """A clone without history."""
    git(bot.folder.parent, "clone", "-q", "--depth=1", bot.folder.as_uri(), "clone-" + bot.folder.name)
    bot.profile(api=DISCORD, repo="../clone-" + bot.folder.name, service={"run": "./bot"})


CLEAN = [line_endings, attributes, links, drafts, worktree, shallow]


@pytest.mark.parametrize("make", CLEAN, ids=lambda one: one.__name__)
def test_definitions_as_git_checks_them_out_are_the_commit(bot, make):
    """Line endings, attributes, links inside of the repository, worktrees and shallow clones make nothing dirty."""
    make(bot)
    profile = load("dev")
    head = git(profile.source.repo, "rev-parse", "HEAD")
    assert checkout(profile).sha == head
    if make is not drafts:
        assert release_commit(profile).recorded == head
