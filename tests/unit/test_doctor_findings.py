"""The doctor's findings where they need no project: grouping, bounds, versions, and that nothing stops it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from discord_fakes import FakeTime, Script, client, ok

from botswain.deployment.doctor import hosts, inventory, kept, live, look, machine
from botswain.deployment.doctor.inventory import Inventory
from botswain.deployment.doctor.look import Verdict, safely
from botswain.deployment.doctor.service import service
from botswain.deployment.wanted import Wanted
from botswain.discord import errors
from botswain.discord.enums import GLOBAL
from botswain.errors import BotswainError, InvalidInput, Problem
from botswain.hosts import survey
from botswain.hosts.fleet import Host
from botswain.hosts.survey import Surveyed
from botswain.manifest import ScopeRecord
from botswain.state.ids import timestamp
from botswain.targets.base import ServiceState

GUILDS = [str(300000000000000000 + number) for number in range(500)]


def stock(live: dict[str, set[str]], want: dict[str, Any] | None = None, recorded: Any = None, **profile: Any):
    """An inventory; command names stand for chat input commands unless they have a kind."""

    def keys(names: Any) -> frozenset[str]:
        return frozenset(name if "/" in name else f"chat_input/{name}" for name in names)

    wanted = (
        None if want is None else Wanted({scope: {one: {} for one in keys(names)} for scope, names in want.items()})
    )
    records = {scope: ScopeRecord({one: {} for one in keys(names)}) for scope, names in (recorded or {}).items()}
    manifest: Any = SimpleNamespace(scopes=records) if recorded is not None else None
    told: Any = SimpleNamespace(**{"global_": False, "unmanaged": "keep", **profile})
    return Inventory(told, wanted, manifest, {scope: keys(names) for scope, names in live.items()})


def verdicts(looks: Any) -> list[tuple[str, str]]:
    """Verdict and detail of each."""
    return [(one.verdict.value, one.detail) for one in looks]


# Nothing stops it


def test_a_look_that_breaks_cannot_tell_and_the_others_go_on():
    """What it found before is kept."""

    def broken():
        yield look.good("x", "first")
        raise ZeroDivisionError("two\nlines")

    assert verdicts(safely("x", broken)) == [
        ("good", "first"),
        ("cannot tell", "internal error: ZeroDivisionError: two lines"),
    ]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (BotswainError("is gone", where="f", fix="find it"), [("bad", "f: is gone", "find it")]),
        (InvalidInput([Problem("f", "p", "is odd; mend it; twice")]), [("bad", "f: p: is odd", "mend it; twice")]),
        (InvalidInput([Problem("f", "", "is odd")]), [("bad", "f: is odd", "mend it in f")]),
    ],
    ids=["error", "problem", "no remedy"],
)  # fmt: skip
def test_an_error_is_a_finding(error, told):
    """Its place, what, and what to do; a problem without a remedy is mended in its file."""

    def find():
        raise error
        yield

    assert [(one.verdict.value, one.detail, one.fix) for one in safely("x", find)] == told


# 500 guilds


def test_500_guilds_are_one_line_for_each_finding():
    """Access, what is seen twice, what is in no source, limits: however many guilds there are."""
    refused = {guild: errors.ScopeUnavailable(scope=guild, status=403, discord_code=50001) for guild in GUILDS[:400]}
    found: dict[str, Any] = {GLOBAL: frozenset(), **dict.fromkeys(GUILDS[400:], frozenset()), **refused}
    looks = list(live.access(found, "42"))
    assert [one.verdict.value for one in looks] == ["bad", "good"]
    assert looks[0].detail.startswith(f"400 guilds ({', '.join(GUILDS[:5])} and 395 more): ")
    assert looks[1].detail.startswith("global commands and 100 guilds (")
    names = {f"c{number}" for number in range(95)}
    goods = stock({GLOBAL: names, **dict.fromkeys(GUILDS, names | {"x"})}, dict.fromkeys(GUILDS, names))
    for looks in (inventory.twice(goods), inventory.stale(goods), inventory.limits(goods, {})):
        told = list(looks)
        assert len([one for one in told if "500 guilds" in one.detail]) == 1
        assert len(told) <= 2
        assert max(len(one.detail) for one in told) < 400


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (errors.ServerTrouble(scope="1", status=503, tries=4), "cannot tell"),
        (errors.Unreachable("x", scope="1"), "cannot tell"),
        (errors.RateLimited("x", scope="1", kind="user", retry_after=9, now=0), "cannot tell"),
        (errors.Blocked(scope="1", status=429, clears_in=None, now=0), "cannot tell"),
        (errors.BadAnswer("x", scope="1", tries=4), "cannot tell"),
        (errors.Unauthorized(scope="1"), "bad"),
        (errors.Forbidden("x", scope="1", status=403), "bad"),
        (errors.ScopeUnavailable(scope="1", status=404, discord_code=10004), "bad"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_an_outage_is_told_from_a_refusal(error, verdict):
    """Only what the project can mend is bad, and then it says how."""
    (one,) = live.access({"1": error}, "42")
    assert (one.verdict.value, bool(one.fix)) == (verdict, verdict == "bad")


# Live commands and sources


def test_a_command_that_the_next_deploy_takes_away_is_not_seen_twice_after_it():
    """Of ours and in no source any more: twice now, not then; and a kind of its own is another command."""
    before = {GLOBAL: {"a", "user/b"}, "1": {"a", "b"}}
    (now,) = inventory.twice(stock(before, {"1": ["b"]}, {"1": ["a", "b"]}))
    assert now.detail == "chat_input/a is global and in guild 1: users see both"
    (then,) = inventory.twice(stock({GLOBAL: {"a"}, "1": set()}, {"1": ["a"]}))
    assert then.detail.endswith("users would see both after a deploy")
    (none,) = inventory.twice(stock({GLOBAL: {"user/a"}, "1": {"a"}}, {"1": ["a"]}))
    assert none.verdict is Verdict.GOOD


def test_without_the_global_commands_nobody_knows_what_is_seen_twice():
    """A failed read is never an empty set."""
    assert verdicts(inventory.twice(stock({"1": {"a"}}, {"1": ["a"]})))[0][0] == "cannot tell"


def test_a_command_that_is_to_be_renamed_is_in_the_sources():
    """Its old name is neither deleted nor left beside the new one."""
    held = stock({GLOBAL: {"old"}, "1": {"old"}}, {"1": ["new"]}, {"1": ["old"]})
    renamed = replace(held, want=replace(held.want, renames={"chat_input/new": "chat_input/old"}))
    assert [one.detail for one in inventory.stale(renamed)] == ["nothing live that is not in them"]
    assert renamed.after("1") == {"chat_input/new"}
    assert [one.detail[:26] for one in inventory.stale(held)] == ["guild 1: chat_input/old, o"]


def test_strangers_where_the_profile_has_no_business():
    """An entry point is always kept, and so are the global commands of a profile of guilds, whatever its policy."""
    held = {GLOBAL: {"theirs", "primary_entry_point/launch"}, "1": set()}
    found = inventory.stale(stock(held, {GLOBAL: ["primary_entry_point/launch"], "1": []}, unmanaged="refuse"))
    assert verdicts(found) == [("good", "global: chat_input/theirs, which Botswain did not deploy; they stay")]
    (none,) = inventory.stale(stock({GLOBAL: {"theirs"}, "1": set()}, {"1": []}, unmanaged="delete"))
    assert none.detail == "nothing live that is not in them"
    entry = {GLOBAL: ["primary_entry_point/launch"], "1": ["theirs"]}
    (twice,) = inventory.twice(stock({GLOBAL: {"theirs"}, "1": set()}, entry, unmanaged="delete"))
    assert twice.detail.endswith("users would see both after a deploy")


def test_in_a_scope_that_left_the_profile_only_ours_are_told():
    """What others have there is no business of this profile any more."""
    (one,) = inventory.stale(stock({"1": set(), "9": {"ours", "theirs"}}, {"1": []}, {"9": ["ours"]}))
    assert one.detail.startswith("guild 9: chat_input/ours, of ours; that scope left the profile")


@pytest.mark.parametrize(
    ("kind", "count", "verdict"),
    [
        ("chat_input", 90, "good"), ("chat_input", 91, "warning"), ("chat_input", 100, "warning"),
        ("chat_input", 101, "bad"), ("user", 13, "good"), ("user", 14, "warning"), ("user", 16, "bad"),
        ("message", 16, "bad"), ("primary_entry_point", 1, "good"),
    ],
)  # fmt: skip
def test_bounds_of_the_limits(kind, count, verdict):
    """Near is more than nine tenths; more than Discord takes is bad."""
    names = [f"{kind}/{number}" for number in range(count)]
    (one,) = inventory.limits(stock({"1": set()}, {"1": names}), {})
    assert one.verdict.value == verdict


def test_what_a_deploy_deletes_does_not_count():
    """Replacing 60 commands by 60 others is no 120."""
    old, new = ([f"{letter}{number}" for number in range(60)] for letter in "ab")
    (one,) = inventory.limits(stock({"1": set(old)}, {"1": new}, {"1": old}), {})
    assert one.verdict is Verdict.GOOD
    (one,) = inventory.limits(stock({"1": set(old)}, {"1": new}, {}, unmanaged="delete"), {})
    assert one.verdict is Verdict.GOOD
    (one,) = inventory.limits(stock({"1": set(old)}, {"1": new}, {}), {})
    assert one.verdict is Verdict.BAD


def test_new_commands_of_a_day():
    """Those of the last 24 hours and those to come, against 200; edits do not count."""
    names = [f"c{number}" for number in range(20)]
    for created, verdict in ((160, "good"), (161, "warning"), (180, "warning"), (181, "bad")):
        (one,) = inventory.limits(stock({"1": set()}, {"1": names}), {"1": created})
        assert one.verdict.value == verdict
    (one,) = inventory.limits(stock({"1": set(names)}, {"1": names}), {"1": 190})
    assert one.verdict is Verdict.GOOD


# The clock


@pytest.mark.parametrize(
    ("ahead", "verdict"),
    [
        (0, "good"),
        (4, "good"),
        (-4, "good"),
        (7, "warning"),
        (-7, "warning"),
        (59, "warning"),
        (62, "bad"),
        (-62, "bad"),
    ],
)
def test_the_clock_s_bounds(ahead, verdict):
    """More than 5 s is a warning, more than a minute bad; Discord tells whole seconds, so half of one is unknown."""
    now = FakeTime()
    script = Script(ok([], Date=formatdate(now.now - ahead, usegmt=True)))
    with client(script, now) as discord:
        assert discord.clock_offset is None
        discord.commands("77")
        assert discord.clock_offset == pytest.approx(ahead, abs=0.6)
        told = live.clock(discord, SimpleNamespace(sandbox=False))  # type: ignore[arg-type]
    assert told.verdict.value == verdict
    if verdict != "good":
        assert told.detail.endswith(f"{'ahead of' if ahead > 0 else 'behind'} Discord's")


def test_half_of_a_slow_answer_s_time_is_not_the_clock_s_fault():
    """The answer's date lies between sending and receiving."""
    now = FakeTime()

    def slow(_: httpx.Request) -> httpx.Response:
        now.now += 10
        date = formatdate(now.now - 5, usegmt=True)
        return ok([], Date=date)

    with client(slow, now) as discord:
        discord.commands("77")
        assert abs(discord.clock_offset or 99) < 1


