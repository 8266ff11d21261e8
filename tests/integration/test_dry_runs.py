"""Dry runs in every spelling change nothing; --force and checkouts skip nothing."""

from __future__ import annotations

import subprocess

import pytest
from desk import APP, GUILD, MUTATING, Desk, steady

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


def line_of(form, task):
    """A command line of that form."""
    why = {one: ["--why", "x"] for one in ("lock.break", "state.accept", "state.restore")}
    more = {**why, "rollback": ["--allow-delete", "99"], "init": ["--repo", "."]}.get(task, [])
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
