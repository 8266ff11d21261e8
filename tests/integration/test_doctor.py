"""The doctor with each thing broken in turn: it says what, how to mend it, and goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass

import httpx
import pytest
from desk import APP, GUILD, GUILD_2, OTHER_APP, Desk, token

from botswain.audit.log import AuditLog
from botswain.sandbox.process import running_server
from botswain.state.folder import FolderStore

GOOD, WARNING, BAD, UNKNOWN = "good", "warning", "bad", "cannot tell"
EVERYTHING = [
    "python", "packages", "git", ".env", "variables", "profile", "sources", "commit", "records", "lock",
    "unfinished run", "audit log", "records writable", "credentials", "application", "clock", "access",
    "global and guild", "not in the sources", "limits",
]  # fmt: skip


@dataclass
class Report:
    """What the doctor said."""

    code: int
    looks: dict[str, list[tuple[str, str, str]]]

    def one(self, look: str) -> tuple[str, str, str]:
        """The only finding of a look: verdict, detail, fix."""
        (found,) = self.looks[look]
        return found

    def verdicts(self, *, but: str = "") -> set[str]:
        """The verdicts of all looks, without one, and without the packages of the environment that runs the tests."""
        return {one[0] for look, found in self.looks.items() if look not in (but, "packages") for one in found}


def doctor(desk: Desk, environment: str = "dev") -> Report:
    """Runs it, and holds whatever it finds against its rules."""
    before = tree(desk)
    ran = desk.inv("doctor", "--env", environment, "--json")
    document = ran.document
    looks = defaultdict(list)
    for one in document["looks"]:
        assert set(one) == {"look", "verdict", "detail", "fix"}
        assert one["detail"], one
        assert bool(one["fix"]) == (one["verdict"] in (WARNING, BAD)), one
        assert "\n" not in one["detail"] + one["fix"], one
        assert "internal error" not in one["detail"], one
        looks[one["look"]].append((one["verdict"], one["detail"], one["fix"]))
    report = Report(ran.code, looks)
    assert (document["task"], document["environment"], document["exitCode"]) == ("doctor", environment, ran.code)
    assert ran.code == int(BAD in {verdict for found in looks.values() for verdict, _, _ in found})
    assert tree(desk) == before, "it changed something"
    return report


def tree(desk: Desk) -> dict[str, bytes | None]:
    """Every file and folder of the project, without what is only remembered and the double's own state."""
    return {
        str(path): path.read_bytes() if path.is_file() else None
        for path in desk.folder.rglob("*")
        if ".botswain" not in path.parts and ".git" not in path.parts
    }


def git(desk: Desk, *arguments: str) -> None:
    """Git in the project."""
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    subprocess.run(["git", *who, *arguments], cwd=desk.folder, check=True, capture_output=True)


@pytest.fixture
def sound(desk: Desk):
    """A deployed project with nothing wrong, committed."""
    desk.commands(3)
    assert desk.inv("deploy", "--env", "dev").code == 0
    desk.write(".gitignore", ".env\n.botswain\n")
    git(desk, "init", "-q")
    git(desk, "add", ".")
    git(desk, "commit", "-qm", "x")
    return desk


def test_a_sound_project(sound: Desk):
    """Everything is looked at, and nothing is found."""
    report = doctor(sound)
    assert list(report.looks) == EVERYTHING
    assert report.verdicts() == {GOOD}, report
    assert report.code == 0


def test_before_the_first_deployment(desk: Desk):
    """Nothing deployed is nothing wrong, and looking leaves no folder behind."""
    desk.commands(1)
    report = doctor(desk)
    assert report.verdicts() == {GOOD}
    assert "nothing deployed yet" in report.one("records")[1]
    assert not (desk.folder / "manifests").exists()


def test_text_has_one_line_a_look_and_a_fix_under_what_is_not_good(sound: Desk):
    """Signs instead of colour off a terminal; the last line counts."""
    sound.write(".env", "X=1\n").chmod(0o644)
    ran = sound.inv("doctor", "--env", "dev")
    assert ran.code == 0
    lines = ran.out.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("! .env "))
    assert lines[at + 1].strip() == "→ chmod 600 .env"
    assert "✓ lock               free" in lines
    assert lines[-1].startswith(f"{len(EVERYTHING)} looks: ")
    assert "\033" not in ran.out