@pytest.mark.parametrize("date", ["", "yesterday", "Sun, 99 Nov 2026 00:00:00 GMT"])
def test_a_date_that_is_none(date):
    """Cannot tell, and no failure of the request."""
    with client(Script(ok([], Date=date))) as discord:
        assert discord.commands("77") == []
        assert live.clock(discord, SimpleNamespace(sandbox=False)).verdict is Verdict.UNKNOWN  # type: ignore[arg-type]


# The lock


@pytest.mark.parametrize(
    ("kind", "alive", "silent", "verdict"),
    [
        ("folder", True, 5, "warning"), ("folder", True, 30, "bad"), ("git", True, 110, "warning"),
        ("git", True, 130, "bad"), ("git", False, 5, "bad"), ("folder", None, 0, "good"),
    ],
)  # fmt: skip
def test_a_lock(kind, alive, silent, verdict):
    """A live holder is waited for; one that is dead or missed two signs of life is in the way; a free lock is good."""
    beat = timestamp(datetime.now(UTC) - timedelta(seconds=silent))
    holder = SimpleNamespace(
        actor="anna",
        command="deploy",
        started_at="S",
        pid=7,
        host="h",
        heartbeat=beat,
        alive=alive,
        deployment="D",
        place="",
    )
    journal = b'{"seq":0,"event":"begins","deployment":"D"}\n'
    store = SimpleNamespace(holder=lambda: None if alive is None else holder, read=lambda _: journal)
    profile = SimpleNamespace(name="dev", state=SimpleNamespace(kind=kind))
    session: Any = SimpleNamespace(profile=profile, records=SimpleNamespace(store=store))
    (one,) = kept.lock(session)
    assert one.verdict.value == verdict
    assert ("./inv lock.break --env dev" in one.fix) == (verdict == "bad")
    (cut,) = kept.cut_off(session)
    assert (cut.verdict.value, cut.detail) == (
        ("warning", "deployment D did not end") if alive is None else ("good", "deployment D is under way")
    )


