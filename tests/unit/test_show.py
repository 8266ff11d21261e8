"""How plans and results are told: text for a terminal, Markdown for a pull request."""

from __future__ import annotations

import io

import pytest

from botswain.cli.markdown import plan_markdown
from botswain.cli.show import plan_lines, result_lines, shown
from botswain.cli.style import Paint, paint_for
from botswain.deployment.card import Card
from botswain.deployment.history import Deployment, Outcome
from botswain.deployment.result import Result
from botswain.errors import BotswainError
from botswain.manifest import ScopeRecord
from botswain.plan import Plan, plan_scope, unavailable
from botswain.wording import many

PLAIN = Paint(enabled=False)
GUILD, OTHER = "200000000000000001", "200000000000000002"


def command(name, description="x", **more):
    """A canonical definition."""
    return {"type": 1, "name": name, "description": description, **more}


def by_key(*commands):
    """Definitions by key."""
    return {f"chat_input/{one['name']}": one for one in commands}


def live(*commands):
    """What Discord shows."""
    return [{**one, "id": str(index)} for index, one in enumerate(commands)]


def lines(*scopes, **more):
    """A plan as text."""
    return list(plan_lines(Plan(scopes, **more), PLAIN))


def test_no_change():
    """One line a scope and one that sums up."""
    same = by_key(command("a"), command("b"))
    plan = plan_scope(GUILD, same, live(*same.values()), ScopeRecord(same))
    assert lines(plan) == [f"guild {GUILD}  no change, 2 unchanged", "No change."]


def test_a_change_of_every_kind():
    """Only what would change is shown: fields with both values, drift apart, deletions with what they cost."""
    recorded = by_key(command("edited"), command("changed"), command("gone"), command("lost"))
    wanted = by_key(
        command("edited"), command("changed", "y", nsfw=True), command("new", options=[command("o", type=3)]),
        command("lost"),
    )  # fmt: skip
    found = live(command("edited", "theirs"), command("changed"), command("gone"), command("theirs"))
    assert lines(plan_scope(GUILD, wanted, found, ScopeRecord(recorded)), notes=("think of it",)) == [
        f"guild {GUILD}",
        "  ~ /edited",
        '      ~ description: "theirs" → "x"  (edited by other hands)',
        "  ~ /changed",
        '      ~ description: "x" → "y"',
        "      + nsfw: true",
        "  + /new",
        '      description: "x"',
        "      options: o",
        "  + /lost  (deleted by other hands)",
        '      description: "x"',
        "  - /gone  (its permission overwrites are lost)",
        "    1 other kept as it is (/theirs)",
        "note: think of it",
        "Plan: 2 to create (2 of Discord's 200 a day), 2 to update, 1 to delete. 2 commands changed by other hands.",
    ]


def test_guilds_in_which_the_same_happens_are_one_paragraph():
    """500 guilds are no 500 paragraphs; one that differs stands apart."""
    wanted = by_key(command("a"))
    alike = [plan_scope(str(300000000000000000 + index), wanted, [], None) for index in range(500)]
    other = plan_scope(OTHER, wanted, live(command("a", "y")), None)
    told = lines(*alike, other)
    assert told == [
        "500 guilds (300000000000000000, 300000000000000001, 300000000000000002, …)",
        "  + /a",
        '      description: "x"',
        f"guild {OTHER}",
        "  ~ /a",
        '      ~ description: "y" → "x"',
        "Plan: 500 to create (1 of Discord's 200 a day in one scope), 1 to update in 501 scopes.",
    ]


def test_a_guild_whose_record_is_behind_is_not_told_as_unchanged():
    """Equal on Discord, different in the records: two paragraphs."""
    same = by_key(command("a"))
    one = plan_scope(GUILD, same, live(command("a")), ScopeRecord(same))
    two = plan_scope(OTHER, same, live(command("a")), None)
    assert lines(one, two) == [
        f"guild {GUILD}  no change, 1 unchanged",
        f"guild {OTHER}  nothing to write, the record is brought up to date, 1 unchanged",
        "No change to Discord; the record is brought up to date.",
    ]


