"""Definitions as YAML: they read back as the same command, in any reader, and look as a person would write them."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from sandbox_client import GUILD, option, slash

from botswain.commands.canonical import canonical
from botswain.commands.definition import Definition
from botswain.commands.structure import define
from botswain.commands.writing import WIDTH, file_names, readable, write
from botswain.discord.enums import GLOBAL, LOCALES
from botswain.documents import read_yaml
from tests.strategies import command_sets, commands, random_command, seeded

TRAPS = [
    "no", "No", "on", "off", "yes", "y", "~", "null", "true", "False", "1e3", "1_000", "007", "0x1F", "0o17", "12:30",
    "1.5", ".5", "-1", "+1", "2026-11-22", "=", "<<", "...", "---", "- x", "-", "?", "? x", ": x", "x: y", "x:", "x #y",
    "#x", "&x", "*x", "!x", "|", ">", "%x", "@x", "`x`", "[x]", "{x}", "a, b", '"', "'", "it's", 'say "hi"', "\\",
    "\\n", "a\nb", "a\n\nb", "\ta", "a\tb", "⚓️ 👍🏽", "a\u00a0b", "a\u2028b", "a\u0085b", "\ufeffa", "日本語",
    ".inf", ".nan",
    "1.", "a  b", "x, y: z? {q}", "e3", "0b1", "1,000", "12e03", "190:20:30", "!!str x",
]  # fmt: skip
"""Texts that some reader of YAML takes for something else when they are written carelessly."""


def read_back(text: str) -> Any:
    """The definition in a written text, which must be one that every YAML reader reads alike."""
    (document,) = read_yaml(text, "x.yaml")
    assert yaml.safe_load(text) == document, f"YAML 1.1 reads something else:\n{text}"
    made = define(document, "x.yaml")
    assert isinstance(made, Definition), made
    return made.payload


def expected(form: dict[str, Any]) -> dict[str, Any]:
    """What is to come back: `dm_permission` means nothing beside `contexts`."""
    return {name: value for name, value in form.items() if name != "dm_permission" or "contexts" not in form}


@given(st.sampled_from([GLOBAL, GUILD]), st.data())
@settings(max_examples=150, deadline=None)
def test_what_is_written_reads_back_as_the_same_command(scope: str, data: st.DataObject) -> None:
    """Every kind, option, choice, localization and bound survives, or the first diff would not be empty."""
    form = canonical(data.draw(commands(scope)), scope)
    assert canonical(read_back(write(form)), scope) == expected(form)


def test_the_same_for_many_large_ones() -> None:
    """The rare shapes too, which hypothesis seldom draws; and no line is longer than it has to be."""
    rng = seeded(7)
    for index in range(800):
        scope = GLOBAL if index % 2 else GUILD
        form = canonical(random_command(rng, scope), scope)
        text = write(form)
        assert canonical(read_back(text), scope) == expected(form)
        assert all(len(line) <= WIDTH or " " not in line.strip()[WIDTH - 20 :] for line in text.splitlines()), text


@pytest.mark.parametrize("text", TRAPS)
def test_text_stays_text(text: str) -> None:
    """Whatever looks like a boolean, a number, a time or YAML's own signs, in block and in one line."""
    choices = [
        {"name": text.strip() or "x", "value": text},
        {"name": "x" * 90, "value": text, "name_localizations": {"de": "z" * 20}},
    ]
    inner = option(description=text, choices=choices, description_localizations={"no": text, "de": "y"})
    form = canonical(slash(description=text, options=[inner]), GUILD)
    written = write(form)
    assert yaml.safe_load(written) == read_yaml(written, "x")[0] == readable(form)


def test_long_texts_are_folded_without_losing_a_space() -> None:
    """A description deep inside a group is broken where YAML puts the space back, and only there."""
    words = "a word - two hyphens and more: of them #here, to fill the whole line up to its end and then some mo"
    inner = option(description=words)
    group = option("group", kind=2, options=[option("sub", kind=1, options=[option("deep", description=words)])])
    form = canonical(slash(options=[group]), GUILD)
    text = write(form)
    assert max(len(line) for line in text.splitlines()) <= WIDTH
    assert read_yaml(text, "x")[0] == yaml.safe_load(text) == readable(form)
    assert inner["description"] in str(read_yaml(text, "x"))


@pytest.mark.parametrize("gap", [" ", "  ", " #", " - ", "\u00a0 ", ' "', ": "])
def test_a_line_is_broken_at_single_spaces_only(gap: str) -> None:
    """Wherever the gap falls, also where the line has to end: YAML makes one space of a line's end, whatever it was."""
    for first in range(60, 96):
        text = f"{'x' * first}{gap}yy{gap}zz"[:100].strip()
        deep = option("deep", kind=3, description=text)
        sub = option("sub", kind=1, options=[deep], description=text)
        form = canonical(slash(options=[option("group", kind=2, options=[sub])]), GUILD)
        written = write(form)
        assert read_yaml(written, "x")[0] == yaml.safe_load(written) == readable(form)