# The machine


def test_packages_against_the_lock(tmp_path):
    """A wrong or missing version is told; one for other systems or another Python counts for nothing."""
    from importlib.metadata import version

    lock = tmp_path / "base.txt"
    lock.write_text(f"httpx=={version('httpx')} \\\n    --hash=sha256:0\nwinonly==1 ; sys_platform == 'win32' \\\n")
    (one,) = machine.packages(lock)
    assert (one.verdict.value, one.detail) == ("good", "1 as locked in requirements/base.txt")
    lock.write_text(
        f"httpx==0.0.1 ; python_full_version < '3.0' \\\nhttpx=={version('httpx')} ; python_full_version >= '3.0' \\\n"
    )
    (one,) = machine.packages(lock)
    assert (one.verdict.value, one.detail) == ("good", "1 as locked in requirements/base.txt")
    lock.write_text("httpx==0.0.1 \\\nno-such-package==1 \\\n")
    (one,) = machine.packages(lock)
    assert one.verdict is Verdict.WARNING
    assert one.detail == f"httpx is {version('httpx')}, not 0.0.1, no-such-package is missing"
    (one,) = machine.packages(tmp_path / "none.txt")
    assert one.verdict is Verdict.UNKNOWN


def test_an_old_python(monkeypatch):
    """Code that needs a newer one fails in strange ways."""
    assert next(machine.python()).verdict is Verdict.GOOD
    monkeypatch.setattr(machine.sys, "version_info", (3, 10, 4))
    assert next(machine.python()) == look.bad(
        "python", "Python 3.10.4", "install 3.11 or newer; BOTSWAIN_PYTHON names it for ./inv"
    )


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ("git version 2.25.0", "good"), ("git version 2.9.1", "warning"), ("git version 3.0 (Apple Git-1)", "good"),
        (None, "bad"),
    ],
)  # fmt: skip
def test_git(monkeypatch, said, verdict):
    """Versions are numbers, not text."""
    monkeypatch.setattr(machine, "output", lambda *_: said)
    (one,) = machine.git()
    assert (one.verdict.value, bool(one.fix)) == (verdict, verdict != "good")


