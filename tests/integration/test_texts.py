"""Texts with odd whitespace and names that Discord refuses, from the files to the sandbox and back."""

from __future__ import annotations

import pytest
import yaml
from desk import Desk

REPORT = "name: report\ndescription: |\n  Write a report\n  about the harbour\n"
DRAW = 'name: draw\ndescription: "画像。\\n直接URL"\n'
KOREAN = 'name: help\ndescription: "명령어 목록"\n'
PLAIN = {
    "name": "plain",
    "description": "Nothing odd",
    "options": [
        {"name": "who", "type": "string", "description": "Two  spaces", "description_localizations": {"de": " zwei\n"}},
        {
            "name": "mood",
            "type": "string",
            "description": "trailing space ",
            "choices": [{"name": " glad ", "value": " glad ", "name_localizations": {"de": "froh  "}}],
        },
    ],
}
MENU = {"name": " Report this ", "type": "message", "name_localizations": {"de": "Das  melden "}}


@pytest.fixture
def odd(desk: Desk) -> Desk:
    """An environment whose texts all change when they are stored."""
    desk.forget_commands()
    desk.profile()
    for name, text in {
        "a": REPORT,
        "b": DRAW,
        "c": yaml.safe_dump(PLAIN),
        "d": yaml.safe_dump(MENU),
        "e": KOREAN,
    }.items():
        desk.write(f"commands/{name}.yaml", text)
    return desk


def test_texts_that_are_stored_otherwise_settle_at_once(odd: Desk) -> None:
    """One deployment is enough: no later plan, drift or write comes of whitespace, and a rollback finds its way."""
    first = odd.inv("apply", "--env", "dev", "--yes")
    assert first.code == 0, first
    live = odd.live()
    assert live["report"]["description"] == "Write a report about the harbour"
    assert live["draw"]["description"] == "画像。直接URL"
    assert live["help"]["description"] == "명령어목록"  # as it is reported; what was sent has the space
    assert live["Report this"]["name_localizations"] == {"de": "Das melden"}
    mood = live["plain"]["options"][1]
    assert (mood["description"], mood["choices"][0]["name"], mood["choices"][0]["value"]) == (
        "trailing space",
        "glad",
        " glad ",
    )
    assert odd.inv("diff", "--env", "dev", "--check").code == 0
    assert odd.inv("drift", "--env", "dev", "--check").code == 0
    odd.write("commands/a.yaml", REPORT.replace("harbour", "quay"))
    second = odd.inv("apply", "--env", "dev", "--yes", "--json")
    assert second.code == 0, second
    assert odd.inv("rollback", "--env", "dev", "--yes").code == 0
    assert odd.live()["report"]["description"] == "Write a report about the harbour"


def test_validate_says_what_becomes_of_texts(odd: Desk) -> None:
    """Each text that Discord stores otherwise is named with what it becomes."""
    said = odd.inv("validate", "--env", "dev")
    assert said.code == 0, said
    lead = "  text: "
    outer = (
        "commands/c.yaml /plain who description_localizations.de, commands/c.yaml /plain mood description,"
        ' commands/c.yaml /plain mood choice " glad " name,'
        ' commands/c.yaml /plain mood choice " glad " name_localizations.de,'
        ' commands/d.yaml message command " Report this " name'
    )
    assert [line.removeprefix(lead) for line in said.out.splitlines() if line.startswith(lead)] == [
        'commands/a.yaml: /report description is sent and stored as "Write a report about the harbour"',
        'commands/b.yaml: /draw description is sent and stored as "画像。直接URL"',
        'commands/c.yaml: /plain who description is sent and stored as "Two spaces"',
        'commands/d.yaml: message command " Report this " name_localizations.de is sent and stored as "Das melden"',
        (
            "commands/e.yaml: /help description: Discord may take away the spaces between Chinese, Japanese and"
            " Korean characters"
        ),
        f"space around 5 texts is taken away: {outer}",
    ]
    texts = odd.inv("validate", "--env", "dev", "--json").document["texts"]["dev"]
    assert len(texts) == 6


def test_a_name_with_an_apostrophe_is_refused_with_the_one_that_passes(desk: Desk) -> None:
    """Discord takes U+02BC alone, whatever is on keyboards, and what is proposed can be deployed."""
    desk.forget_commands()
    desk.profile()
    desk.command("isn't", "x")
    refused = desk.inv("validate", "--env", "dev")
    assert refused.told == [
        'commands/isn\'t.json: /isn\'t: name "isn\'t" has the character "\'"; Discord wants ʼ (U+02BC): "isnʼt"'
    ]
    desk.forget_commands()
    desk.command("isnʼt", "x")
    assert desk.inv("apply", "--env", "dev", "--yes").code == 0
    assert list(desk.live()) == ["isnʼt"]