def test_a_guild_that_cannot_be_read():
    """It is told with the reason, and is no empty scope."""
    assert lines(unavailable(GUILD, "the bot is not in this guild", None)) == [
        f"guild {GUILD}  skipped: the bot is not in this guild",
        "No change.",
    ]


def test_a_scope_that_left_the_profile():
    """What is left there is shown, and not counted until it is to be cleared."""
    ours = by_key(command("a"))
    orphan = plan_scope(GUILD, {}, live(command("a")), ScopeRecord(ours), orphan=True)
    assert lines(orphan) == [
        f"guild {GUILD}  left the profile, and still has 1 command of ours; only --allow-delete clears it",
        "No change but 1 scope that left the profile.",
    ]


def test_strangers_to_be_deleted_are_named_as_such():
    """`unmanaged: delete` deletes what Botswain never deployed; the plan says so."""
    plan = plan_scope(GUILD, {}, live(command("a")), None, delete_unmanaged=True)
    assert lines(plan)[1] == "  - /a  (its permission overwrites are lost; not deployed by Botswain)"


def test_long_values_are_cut():
    """A line stays a line; --json has the whole."""
    plan = plan_scope(GUILD, by_key(command("a", "d" * 100)), live(command("a", "e" * 100)), None)
    (line,) = [line for line in lines(plan) if "→" in line]
    assert line == f'      ~ description: "{"e" * 66}… → "{"d" * 66}…'


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("chat_input/ban", "/ban"),
        ("user/Show record", 'user command "Show record"'),
        ("message/Report/this", 'message command "Report/this"'),
        ("primary_entry_point/launch", 'entry point "launch"'),
    ],
)
def test_commands_are_called_as_users_know_them(key, text):
    """Not by Discord's numbers."""
    assert shown(key) == text


def test_counts():
    """Grammar and thousands."""
    assert [many(count, "command") for count in (0, 1, 2, 1000)] == [
        "0 commands", "1 command", "2 commands", "1,000 commands",
    ]  # fmt: skip


# Colour


class Terminal(io.StringIO):
    """A stream that a person watches."""

    def isatty(self):
        """Yes."""
        return True


@pytest.fixture
def bare(monkeypatch):
    """No variable of this machine says anything about colour."""
    for name in ("NO_COLOR", "CI", "TERM"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_colour_is_for_terminals(bare):
    """A file or pipe gets plain text."""
    assert paint_for(Terminal())("green", "x") == "\033[32mx\033[0m"
    assert paint_for(io.StringIO())("green", "x") == "x"


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("CI", "true"), ("TERM", "dumb")])
def test_no_colour_where_it_is_not_wanted(bare, name, value):
    """NO_COLOR, CI and a terminal without colours are honoured."""
    bare.setenv(name, value)
    assert not paint_for(Terminal()).enabled


def test_an_empty_no_color_means_nothing(bare):
    """As https://no-color.org has it: only when not empty."""
    bare.setenv("NO_COLOR", "")
    assert paint_for(Terminal()).enabled


def test_colours_change_nothing_but_colours():
    """Without its codes the coloured plan is the plain one."""
    import re

    plan = Plan((plan_scope(GUILD, by_key(command("a")), live(command("b")), ScopeRecord(by_key(command("b")))),))
    coloured = list(plan_lines(plan, Paint(enabled=True)))
    assert coloured != list(plan_lines(plan, PLAIN))
    assert [re.sub(r"\033\[\d+m", "", line) for line in coloured] == list(plan_lines(plan, PLAIN))


# Markdown


