"""Texts settle: what is sent, stored and compared agree on whitespace, whoever changes it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sandbox_client import GUILD, Client, option, slash

from botswain.commands.canonical import canonical, differences, key, settled_key
from botswain.commands.rules import check_command, check_scope
from botswain.commands.settle import same_name, same_text, settled
from botswain.commands.texts import chat_name as name_problems
from botswain.commands.texts import is_chat_name
from botswain.plan.scope import plan_scope
from botswain.sandbox.texts import text as stored_text
from tests.strategies import command_sets

TEXTS = st.text("ab \n\t\r\u00a0\u3000\u2028\ufeff\u200b\u200d画像。한국é?", max_size=12)


@pytest.mark.parametrize(
    ("written", "sent", "kept"),
    [
        ("Write a report\nabout the harbour\n", "Write a report about the harbour", "Write a report about the harbour"),
        ("Two  spaces", "Two spaces", "Two spaces"),
        (" trailing ", "trailing", "trailing"),
        ("画像。\n直接URL", "画像。直接URL", "画像。直接URL"),
        ("画像 \r\n URL", "画像 URL", "画像 URL"),
        ("명령어 목록", "명령어 목록", "명령어목록"),
        ("画 像", "画 像", "画像"),
        ("画\u3000像", "画\u3000像", "画像"),
        ("Quoi\u00a0?", "Quoi\u00a0?", "Quoi ?"),
        ("\u00a0\u3000x\ufeff", "x", "x"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ("\u200b", "\u200b", "\u200b"),
    ],
)
def test_what_is_sent_is_stored_or_counts_as_the_same(written: str, sent: str, kept: str) -> None:
    """As little as possible is changed before it is sent, and what Discord is said to store is no difference."""
    assert settled(written) == sent
    assert stored_text(sent) == stored_text(written) == kept
    assert same_text(sent, kept)


@given(TEXTS)
@example("\u3000 \n画")
@settings(max_examples=400, deadline=None)
def test_settling_settles(text: str) -> None:
    """Once is enough, and whatever the sandbox stores of a text, written or sent, is the same text."""
    sent = settled(text)
    assert settled(sent) == sent
    assert stored_text(stored_text(text)) == stored_text(text)
    assert same_text(sent, stored_text(sent))
    assert same_text(text, stored_text(text))


@pytest.mark.parametrize(("one", "other"), [("ab", "a b"), ("a", "b"), ("a.b", "a b"), ("e", "é"), ("한국", "한 글")])
def test_texts_that_differ_in_more_than_space_differ(one: str, other: str) -> None:
    """A space between words of other scripts is a difference that users see."""
    assert not same_text(one, other)


@given(command_sets(GUILD))
@settings(max_examples=60, deadline=None)
def test_a_second_plan_is_empty_whatever_whitespace_the_texts_have(commands: list[dict[str, Any]]) -> None:
    """Texts of every kind go to the sandbox, come back as it stores them, and the next plan has nothing to do."""
    wanted = {key(one): canonical(one, GUILD) for one in commands}
    client = Client()
    sent = client.put(list(wanted.values()))
    assert sent.status == 200, sent.data
    assert plan_scope(GUILD, wanted, sent.data, None).commands == ()


def test_values_of_choices_stay_to_the_letter() -> None:
    """A choice's value is the bot's own: its spaces are sent, stored and compared as they are."""

    def chosen(value: str) -> dict[str, Any]:
        return canonical(slash(options=[option(choices=[{"name": " A ", "value": value}])]), GUILD)

    assert chosen(" a  b ")["options"][0]["choices"] == [{"name": "A", "value": " a  b "}]
    assert [one.path for one in differences(chosen("a b"), chosen("a  b"))] == ["options.text.choices.A.value"]
    kept = Client().put([chosen(" a  b ")]).data[0]["options"][0]["choices"]
    assert kept == [{"name": "A", "value": " a  b "}]


def test_choices_called_alike_are_no_difference() -> None:
    """Names of choices that are one after Discord stored them make no difference between equal lists."""
    pair = [[{"name": name, "value": 1}, {"name": "x x", "value": 2}] for name in ("x  x", "x x")]
    before, after = (canonical(slash(options=[option(kind=4, choices=one)]), GUILD) for one in pair)
    assert list(differences(before, after)) == []


def test_lengths_are_counted_as_stored() -> None:
    """A hundred characters and a line end fit; a text that is nothing but space is missing."""
    assert check_command(slash(description=f"{'x' * 100}\n")) == []
    assert Client().put([slash(description=f"{'x' * 100}\n")]).status == 200
    assert check_command(slash(description="x" * 101)) == [("/ping", "description has 101 characters; at most 100")]
    assert check_command(slash(description=" \n\u3000")) == [("/ping", "description is blank; 1 to 100 characters")]
    refused = Client().put([slash(description=" \n\u3000")])
    assert refused.data["errors"]["0"]["description"]["_errors"][0]["code"] == "BASE_TYPE_REQUIRED"


def test_names_of_context_menus_are_unique_as_stored() -> None:
    """Two that differ in their spaces alone are one name, here and for the sandbox; a name with outer space settles."""
    menus = [{"type": 2, "name": name} for name in ("Report this", " Report  this ")]
    assert check_scope(menus, GUILD) == [
        ('user command " Report  this "', "is there more than once; names are unique per kind in one scope")
    ]
    assert (
        Client().put(menus).data["errors"]["1"]["name"]["_errors"][0]["code"] == "APPLICATION_COMMANDS_DUPLICATE_NAME"
    )
    assert key(menus[1]) == key(menus[0]) == settled_key("user/ Report  this ") == "user/Report this"


def test_two_live_names_that_differ_in_spaces_stop_the_scope() -> None:
    """Should Discord keep both after all, neither is dropped: the scope is left alone and the reason told."""
    live = [{"type": 2, "name": name, "id": str(number)} for number, name in enumerate(("画 像", "画像"))]
    plan = plan_scope(GUILD, {}, live, None)
    assert plan.unavailable == 'two live commands are called "画像" but for their spaces; rename one of them'


@given(st.text("abC'’` _-.!ÉéİıßǅΣ한画\u0301\u02bc\u200b", min_size=1, max_size=10))
@settings(max_examples=400, deadline=None)
def test_a_proposed_name_passes_itself(name: str) -> None:
    """Whatever is proposed for a name that Discord refuses, Discord takes."""
    for message in name_problems("name", name):
        for lead in ("such as ", "Discord wants ʼ (U+02BC): ", "Discord wants "):
            _before, _, proposed = message.partition(f"; {lead}" if "wants" in lead else lead)
            if proposed.startswith('"') and proposed.endswith('"'):
                assert is_chat_name(proposed[1:-1]), message
                assert same_name(proposed[1:-1]) == proposed[1:-1]