def test_it_looks_as_a_person_would_have_written_it() -> None:
    """Names for numbers, the usual order, one line for what fits, nothing that goes without saying."""
    form = canonical(
        {
            "type": 1, "name": "ban", "description": "Make somebody walk the plank", "default_member_permissions": "6",
            "name_localizations": {"no": "utvis", "de": "bannen"}, "contexts": [0, 2], "integration_types": [0],
            "dm_permission": False, "version": "1", "nsfw": True,
            "options": [
                {"type": 6, "name": "user", "description": "Who: the culprit", "required": True},
                {"type": 7, "name": "where", "description": "Where", "channel_types": [0, 15], "required": False},
                {"type": 4, "name": "days", "description": "For how long", "min_value": 0,
                 "choices": [{"name": "1", "value": 1}]},
            ],
        },
        GLOBAL,
    )  # fmt: skip
    assert write(form).splitlines() == [
        "name: ban",
        "description: Make somebody walk the plank",
        'name_localizations: { de: bannen, "no": utvis }',
        "default_member_permissions: [kick_members, ban_members]",
        "nsfw: true",
        "contexts: [guild, private_channel]",
        "integration_types: [guild_install]",
        "options:",
        "  - name: user",
        "    type: user",
        '    description: "Who: the culprit"',
        "    required: true",
        "  - name: where",
        "    type: channel",
        "    description: Where",
        "    channel_types: [guild_text, guild_forum]",
        "  - name: days",
        "    type: integer",
        "    description: For how long",
        "    min_value: 0",
        "    choices:",
        '      - { name: "1", value: 1 }',
    ]


def test_other_kinds_say_what_they_are() -> None:
    """A menu command and an entry point have a type, and only what they have."""
    menu = canonical({"type": 3, "name": "Report it", "description": ""}, GUILD)
    entry = canonical({"type": 4, "name": "Launch", "handler": 2, "integration_types": [0, 1]}, GLOBAL)
    assert write(menu) == "name: Report it\ntype: message\n"
    assert write(entry).splitlines() == [
        "name: Launch",
        "type: primary_entry_point",
        "integration_types: [guild_install, user_install]",
        "handler: discord_launch_activity",
    ]


@pytest.mark.parametrize(
    ("bits", "line"),
    [
        ("0", "default_member_permissions: []"),
        ("8", "default_member_permissions: [administrator]"),
        (str(1 << 47 | 8), f"default_member_permissions: {1 << 47 | 8}"),  # that bit has no name
    ],
)
def test_permissions_have_names_where_all_bits_have(bits: str, line: str) -> None:
    """A bit without a name makes the whole set a number, since a list could not say it."""
    form = canonical(slash(default_member_permissions=bits), GUILD)
    assert line in write(form).splitlines()
    assert canonical(read_back(write(form)), GUILD) == form


def test_all_locales_stand_one_below_the_other() -> None:
    """What does not fit in a line is a block."""
    form = canonical(slash(name_localizations={locale: f"ping-{locale.lower()}" for locale in LOCALES}), GLOBAL)
    lines = write(form).splitlines()
    assert lines[2] == "name_localizations:"
    assert lines[3] == "  bg: ping-bg"
    assert len(lines) == 3 + len(LOCALES)
    assert canonical(read_back(write(form)), GLOBAL) == form


# File names


def names(*commands: tuple[str, int], taken: tuple[str, ...] = ()) -> list[str]:
    """The file names of commands, by name and type."""
    return file_names([{"name": name, "type": kind} for name, kind in commands], taken)


def test_file_names_say_name_and_kind() -> None:
    """One file a command, called as it is; other kinds say so before the ending."""
    assert names(("ban", 1), ("ban", 2), ("ban", 3), ("Launch it!", 4)) == [
        "ban.yaml", "ban.user.yaml", "ban.message.yaml", "launch-it.entry-point.yaml",
    ]  # fmt: skip


def test_file_names_differ_where_case_does_not_count() -> None:
    """`Report` and `report` are two commands and would be one file on many disks; so would two forms of an é."""
    assert names(("Report", 2), ("report", 2)) == ["report.user.yaml", "report-2.user.yaml"]
    assert names(("caf\u00e9", 2), ("cafe\u0301", 2)) == ["café.user.yaml", "café-2.user.yaml"]
    assert names(("ping", 1), taken=("PING.yaml", "ping-2.yaml")) == ["ping-3.yaml"]
    assert names(("ß", 2), ("ss", 2))[1] == "ss-2.user.yaml"


def test_file_names_are_safe() -> None:
    """Nothing that a folder source leaves out, that leads elsewhere or is a device's name, and nothing long."""
    assert names(("../../etc/passwd", 2), ("_x", 1), (".x", 2), ("con", 1), ("🏴", 2), ("-", 1), ("a/b\\c:d", 3)) == [
        "etc-passwd.user.yaml", "x.yaml", "x.user.yaml", "con-command.yaml", "command.user.yaml", "command.yaml",
        "a-b-c-d.message.yaml",
    ]  # fmt: skip
    (long,) = names(("漢" * 32, 2))
    assert len(long.encode()) < 100


@given(command_sets(max_size=12))
@settings(max_examples=60, deadline=None)
def test_file_names_are_always_different(drawn: list[dict[str, Any]]) -> None:
    """Whatever the commands are called: one file each, none hidden, none left out by the folder source."""
    found = file_names([canonical(one, GLOBAL) for one in drawn])
    folded = {unicodedata.normalize("NFKC", name).casefold() for name in found}
    assert len(folded) == len(drawn)
    assert all(name.endswith(".yaml") and name[0] not in "._-" and "/" not in name for name in found)