def test_what_is_started_sees_no_secret(monkeypatch):
    """A bot's interpreter is somebody else's code."""
    monkeypatch.setenv("DISCORD_PROD_TOKEN", "x")
    assert "DISCORD" not in (machine.output(["env"]) or "DISCORD")
    assert machine.output(["false"]) is None
    assert machine.output(["no-such-program"]) is None


def test_a_package_is_toldas_node_finds_it(tmp_path):
    """In the folder of the commands or any above it."""
    folder = tmp_path / "a/b"
    folder.mkdir(parents=True)
    assert machine._package(folder, "x") is None
    (tmp_path / "node_modules/x").mkdir(parents=True)
    (tmp_path / "node_modules/x/package.json").write_text('{"version": "1.2"}')
    assert machine._package(folder, "x") == "1.2"


# The service


@pytest.mark.parametrize(
    ("seen", "verdict", "told"),
    [
        ({"release": None, "running": False}, Verdict.GOOD, "nothing was deployed yet"),
        ({}, Verdict.GOOD, "release r1: running"),
        ({"trouble": "/readyz answers 503"}, Verdict.BAD, "release r1 (running) is not well: /readyz answers 503"),
        ({"trouble": "/readyz answers 503", "down": "HTTP 503"}, Verdict.WARNING,
         "release r1 (running) is not well: /readyz answers 503; but so is Discord: HTTP 503"),
        ({"running": False, "told": "ended with exit code 78"}, Verdict.BAD,
         "release r1 does not run: ended with exit code 78"),
        ({"running": False, "halted": "eve stopped the bot by hand"}, Verdict.WARNING,
         "release r1: eve stopped the bot by hand"),
        ({"behind": "left runs another release (r0 of commit b) than the gateway"}, Verdict.BAD,
         "release r1 (running): left runs another release (r0 of commit b) than the gateway"),
        ({"unconfirmed": "r2"}, Verdict.WARNING, "the switch to release r2 is not confirmed"),
    ],
)  # fmt: skip
def test_the_service(monkeypatch, seen, verdict, told):
    """Its process, its health, who stopped it, and what is under way; never blamed for what is Discord's."""
    trouble, down = seen.get("trouble"), seen.get("down")
    monkeypatch.setattr("botswain.deployment.outage.outage_of", lambda _profile: lambda: down)
    known = {"target": "local", "release": "r1", "commit": "c", "running": True, "told": "running"}
    state = ServiceState(
        **{**known, **{name: value for name, value in seen.items() if name not in {"trouble", "down"}}}
    )
    target = SimpleNamespace(state=lambda: state, healthy=lambda: trouble)
    monkeypatch.setattr("botswain.deployment.service.target_for", lambda _profile: target)
    (found,) = service(SimpleNamespace(name="dev", service="some", sandbox=False))
    assert (found.look, found.verdict, found.detail) == ("service", verdict, told)
    assert list(service(SimpleNamespace(name="dev", service=None))) == []