def test_no_such_environment(desk: Desk):
    """There is nothing to look at; the nearest name is told."""
    ran = desk.inv("doctor", "--env", "dve")
    assert (ran.code, ran.told) == (1, ['profiles/dve.yaml: no profile "dve"; did you mean "dev"?'])


def test_a_profile_that_cannot_be_read(sound: Desk):
    """This machine and .env are looked at all the same; what needs the profile cannot tell."""
    sound.profile(guilds=4, enabled_commands=5)
    report = doctor(sound)
    told = [detail for _, detail, _ in report.looks["profile"]]
    assert told == [
        "profiles/dev.yaml: enabled_commands: must be a list, not 5",
        "profiles/dev.yaml: guilds: unknown field",
    ]
    assert ("bad", "profiles/dev.yaml: guilds: unknown field", 'did you mean "guild_ids"?') in report.looks["profile"]
    assert (report.one("git")[0], report.one(".env")[0]) == (GOOD, GOOD)
    unknown = {look for look, found in report.looks.items() if found[0][0] == UNKNOWN}
    assert {"credentials", "sources", "records", "lock", "application", "access", "limits"} <= unknown


def test_gaps_and_conflicts_of_a_profile(desk: Desk):
    """What load refuses is told, and the other looks go on."""
    desk.commands(1)
    desk.profile(guild_ids=[], application_id=OTHER_APP)
    desk.production()
    report = doctor(desk)
    found = report.looks["profile"]
    assert {verdict for verdict, _, _ in found} == {BAD}
    assert any("is the production application of profiles/prod.yaml" in detail for _, detail, _ in found)
    assert any(fix == "list some, or set DISCORD_DEV_GUILD_IDS" for _, _, fix in found)
    assert report.one("sources")[0] == GOOD


# .env and credentials


def test_dotenv(sound: Desk):
    """Open to others or not ignored is a risk; in git it is bad; a broken line is told with its number."""
    path = sound.write(".env", "X=1\n")
    path.chmod(0o600)
    assert doctor(sound).one(".env")[0] == GOOD
    path.chmod(0o640)
    assert doctor(sound).one(".env") == (WARNING, "others on this machine may open it (mode 640)", "chmod 600 .env")
    path.chmod(0o600)
    sound.write(".gitignore", ".botswain\n")
    verdict, detail, fix = doctor(sound).one(".env")
    assert (verdict, "git does not ignore it" in detail, fix) == (WARNING, True, "add .env to .gitignore")
    git(sound, "add", ".")
    verdict, detail, fix = doctor(sound).one(".env")
    assert (verdict, fix.startswith("git rm --cached .env")) == (BAD, True)


def test_a_broken_dotenv_does_not_stop_the_others(sound: Desk):
    """It stands in the way of every task, and so this one has to get past it."""
    sound.write(".env", f"DISCORD_PROD_TOKEN={token(OTHER_APP)}\nDISCORD DEV TOKEN\n").chmod(0o600)
    report = doctor(sound)
    assert report.one(".env")[:2] == (BAD, ".env: line 2: is not NAME=value, or a quote is not closed")
    assert report.one("git")[0] == GOOD


@pytest.mark.parametrize(
    ("value", "detail", "fix"),
    [
        (None, "environment: DISCORD_DEV_TOKEN: is not set", "export it"),
        ("abc", "environment: DISCORD_DEV_TOKEN: is no bot token", "copy it again"),
        (token(OTHER_APP), "DISCORD_DEV_TOKEN holds production credentials", "give dev an application"),
    ],
    ids=["none", "malformed", "production's"],
)
def test_credentials(sound: Desk, value, detail, fix):
    """Nothing is asked of Discord with credentials that are missing, broken or production's."""
    sound.profile(api="https://discord.com/api/v10")
    sound.production()
    if value:
        sound.environment["DISCORD_DEV_TOKEN"] = value
    report = doctor(sound)
    verdict, told, remedy = report.one("credentials")
    assert (verdict, detail in told, remedy.startswith(fix)) == (BAD, True, True), (told, remedy)
    for look in ("application", "clock", "access", "global and guild", "not in the sources", "limits"):
        assert report.one(look)[:2] == (UNKNOWN, "there are no usable credentials")


