"""Who has to agree to what: the question of a plan, and what no --yes covers."""

from __future__ import annotations

import json

import pytest

from botswain.deployment.consent import Consent, check_creates, check_secrets, consent, require
from botswain.errors import ExitCode, Refused
from botswain.plan import plan_scope
from botswain.secrets import redaction

GUILD = "200000000000000001"


def command(name, description="x"):
    """A canonical definition."""
    return {"type": 1, "name": name, "description": description}


def key(name):
    """Its key."""
    return f"chat_input/{name}"


def scope(wanted, live, *, edited=(), where=GUILD, delete=True):
    """The plan of a scope by names; `edited` were changed by other hands since they were recorded."""
    from botswain.manifest import ScopeRecord

    raw = [{**command(name, "edited" if name in edited else "x"), "id": str(index)} for index, name in enumerate(live)]
    record = ScopeRecord({key(name): command(name) for name in live} if delete else {})
    return plan_scope(where, {key(name): command(name) for name in wanted}, raw, record)


def names(count, prefix="c"):
    """So many names."""
    return [f"{prefix}{index}" for index in range(count)]


def test_what_destroys_nothing_runs_without_a_question():
    """Creates and updates outside production are not asked about."""
    plan = scope(["a", "new"], ["a"], edited=["a"])
    assert consent([plan], production=False, environment="dev") == Consent()
    assert not require(Consent(), yes=False, allow_delete=None, interactive=False)


def test_nothing_to_do_asks_nothing_in_production():
    """A run that writes nothing is never refused."""
    assert consent([], production=True, environment="prod") == Consent()


def test_production_asks_for_every_change():
    """Even for one new command; edits that would be overwritten are counted in the question."""
    plan = scope(["a", "b", "new"], ["a", "b"], edited=["a", "b"])
    need = consent([plan], production=True, environment="prod")
    assert need == Consent("overwrite 2 commands edited by other hands in prod (production)")
    need = consent([scope(["a"], [])], production=True, environment="prod")
    assert need == Consent("change prod (production)")


def test_a_deletion_is_asked_about_everywhere():
    """One of five commands is no large deletion: --yes is enough."""
    need = consent([scope(names(4), names(5))], production=False, environment="dev")
    assert need == Consent("delete 1 command with their permission overwrites in dev".replace("their", "its"), 1)
    assert require(need, yes=False, allow_delete=None, interactive=True)
    assert not require(need, yes=True, allow_delete=None, interactive=False)


def test_everything_is_in_one_question():
    """Deletions and edits of all scopes together."""
    plans = [scope(names(9), names(10), edited=["c0"]), scope(names(18), names(20), where="200000000000000002")]
    need = consent(plans, production=True, environment="prod")
    assert need.question == (
        "delete 3 commands with their permission overwrites and overwrite 1 command edited by other hands in prod"
        " (production)"
    )
    assert (need.deletions, need.large) == (3, None)


@pytest.mark.parametrize(
    ("wanted", "live", "large"),
    [
        (names(4), names(5), None),
        (names(3), names(5), f"it deletes 2 of 5 commands in guild {GUILD}, more than a fifth"),
        (names(80), names(100), None),
        (names(79), names(100), f"it deletes 21 of 100 commands in guild {GUILD}, more than a fifth"),
        ([], names(1), f"it clears guild {GUILD} (1 command)"),
        ([], names(10), f"it clears guild {GUILD} (10 commands)"),
        (names(5, "new"), names(5), f"it deletes 5 of 5 commands in guild {GUILD}, more than a fifth"),
    ],
)
def test_a_large_deletion_is_more_than_a_fifth_of_a_scope(wanted, live, large):
    """A wrong folder looks like this; new commands beside it make it no smaller."""
    need = consent([scope(wanted, live)], production=False, environment="dev")
    assert need.large == large


def test_strangers_do_not_hide_that_nothing_of_ours_is_left():
    """Kept commands of other hands make the share small; an empty desired set stays a large deletion."""
    from botswain.manifest import ScopeRecord

    raw = [{**command(name), "id": name} for name in [*names(30, "s"), "ours"]]
    plan = plan_scope(GUILD, {}, raw, ScopeRecord({key("ours"): command("ours")}))
    need = consent([plan], production=False, environment="dev")
    assert need.large == f"it leaves nothing of ours in guild {GUILD} (deletes 1 of 31 commands)"


def test_one_large_scope_among_many_counts_all_deletions():
    """--allow-delete is for the whole plan, so that nobody has to add up guilds."""
    plans = [scope(names(9), names(10)), scope([], names(10), where="200000000000000002")]
    need = consent(plans, production=False, environment="dev")
    assert (need.deletions, need.large) == (11, "it clears guild 200000000000000002 (10 commands)")


LARGE = Consent("delete 10 commands in dev", 10, "it clears guild 1 (10 commands)")


@pytest.mark.parametrize("allowed", [None, 0, 9, -10])
@pytest.mark.parametrize("interactive", [True, False])
@pytest.mark.parametrize("yes", [True, False])
def test_yes_never_covers_a_large_deletion(allowed, interactive, yes):
    """Nor does an answer on the terminal; the message has the flags that would."""
    with pytest.raises(Refused) as refusal:
        require(LARGE, yes=yes, allow_delete=allowed, interactive=interactive)
    also = "" if yes or interactive else "--yes "
    given = "" if allowed is None else f", not {allowed}"
    covers = "; --yes does not cover that" if yes else ""
    told = f"it clears guild 1 (10 commands){covers}; if you mean it, say "
    assert str(refusal.value) == f"{told}{also}--allow-delete 10{given}"
    assert refusal.value.code is ExitCode.REFUSED


@pytest.mark.parametrize("allowed", [10, 11])
def test_allow_delete_replaces_no_answer(allowed):
    """It lifts the limit; whether to go on is still asked, and --yes answers that."""
    assert require(LARGE, yes=False, allow_delete=allowed, interactive=True)
    assert not require(LARGE, yes=True, allow_delete=allowed, interactive=False)
    with pytest.raises(Refused) as refusal:
        require(LARGE, yes=False, allow_delete=allowed, interactive=False)
    told = "this would delete 10 commands in dev, and there is no terminal to ask on; if you mean it, say --yes"
    assert str(refusal.value) == told


def test_creates_of_a_day():
    """Discord allows 200 new commands a scope and day; those of the last 24 hours count."""
    plan = scope(names(60), [])
    check_creates([plan], {GUILD: 140})
    with pytest.raises(Refused) as refusal:
        check_creates([plan], {GUILD: 141})
    assert str(refusal.value) == (
        f"guild {GUILD}: would create 60 commands, and 141 were created in the last 24 hours; Discord allows 200 a day;"
        " wait, or edit rather than replace"
    )
    check_creates([scope(names(60), names(60))], {GUILD: 200})


def test_a_command_that_holds_a_secret_is_not_sent(monkeypatch):
    """A description is public: a registered token in it, in any spelling, stops the deployment."""
    monkeypatch.setattr(redaction, "default", redaction.Redactor())
    redaction.default.register("a-secret-of-some-length", "DISCORD_DEV_TOKEN")
    check_secrets([scope(["a"], [])])
    leaking = {key("leak"): command("leak", "see a-secret-of-some-length")}
    with pytest.raises(Refused) as refusal:
        check_secrets([plan_scope(GUILD, leaking, [], None)])
    assert str(refusal.value) == (
        "chat_input/leak: holds a secret, which everybody could read; take it out of the sources"
    )
    assert json.dumps(leaking) not in str(refusal.value)