# Hosts

SEEN = Surveyed(
    user="admin", system="Debian 13", python="3.13.5", systemd=True, root="", bot=True, backup=False,
    engine="x", free=5_300_000_000, ahead=0.0,
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, ["good: admin@192.0.2.7, Debian 13, Python 3.13.5, 5.3 GB free, provisioned, another engine"]),
        ({"python": "3.7.3"}, ["bad: has Python 3.7.3, and 3.9 is needed"]),
        ({"systemd": False}, ["bad: has no systemd, which is to keep the bot"]),
        ({"root": "sudo: a password is required"}, ["bad: sudo wants a password"]),
        ({"root": "no"}, ["bad: admin does not become root: no"]),
        ({"free": 12_000_000}, ["bad: has 12 MB free where bots are, and a release wants 200"]),
        ({"ahead": -41.3, "engine": ""}, ["warning: its clock is 41 s behind this machine's",
         "good: admin@192.0.2.7, Debian 13, Python 3.13.5, 5.3 GB free, provisioned"]),
    ],
)  # fmt: skip
def test_a_host(changes, told):
    """What is wrong with it, each in a line with what to do; else what it is."""
    host = Host("gate", {"ansible_host": "192.0.2.7"})
    found = list(hosts.told(host, replace(SEEN, **changes), "stage", ready=True))
    assert [f"{one.verdict}: {one.detail}" for one in found] == told
    assert all(one.fix for one in found if one.verdict is not Verdict.GOOD)
    (last,) = list(hosts.told(host, SEEN, "stage", ready=False))
    assert (last.verdict, last.fix) == (Verdict.BAD, "./inv provision --env stage")


@pytest.mark.parametrize(("backup", "verdict"), [(False, Verdict.BAD), (True, Verdict.GOOD)])
def test_a_host_of_bot_and_database(monkeypatch, backup, verdict):
    """It has to be ready for both."""
    gate = Host("gate", {"ansible_host": "192.0.2.7"})
    service = SimpleNamespace(target="vm", inventory=None, workers=None)
    profile = SimpleNamespace(name="stage", service=service, database=SimpleNamespace(where="host"))
    fleet = SimpleNamespace(hosts=(gate,), gateway=gate, workers=())
    monkeypatch.setattr(hosts.fleets, "fleet_of", lambda *_, **__: fleet)
    monkeypatch.setattr(hosts.fleets, "database_of", lambda *_: gate)
    monkeypatch.setattr(hosts, "survey", lambda *_: {"gate": replace(SEEN, backup=backup)})
    assert list(hosts.hosts(profile))[-1].verdict is verdict


def test_how_wrong_a_clock_is():
    """What the look itself took is not held against it, and what a host says beside the point is left out."""
    text = "Welcome!\nnow={}\nroot=yes\nfree=2048\nuser=a=b\n"
    found = [survey._parsed(text.format(now), 100.0, 103.0) for now in (102, 99, 143.5, "")]
    assert [one.ahead for one in found] == [0.0, -1.0, 40.5, 0.0]
    assert (found[0].free, found[0].root, found[0].user, found[0].python) == (2_097_152, "", "a=b", "")