def test_markdown():
    """A heading, the sum, and a table a scope that changes."""
    recorded = by_key(command("edited"), command("gone"))
    plan = plan_scope(
        GUILD,
        by_key(command("edited"), command("new")),
        live(command("edited", "theirs"), command("gone")),
        ScopeRecord(recorded),
    )
    same = by_key(command("a"))
    quiet = plan_scope(OTHER, same, live(command("a")), ScopeRecord(same))
    assert plan_markdown(Plan((plan, quiet), ("think of it",)), "dev").split("\n") == [
        "### Commands in `dev`",
        "",
        "Plan: 1 to create (1 of Discord's 200 a day), 1 to update, 1 to delete. 1 command changed by other hands.",
        "",
        f"**guild {GUILD}**",
        "",
        "| command | | what |",
        "|---|---|---|",
        '| `/edited` | change | `description`: `"theirs"` → `"x"` *(edited by other hands)* |',
        "| `/new` | create |  |",
        "| `/gone` | **delete** | its permission overwrites are lost |",
        "",
        "> think of it",
    ]


def test_markdown_cannot_be_left():
    """A description with a pipe, a backtick, a tag or a line break stays in its cell."""
    nasty = "a|b`c`<img src=x>\n| d |"
    plan = plan_scope(GUILD, by_key(command("a", nasty)), live(command("a")), None)
    (row,) = [line for line in plan_markdown(Plan((plan,)), "dev").split("\n") if "/a" in line]
    assert row == '| `/a` | change | `description`: `"x"` → `"a\\|b\'c\'&lt;img src=x>\\n\\| d \\|"` |'


# Results


def deployment(outcome, **more):
    """A deployment that ended so."""
    usual = {
        "id": "20261122-101530-3f9a2c", "kind": "deploy", "environment": "dev", "actor": "me",
        "started_at": "2026-11-22T10:15:30.123Z", "git_sha": None, "build_id": None, "tool_version": "0",
        "previous": None, "seconds": 1.23,
    }  # fmt: skip
    return Deployment(**{**usual, "outcome": outcome, **more})


def told(**fields):
    """A result as text."""
    return list(result_lines(Result("dev", "deploy", Plan(()), **fields), PLAIN))


def test_a_good_end_is_a_card_with_the_way_back():
    """What runs, where rollback returns to, what it costs, how long, the command."""
    card = Card(
        runs="2 commands in guild 1, deployed by X", back="W", deletes=("chat_input/new",),
        recreates=tuple(f"user/U{index}" for index in range(7)), seconds=0.01, command="./inv rollback --env dev",
    )  # fmt: skip
    assert told(deployment=deployment(Outcome.DONE), card=card, notes=("skipped guild 9: not there",)) == [
        "note: skipped guild 9: not there",
        "deploy 20261122-101530-3f9a2c: done in 1.2 s",
        "  now       2 commands in guild 1, deployed by X",
        "  rollback  returns to W",
        "            deletes /new with its permission overwrites",
        (
            '            creates user command "U0", user command "U1", user command "U2", user command "U3",'
            ' user command "U4" and 2 more anew; earlier permission overwrites do not come back'
        ),
        "            takes about 0.1 s: ./inv rollback --env dev",
    ]


def test_the_first_deployment_has_a_way_back_too():
    """To the state before it."""
    card = Card("1 command in guild 1, deployed by X", "", seconds=1, command="./inv rollback --env dev")
    assert told(deployment=deployment(Outcome.DONE), card=card)[-2] == (
        "  rollback  returns to the state before the first deployment"
    )
    assert told(deployment=deployment(Outcome.DONE), card=Card("nothing", None))[-1] == (
        "  rollback  nothing to go back to yet"
    )


def test_a_failure_says_why_and_who_is_needed():
    """Exit 5 comes with what to do next, unless that is to wait; records that are behind are told."""
    wait = "left: does not answer; wait until it is up: it goes back by itself; then ./inv status --env dev"
    assert told(deployment=deployment(Outcome.STUCK), error=wait)[1:] == [f"why: {wait}"]
    assert told(deployment=deployment(Outcome.STUCK), error="guild 1: no") == [
        "deploy 20261122-101530-3f9a2c: stuck in 1.2 s",
        "why: guild 1: no",
        "a person is needed: look with ./inv diff --env dev, then deploy again",
    ]
    assert told(deployment=deployment(Outcome.DONE), unrecorded=BotswainError("disk full"))[-1] == (
        "not recorded: disk full"
    )


def test_nothing_to_do_says_nothing_more():
    """The plan said it."""
    assert told() == []
