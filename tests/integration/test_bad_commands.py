"""Definitions that Discord would refuse, and files that are none."""

from __future__ import annotations

import pytest
from desk import Desk, refused

# Commands


def option(name, **fields):
    """An option of a slash command."""
    return {"type": "string", "name": name, "description": "x", **fields}


@pytest.mark.parametrize(
    ("definition", "told"),
    [
        (
            {"name": "Ping", "description": "x"},
            '/Ping: name "Ping" has capitals; Discord wants "ping"',
        ),
        (
            {"name": "ping", "description": "x", "options": [option("a"), option("b", required=True)]},
            '/ping b: is required but comes after "a", which is optional; required options come first',
        ),
        (
            {"name": "ping", "description": "x", "name_localizations": {"de-DE": "ping"}},
            '/ping: name_localizations has the unknown locale "de-DE"; did you mean "de"?',
        ),
        (
            {"name": "ping", "description": "x", "descripton": "x"},
            '/ping.descripton: unknown field; did you mean "description"?',
        ),
    ],
)
def test_a_command_against_discord_s_rules(desk: Desk, definition, told):
    """Told with file, command path and remedy, offline, before anything is asked of Discord."""
    desk.definition("bad.json", definition)
    refused(desk.inv("deploy", "--env", "dev"), f"commands/bad.json: {told}")
    assert not (desk.folder / "manifests").exists()


def test_a_command_of_too_many_characters(desk: Desk):
    """8,001 characters in one command, each part of it within its own limit."""
    choices = [{"name": f"{index:02}" + "n" * 98, "value": f"{index:02}" + "v" * 98} for index in range(25)]
    options = [option(f"o{index}", choices=choices) for index in range(1)]
    rest = 8001 - len("big") - 1 - len("o0") - 1 - 25 * 200
    filler = []
    while rest > 0:
        size = min(rest, 132)
        filler.append(option(f"f{len(filler):02}".ljust(32, "x"), description="d" * (size - 32)))
        rest -= size
    desk.definition("big.json", {"name": "big", "description": "x", "options": options + filler})
    refused(
        desk.inv("deploy", "--env", "dev"),
        "commands/big.json: /big: 8,001 characters in names, descriptions and choice values; at most 8,000",
    )


def test_duplicate_names(desk: Desk):
    """Two files with one command of one kind: both are named."""
    desk.definition("a.json", {"name": "ping", "description": "x"})
    desk.definition("b.json", {"name": "ping", "description": "y"})
    told = "commands/b.json: chat_input/ping: is defined already in commands/a.json; names are unique per kind"
    refused(desk.inv("deploy", "--env", "dev"), told)


def test_too_many_commands(desk: Desk):
    """The limit is of a scope: 101 slash commands are one too many."""
    desk.definition("all.json", [{"name": f"c{index}", "description": "x"} for index in range(101)])
    told = "commands: 101 chat input commands in one scope; at most 100"
    refused(desk.inv("deploy", "--env", "dev"), told)


def test_malformed_definitions(desk: Desk):
    """Broken YAML and JSON are told with line and column, those of all files at once."""
    desk.write("commands/a.yaml", "name: ping\ndescription: [x\n")
    desk.write("commands/b.json", '{"name": "pong" "description": "x"}')
    ran = desk.inv("deploy", "--env", "dev")
    refused(
        ran,
        "commands/a.yaml: line 3, column 1: not valid YAML: did not find expected ',' or ']'",
        "commands/b.json: line 1, column 17: not valid JSON: Expecting ',' delimiter",
    )


def test_a_commands_folder_that_is_not_there(desk: Desk):
    """A wrong path is never an empty set of commands."""
    desk.profile(commands={"folder": "comands"})
    told = (
        "comands: there is no such folder; create it, or set commands.folder in the profile to the folder with the"
        " command files"
    )
    refused(desk.inv("deploy", "--env", "dev", "--yes", "--allow-delete", "99"), told)


def test_a_misspelt_field_hides_no_other_problem(desk: Desk):
    """All problems of a file at once, those that Discord's rules find too."""
    option = {"name": "Who", "type": "user", "descripton": "x"}
    desk.definition("ban.json", {"name": "Ban", "descripton": "x", "options": [option]})
    told = desk.inv("deploy", "--env", "dev").told
    assert 'commands/ban.json: /Ban.descripton: unknown field; did you mean "description"?' in told
    assert 'commands/ban.json: /Ban: name "Ban" has capitals; Discord wants "ban"' in told
    assert any(line.startswith('commands/ban.json: /Ban Who: name "Who" has capitals') for line in told), told