def test_a_secret_beside_a_token(sound: Desk):
    """Said which one is used, and never its value."""
    sound.environment.update(DISCORD_DEV_TOKEN=token(), DISCORD_DEV_CLIENT_SECRET="x" * 32)
    told = "bot token from DISCORD_DEV_TOKEN (environment); DISCORD_DEV_CLIENT_SECRET is not used"
    assert doctor(sound).one("credentials") == (GOOD, told, "")
    del sound.environment["DISCORD_DEV_TOKEN"]
    told = "client secret from DISCORD_DEV_CLIENT_SECRET (environment)"
    report = doctor(sound)
    assert report.one("credentials") == (GOOD, told, "")
    assert report.verdicts() == {GOOD}


def test_a_token_of_another_application(sound: Desk):
    """What Discord says decides; nothing more is asked with it."""
    sound.environment["DISCORD_DEV_TOKEN"] = token("100000000000000007")
    report = doctor(sound)
    assert report.one("application")[0] == BAD
    assert "belongs to application 100000000000000007" in report.one("application")[1]
    assert report.one("access")[:2] == (UNKNOWN, "the application is not known")


def test_a_manifest_of_another_application(sound: Desk):
    """The profile was pointed elsewhere after a deployment."""
    sound.profile(application_id=OTHER_APP)
    report = doctor(sound)
    assert report.one("application")[:2] == (
        BAD,
        f"the token belongs to {OTHER_APP}, and {APP} was deployed to",
    )


# The sources and their commit


def test_sources(sound: Desk):
    """Problems of all files, one by one up to ten; the rest of the looks goes on without them."""
    for number in range(12):
        sound.command(f"Bad{number:02}", "")
    report = doctor(sound)
    assert len(report.looks["sources"]) == 11
    assert report.looks["sources"][-1][2] == "./inv validate lists them all"
    assert {verdict for verdict, _, _ in report.looks["sources"]} == {BAD}
    assert report.one("not in the sources")[0] == UNKNOWN
    assert report.one("limits")[0] == GOOD


def test_no_command_at_all(sound: Desk):
    """It is what a wrong folder looks like."""
    sound.forget_commands()
    assert doctor(sound).one("sources")[0] == WARNING


def test_notes_of_the_sources(sound: Desk):
    """What the plan would note is told here too."""
    sound.command("launch", "", type="primary_entry_point", handler="app_handler")
    found = doctor(sound).looks["sources"]
    assert [verdict for verdict, _, _ in found] == [GOOD, WARNING] or found[0][0] == BAD, found
    assert "is an entry point" in found[-1][1]


def test_definitions_in_no_commit(sound: Desk):
    """A sandbox may deploy that; anything else may not."""
    sound.command("new")
    assert doctor(sound).one("commit")[0] == GOOD
    sound.profile(api="https://discord.com/api/v10")
    verdict, detail, fix = doctor(sound).one("commit")
    assert (verdict, "has changes that are not in commit" in detail, fix.startswith("commit them")) == (BAD, True, True)


# A bot's own code


