"""`detect`: what the sources changed, told without asking Discord."""

from __future__ import annotations

import json
import subprocess

import pytest
from desk import GUILD, GUILD_2, Desk, refused, steady


def git(desk: Desk, *arguments: str) -> str:
    """Runs git in the project."""
    identity = ("-c", "user.name=anna", "-c", "user.email=anna@ship")
    done = subprocess.run(["git", *identity, *arguments], cwd=desk.folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(desk: Desk) -> str:
    """Commits everything."""
    if not (desk.folder / ".git").exists():
        git(desk, "init", "-q", "-b", "main")
        desk.write(".gitignore", ".botswain\nmanifests\n")
    git(desk, "add", "-A")
    git(desk, "commit", "-q", "-m", "change")
    return git(desk, "rev-parse", "HEAD")


def edit(desk: Desk) -> None:
    """A new command, an edited one, a deleted one, and one that is called otherwise."""
    desk.command("new")
    desk.command("c01", "Edited", options=[{"type": "string", "name": "why", "description": "Why"}])
    (desk.folder / "commands/c02.json").unlink()
    (desk.folder / "commands/c03.json").unlink()
    desk.command("c33", "Number 3")


TOLD = """\
  + /new
  + /c33  (like /c03 but for its name: `renamed_from` keeps its id)
  ~ /c01  description, options
  - /c02
  - /c03
2 new, 1 modified, 2 deleted since {since}."""


@pytest.fixture
def edited(desk: Desk):
    """Three commands are deployed and committed, and then edited."""
    desk.commands(3)
    assert desk.inv("deploy", "--env", "dev").code == 0
    commit(desk)
    edit(desk)
    return desk


def ordered(text: str) -> list[str]:
    """Lines in an order of their own: that of files is not what is tested here."""
    return sorted(text.splitlines())


def test_what_changed_since_the_last_deployment(edited: Desk):
    """The recorded manifest is what the sources are compared with; Discord is not asked."""
    ran = edited.inv("detect", "--env", "dev")
    assert (ran.code, ordered(steady(ran.out))) == (0, ordered(TOLD.format(since="deployment ID"))), ran
    assert edited.inv("detect", "--env", "dev", "--check").code == 2
    assert edited.inv("deploy", "--env", "dev", "--yes", "--allow-delete", "2").code == 0
    ran = edited.inv("detect", "--env", "dev", "--check")
    assert (ran.code, steady(ran.out)) == (0, "No change since deployment ID.\n"), ran


def test_what_changed_since_a_branch_is_what_this_work_changed(edited: Desk):
    """A branch stands for where this work left it: what others did there since is no change of ours."""
    base = git(edited, "rev-parse", "HEAD")
    git(edited, "checkout", "-q", "-b", "work")
    commit(edited)
    git(edited, "checkout", "-q", "main")
    edited.command("theirs")
    commit(edited)
    git(edited, "checkout", "-q", "work")
    ran = edited.inv("detect", "--env", "dev", "--since", "main")
    assert ordered(ran.out) == ordered(TOLD.format(since=f"commit {base[:12]}")), ran
    assert edited.inv("detect", "--env", "dev", "--since", "HEAD", "--check").code == 0


def test_the_work_tree_and_the_index_stay_as_they_are(edited: Desk):
    """The earlier commit is taken out of git beside them."""
    before = git(edited, "status", "--porcelain")
    assert edited.inv("detect", "--env", "dev", "--since", "HEAD", "--check").code == 2
    assert git(edited, "status", "--porcelain") == before
    assert git(edited, "worktree", "list").count("\n") == 0


def test_a_pull_request_of_a_profile_without_guilds(desk: Desk):
    """CI has no ids and no token, and neither is needed to see what a pull request changes."""
    desk.profile("stage", api=None, application_id=None, guild_ids=None)
    desk.command("ping")
    commit(desk)
    desk.command("pong")
    ran = desk.inv("detect", "--env", "stage", "--since", "HEAD", "--check", "--json")
    assert (ran.code, ran.document["new"], ran.document["addedScopes"]) == (2, ["chat_input/pong"], []), ran
    ran = desk.inv("detect", "--env", "stage", "--json")
    assert (ran.code, ran.document["new"]) == (0, ["chat_input/ping", "chat_input/pong"]), ran
    assert ran.document["since"] == "nothing: no deployment is recorded"


def test_the_report_has_fields_and_checksums(edited: Desk):
    """A later step of CI reads it; the same command has the same checksum tomorrow."""
    ran = edited.inv("detect", "--env", "dev", "--report", "out/report.json", "--json")
    report = json.loads((edited.folder / "out/report.json").read_text())
    assert {**report, "exitCode": 0} == ran.document
    assert [one["command"] for one in report["modified"]] == ["chat_input/c01"]
    assert report["modified"][0]["fields"][0] == {"path": "description", "before": "Number 1", "after": "Edited"}
    assert report["alike"] == [{"command": "chat_input/c33", "deleted": "chat_input/c03"}]
    assert sorted(report["checksums"]) == ["chat_input/c01", "chat_input/c33", "chat_input/new"]
    again = edited.inv("detect", "--env", "dev", "--json").document["checksums"]
    edited.command("new", "Otherwise")
    changed = edited.inv("detect", "--env", "dev", "--json").document["checksums"]
    assert again == report["checksums"]
    assert [name for name in again if again[name] != changed[name]] == ["chat_input/new"]


def test_a_report_for_a_pull_request_is_markdown(edited: Desk):
    """`.md` is what a comment on a pull request takes."""
    assert edited.inv("detect", "--env", "dev", "--report", "report.md").code == 0
    text = (edited.folder / "report.md").read_text()
    assert text.startswith("### Commands of dev\n\n```\n")
    assert "  - /c02\n" in text


def test_a_guild_more_is_no_new_command(desk: Desk):
    """What changes then is where the commands are."""
    desk.commands(2)
    assert desk.inv("deploy", "--env", "dev").code == 0
    desk.profile(guild_ids=[GUILD_2])
    ran = desk.inv("detect", "--env", "dev", "--check", "--json")
    found = ran.document
    assert (ran.code, found["new"], found["modified"], found["deleted"]) == (2, [], [], []), ran
    assert (found["addedScopes"], found["removedScopes"]) == ([f"guild {GUILD_2}"], [f"guild {GUILD}"])


def test_a_commit_that_is_not_there(edited: Desk):
    """A typing error, and a shallow clone as CI makes them, are told apart."""
    fix = "git branch --all and git log show what there is"
    refused(edited.inv("detect", "--env", "dev", "--since", "mian"), f'.: has no commit "mian"; {fix}')
    refused(edited.inv("detect", "--env", "dev", "--since", "--all"), f'.: has no commit "--all"; {fix}')
    range_ = edited.inv("detect", "--env", "dev", "--since", "HEAD~1..HEAD")
    refused(range_, '.: "HEAD~1..HEAD" is a range; name one commit or branch to compare with')
    (edited.folder / ".git/shallow").write_text(git(edited, "rev-parse", "HEAD") + "\n")
    deep = "this clone is shallow: fetch the whole history (fetch-depth: 0 in actions/checkout)"
    refused(edited.inv("detect", "--env", "dev", "--since", "v1"), f'.: has no commit "v1"; {deep}')


def test_outside_of_git_there_is_no_since(desk: Desk):
    """It says what is missing."""
    desk.commands(1)
    told = ".: is no git repository; set `repo` in the profile to the bot's repository"
    refused(desk.inv("detect", "--env", "dev", "--since", "HEAD"), told)


def test_sources_that_were_invalid_then(desk: Desk):
    """The file is named as it is called in the repository, with the commit."""
    desk.definition("bad.json", {"name": "BAD", "description": "x"})
    base = commit(desk)
    (desk.folder / "commands/bad.json").unlink()
    desk.command("good")
    ran = desk.inv("detect", "--env", "dev", "--since", "HEAD")
    assert ran.code == 1
    assert ran.told[0].startswith(f"commit {base[:12]}: commands/bad.json: /BAD: "), ran


def test_a_bot_in_a_folder_of_a_larger_repository(desk: Desk):
    """`repo` may be a part of it."""
    desk.write("bots/one/commands/ping.json", json.dumps({"name": "ping", "description": "Pong"}))
    desk.profile(repo="bots/one")
    commit(desk)
    desk.write("bots/one/commands/pong.json", json.dumps({"name": "pong", "description": "Ping"}))
    ran = desk.inv("detect", "--env", "dev", "--since", "HEAD", "--json")
    assert ran.document["new"] == ["chat_input/pong"], ran


def test_a_report_that_cannot_be_written(edited: Desk):
    """The file in the way is named."""
    edited.write("out", "a file")
    ran = edited.inv("detect", "--env", "dev", "--report", "out/report.json")
    assert ran.code == 1
    assert ran.told[0].startswith("out/report.json: cannot store it: Not a directory"), ran


def test_a_plan_from_an_older_checkout_says_so(edited: Desk):
    """Whoever forgot to pull sees that the difference is what somebody else deployed."""
    commit(edited)
    assert edited.inv("deploy", "--env", "dev", "--yes", "--allow-delete", "2").code == 0
    git(edited, "checkout", "-q", "HEAD~1")
    ran = edited.inv("diff", "--env", "dev")
    assert "and this checkout is older: git pull first, unless you mean to take that back" in ran.out, ran
    assert "this checkout is older" not in edited.inv("drift", "--env", "dev").out
    ran = edited.inv("deploy", "--env", "dev", "--yes", "--allow-delete", "2")
    assert (ran.code, "this checkout is older" in ran.out) == (0, True), ran
    assert "this checkout is older" not in edited.inv("diff", "--env", "dev").out