def executable(desk: Desk, name: str, script: str) -> str:
    """A program in the project."""
    path = desk.write(name, f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_node(sound: Desk):
    """The interpreter, its version, and the library where Node would find it, which a bot may do without."""
    commands = {"source": "discord.js", "folder": "bot/commands"}
    sound.write("bot/commands/ping.js", "")
    sound.write("package-lock.json", "{}")
    sound.profile(commands={**commands, "interpreter": executable(sound, "tools/node", "echo v16.3.0")})
    report = doctor_of_code(sound)
    assert report.one("node") == (BAD, "v16.3.0, and discord.js needs 18", "install a newer Node.js")
    verdict, detail, fix = report.one("node_modules")
    assert (verdict, fix.startswith("run `npm ci` in ")) == ("warning", True), detail
    executable(sound, "tools/node", "echo v22.1.0")
    sound.write("node_modules/@discordjs/builders/package.json", '{"version": "1.11.0"}')
    assert doctor_of_code(sound).one("node_modules") == (GOOD, "@discordjs/builders 1.11.0", "")
    sound.write("node_modules/discord.js/package.json", '{"version": "14.25.0"}')
    report = doctor_of_code(sound)
    assert report.one("node") == (GOOD, "v22.1.0", "")
    assert report.one("node_modules") == (GOOD, "discord.js 14.25.0", "")
    executable(sound, "tools/node", "exit 1")
    assert doctor_of_code(sound).one("node")[0] == BAD


def test_the_python_of_a_bot(sound: Desk):
    """Its own environment, in which discord.py can be imported; it sees no token."""
    sound.profile(commands={"source": "discord.py", "object": "bot:tree"})
    sound.environment["DISCORD_DEV_TOKEN"] = token()
    verdict, detail, _ = doctor_of_code(sound).one("bot's python")
    assert (verdict, "neither .venv/bin/python nor venv/bin/python" in detail) == (BAD, True)
    assert doctor_of_code(sound).one("sources")[0] == "cannot tell"  # one thing is wrong, and told once
    executable(sound, "venv/bin/python", f'exec {sys.executable} -S "$@"')
    verdict, detail, fix = doctor_of_code(sound).one("bot's python")
    assert (verdict, "cannot import discord" in detail, "-m pip install" in fix) == (BAD, True, True)
    executable(sound, "venv/bin/python", '[ -z "$DISCORD_DEV_TOKEN" ] && echo 3.12.1 2.6.0')
    assert doctor_of_code(sound).one("bot's python") == (GOOD, "Python 3.12.1 with discord.py 2.6.0", "")
    executable(sound, "venv/bin/python", "exit 1")
    assert "cannot be run" in doctor_of_code(sound).one("bot's python")[1]


def doctor_of_code(desk: Desk) -> Report:
    """The report, where the code itself need not be readable."""
    looks = defaultdict(list)
    ran = desk.inv("doctor", "--env", "dev", "--json")
    for one in ran.document["looks"]:
        looks[one["look"]].append((one["verdict"], one["detail"], one["fix"]))
    return Report(ran.code, looks)


# The records


def test_a_damaged_manifest(sound: Desk):
    """The way to restore it is told; Discord is looked at all the same."""
    sound.write("manifests/dev.json", "{")
    report = doctor(sound)
    assert report.one("records")[0] == BAD
    assert "./inv manifest.restore --env dev" in report.one("records")[2]
    assert report.one("access")[0] == GOOD


def test_a_damaged_history(sound: Desk):
    """A rollback would need it."""
    entry = next(path for path in (sound.folder / "manifests/dev/history").iterdir() if "manifest" not in path.name)
    entry.write_text("[]")
    verdict, detail, fix = doctor(sound).one("records")
    assert (verdict, entry.name in detail, fix) == (BAD, True, "restore the file, or move it away")


def test_a_tampered_audit_log(sound: Desk):
    """The first record that is not what was written is named."""
    path = sound.folder / "manifests/dev/audit.jsonl"
    path.write_text(path.read_text().replace('"tester"', '"nobody"', 1))
    report = doctor(sound)
    assert {verdict for verdict, _, _ in report.looks["audit log"]} == {BAD}
    assert report.looks["audit log"][0][1].startswith("record 1: ")


def test_a_run_that_was_cut_off(sound: Desk):
    """The next run settles it, so it is no more than a warning."""
    event = {"seq": 0, "at": "2026-11-22T10:15:30.123Z", "event": "begins", "deployment": "20261122-101530-3f9a2c"}
    sound.write("manifests/dev/journal.jsonl", json.dumps(event) + "\n")
    verdict, detail, fix = doctor(sound).one("unfinished run")
    assert (verdict, detail) == (WARNING, "deployment 20261122-101530-3f9a2c did not end")
    assert "settles it" in fix
    sound.write("manifests/dev/journal.jsonl", "{}\n{}\n")
    report = doctor(sound)
    assert (report.one("lock")[0], report.one("unfinished run")[0]) == (GOOD, BAD)


@pytest.mark.parametrize(
    ("heartbeat", "verdict"), [("2999-01-01T00:00:00.000Z", WARNING), ("2026-01-01T00:00:00.000Z", BAD)]
)
def test_a_lock_that_is_held(sound: Desk, heartbeat, verdict):
    """A run under way is to be waited for; one without a sign of life may hang."""
    path = sound.folder / "manifests/dev/lock"
    holder = {
        "deployment": "D", "actor": "anna", "command": "deploy", "token": "t", "host": os.uname().nodename,
        "pid": os.getppid(), "process_started": "", "started_at": "2026-01-01T00:00:00.000Z", "heartbeat": heartbeat,
        "alive": True,
    }  # fmt: skip
    path.write_text(json.dumps({"holder": holder, "breaks": []}))
    script = (
        "import fcntl, sys; f = open(sys.argv[1], 'r+'); fcntl.flock(f, 2); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        found, detail, fix = doctor(sound).one("lock")
        process.stdin.close()
    assert (found, "anna (deploy) since 2026-01-01" in detail) == (verdict, True)
    assert ("./inv lock.break --env dev" in fix) == (verdict == BAD)
    assert ("though it should show a sign of life every 10 s: probably dead" in detail) == (verdict == BAD)


def test_a_misspelt_variable(sound: Desk):
    """It would do nothing, and nobody would know why; its value is never shown."""
    sound.profile("dev_eu", guild_ids=[GUILD_2])
    sound.environment |= {"DISCORD_DEV_CLIENT_SECRT": "s3cr3t-value", "DISCORD_DEV_EU_TOKN": "x", "DISCORD_DEV_X": "1"}
    ran = sound.inv("doctor", "--env", "dev")
    assert "s3cr3t-value" not in ran.out + ran.err
    found = doctor(sound).looks["variables"]
    assert [(verdict, detail) for verdict, detail, _ in found] == [
        (WARNING, f"DISCORD_DEV_{name} (environment) is set, and nothing reads a variable of this name")
        for name in ("CLIENT_SECRT", "X")
    ]
    assert found[0][2] == 'correct the name, or unset it; did you mean "DISCORD_DEV_CLIENT_SECRET"?'


@pytest.mark.parametrize("place", ["manifests", "manifests/dev"])
def test_records_that_cannot_be_written(desk: Desk, place):
    """Better now than after Discord was written."""
    desk.commands(1)
    if place == "manifests/dev":
        (desk.folder / "manifests").mkdir()
    desk.write(place, "in the way")
    assert doctor(desk).one("records writable")[0] == BAD


def test_a_disk_that_is_nearly_full(sound: Desk, monkeypatch):
    """Records still fit, and soon will not."""
    monkeypatch.setattr("botswain.deployment.doctor.kept.ROOM", 1e18)
    verdict, detail, fix = doctor(sound).one("records writable")
    assert (verdict, detail.endswith(" free"), fix.startswith("make room")) == (WARNING, True, True)


def test_an_intent_without_outcome(sound: Desk):
    """What was cut off is no damage of the log."""
    AuditLog(FolderStore(sound.folder / "manifests/dev.json"), "dev").intent("deploy", "anna", {})
    verdict, detail, _ = doctor(sound).one("audit log")
    assert (verdict, "has no outcome" in detail) == (WARNING, True)


def test_a_state_that_cannot_be_opened(sound: Desk):
    """Whatever stands in its way is the finding; Discord is looked at all the same."""
    sound.profile(state={"kind": "git", "remote": "nowhere"})
    report = doctor(sound)
    found = [one for look in ("records", "lock", "audit log", "records writable") for one in report.looks[look]]
    assert BAD in {verdict for verdict, _, _ in found}
    assert report.one("access")[0] == GOOD


# Discord


def test_guilds_without_access_are_told_together(sound: Desk):
    """One line for those that answer alike, with the invitation; a single one gets its own."""
    ids = [str(300000000000000000 + number) for number in range(20)]
    sound.profile(guild_ids=[GUILD, *ids])
    double = sound.sandbox()
    for guild in ids[:-1]:
        double.set_guild(guild, "forbidden")
    double.set_guild(ids[-1], "missing")
    double.close()
    report = doctor(sound)
    many, single, rest = sorted(report.looks["access"], key=lambda one: (one[0], -len(one[1])))
    assert (
        many[1]
        == f"19 guilds ({', '.join(ids[:5])} and 14 more): the application has no access to it (HTTP 403, code 50001)"
    )
    invite = f"https://discord.com/oauth2/authorize?client_id={APP}&scope=applications.commands&guild_id="
    assert many[2].startswith(f"open {invite}ID, for each")
    assert single[1].startswith(f"guild {ids[-1]}: ")
    assert single[2] == f"open {invite}{ids[-1]}; or take it out of the profile"
    assert rest == (GOOD, f"global commands and guild {GUILD} can be reached", "")


def test_an_outage_is_nobody_s_fault(sound: Desk):
    """What Discord could not answer cannot be told, and is not bad."""
    double = sound.sandbox()
    double.fault("status", path=GUILD, status=503, count=4)
    double.close()
    report = doctor(sound)
    verdicts = [verdict for verdict, _, _ in report.looks["access"]]
    assert verdicts == [UNKNOWN, GOOD]
    assert report.code == 0


def test_nobody_answers(sound: Desk):
    """Without Discord the rest is still looked at."""
    sound.profile(api="http://127.0.0.1:9/api/v10")
    report = doctor(sound)
    assert report.one("application")[0] == UNKNOWN
    assert "refused the connection" in report.one("application")[1]
    assert report.one("clock")[0] == UNKNOWN
    assert (report.one("records")[0], report.code) == (GOOD, 0)


def test_a_command_seen_twice(sound: Desk):
    """Told per command and where, and apart whether it is so now or would be after a deploy."""
    sound.profile(guild_ids=[GUILD, GUILD_2])
    for name in ("c01", "c02"):
        sound.edit("create", "global", command={"name": name, "description": "x"})
    sound.edit("create", "global", command={"name": "c03", "type": 2})  # of another kind
    found = doctor(sound).looks["global and guild"]
    names = "chat_input/c01, chat_input/c02 is global and in"
    assert [(verdict, detail) for verdict, detail, _ in found] == [
        (WARNING, f"{names} guild {GUILD}: users see both"),
        (WARNING, f"{names} guild {GUILD_2}: users would see both after a deploy"),
    ]


def test_commands_in_no_source(sound: Desk):
    """For information; with what a deploy does to them, which depends on whose they are and on the policy."""
    (sound.folder / "commands/c03.json").unlink()
    sound.edit("create", command={"name": "theirs", "description": "x"})
    ours = (GOOD, f"guild {GUILD}: chat_input/c03, of ours; the next deploy deletes them", "")
    stranger = f"guild {GUILD}: chat_input/theirs, which Botswain did not deploy; "
    assert doctor(sound).looks["not in the sources"] == [ours, (GOOD, f"{stranger}they stay", "")]
    for policy, verdict, fate in (
        ("delete", WARNING, "the next deploy deletes them"),
        ("refuse", BAD, "deploy refuses that"),
    ):
        sound.profile(commands={"unmanaged": policy})
        first, second = doctor(sound).looks["not in the sources"]
        assert (first, second[:2]) == (ours, (verdict, f"{stranger}{fate}"))


def test_a_scope_that_left_the_profile(sound: Desk):
    """What we left there is told, and no access to it is no matter any more."""
    sound.profile(guild_ids=[GUILD_2])
    found = doctor(sound).looks["not in the sources"]
    assert [one[0] for one in found] == [GOOD]
    assert found[0][1].startswith(f"guild {GUILD}: chat_input/c01")
    assert "left the profile" in found[0][1]
    double = sound.sandbox()
    double.set_guild(GUILD, "forbidden")
    double.close()
    assert doctor(sound).verdicts() == {GOOD}


def test_limits(desk: Desk):
    """Near Discord's 100, 15 and 15 is a warning; more is bad, and what is live and stays counts."""
    for number in range(14):
        desk.command(f"User {number}", "", type="user")
    assert desk.inv("validate", "--env", "dev").code == 0
    report = doctor(desk)
    assert report.one("limits")[:2] == (WARNING, f"guild {GUILD}: 14 of 15 user commands")
    for name in ("One", "Two"):
        desk.edit("create", command={"name": name, "type": 2})
    assert doctor(desk).one("limits")[:2] == (BAD, f"guild {GUILD}: 16 of 15 user commands")


@pytest.mark.slow
def test_the_clock(sound: Desk):
    """Signed off at 5 seconds, and at a minute, in either direction."""
    with running_server() as url:
        sound.profile(api=f"{url}/api/v10")

        def turn(seconds: float) -> tuple[str, str, str]:
            body = {"seconds": seconds}
            httpx.post(f"{url}/sandbox/clock", json=body, trust_env=False).raise_for_status()
            return doctor(sound).one("clock")

        assert turn(0) == (GOOD, "agrees with Discord's", "")
        verdict, detail, fix = turn(30)
        assert (verdict, detail.endswith("s behind Discord's"), "timedatectl" in fix) == (WARNING, True, True)
        assert turn(60)[0] == BAD
        verdict, detail, _ = turn(-200)
        assert (verdict, detail.endswith("s ahead of Discord's")) == (BAD, True)
