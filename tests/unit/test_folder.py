"""Definitions from files: what is read, what is refused, and how clearly."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botswain.commands.rules import check_scope
from botswain.commands.sources.digest import digest_folder
from botswain.commands.sources.folder import load_folder
from botswain.discord.enums import GLOBAL, CommandType, OptionType
from botswain.documents import read_json, read_yaml
from botswain.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from botswain.commands.definition import Definition

EXAMPLES = Path(__file__).parents[2] / "examples/commands"
PING = "name: ping\ndescription: Answers\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder `commands` in the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "commands").mkdir()
    return Path("commands")


def put(folder: Path, **files: str) -> None:
    """Writes YAML files by their names without ending."""
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)


def problems(folder: Path) -> list[str]:
    """What is wrong with a folder."""
    with pytest.raises(InvalidInput) as caught:
        load_folder(folder)
    return str(caught.value).split("\n")


def keys(definitions: list[Definition]) -> list[str]:
    """Their keys."""
    return [one.key for one in definitions]


def test_files_of_all_endings_below_the_folder_in_order(folder: Path) -> None:
    """Sub-folders are read too, and the order never depends on the file system."""
    (folder / "b").mkdir()
    (folder / "b/two.yml").write_text("name: two\ndescription: 2\n".replace("2", "Two"))
    (folder / "a.json").write_text('{"name": "one", "description": "One"}')
    put(folder, c="- {name: three, description: Three}\n- {name: Four, type: user}\n")
    put(folder, d="name: five\ndescription: Five\n---\nname: six\ndescription: Six\n")
    (folder / "readme.txt").write_text("no command")
    definitions = load_folder(folder)
    assert [one.name for one in definitions] == ["one", "two", "three", "Four", "five", "six"]
    assert definitions[3].key == "user/Four"
    assert definitions[1].file == "commands/b/two.yml"


def test_hidden_and_underscored_files_are_drafts(folder: Path) -> None:
    """An editor's backup or a draft must not be deployed."""
    put(folder, ping=PING, _draft="name: [", **{".hidden": "name: ["})
    (folder / "_old").mkdir()
    (folder / "_old/x.yaml").write_text("name: [")
    assert keys(load_folder(folder)) == ["chat_input/ping"]


def test_an_absolute_folder_is_named_relatively(folder: Path) -> None:
    """Messages and records look the same on every machine."""
    put(folder, ping=PING)
    assert load_folder(folder.absolute())[0].file == "commands/ping.yaml"


def test_an_empty_folder_is_an_empty_list(folder: Path) -> None:
    """Whether nothing may be deployed is decided where it is known what is live."""
    assert load_folder(folder) == []


def test_a_missing_folder_says_what_to_do(folder: Path) -> None:
    """A missing folder is never an empty set of commands."""
    fix = "create it, or set commands.folder in the profile to the folder with the command files"
    assert problems(Path("nowhere")) == [f"nowhere: there is no such folder; {fix}"]
    put(folder, ping=PING)
    assert problems(folder / "ping.yaml") == [f"commands/ping.yaml: is not a folder; {fix}"]


@pytest.mark.parametrize("text", ["", "# to be written\n", "---\n", "null\n"])
def test_a_file_without_a_command_is_a_problem(folder: Path, text: str) -> None:
    """A file that was cut off would otherwise delete its command."""
    put(folder, ping=text)
    assert problems(folder) == ["commands/ping.yaml: holds no command; write one, or remove the file"]


def test_all_problems_of_all_files_at_once(folder: Path) -> None:
    """Malformed, misspelt and forbidden things are told together, each with its place."""
    put(
        folder,
        a="name: a\n  description: x\n",
        b="name: Ban\ndescription: Bans\nnfsw: true\n",
        c="- {name: c, description: C}\n- {description: D}\n- 5\n",
        d="- {name: c, description: C}\n",
    )
    assert problems(folder) == [
        "commands/a.yaml: line 2, column 14: not valid YAML: mapping values are not allowed in this context",
        'commands/b.yaml: /Ban.nfsw: unknown field; did you mean "nsfw"?',
        'commands/b.yaml: /Ban: name "Ban" has capitals; Discord wants "ban"',
        "commands/c.yaml: commands.1.name: is missing",
        "commands/c.yaml: commands.2: must be a mapping of fields, not 5",
        "commands/d.yaml: chat_input/c: is defined already in commands/c.yaml; names are unique per kind",
    ]


def test_two_commands_of_one_name(folder: Path) -> None:
    """Which of the two would win must not depend on the order of files; kinds have their own names."""
    put(folder, a=PING, b="- {name: ping, type: user}\n- {name: ping, type: user}\n")
    assert problems(folder) == [
        "commands/b.yaml: user/ping: is defined already in the same file; names are unique per kind"
    ]


def test_yaml_words_stay_words() -> None:
    """In YAML 1.1 Norwegian is false, noon is 720 and an id with a leading zero is octal."""
    text = "{no: a, on: b, yes: c, x: [no, yes, off, y, 12:30, 2026-01-01, 0755, 1_000, 0x10, .inf, 1e999x]}"
    (value,) = read_yaml(text, "x.yaml")
    assert list(value) == ["no", "on", "yes", "x"]
    assert value["x"] == [
        "no",
        "yes",
        "off",
        "y",
        "12:30",
        "2026-01-01",
        "0755",
        "1_000",
        "0x10",
        ".inf",
        "1e999x",
    ]


def test_yaml_values() -> None:
    """What is left has the usual meaning, and an id of 19 digits is exact."""
    text = "[true, False, null, ~, 5, -5, 1.5, 1e3, '5', \"true\", !!str 7, 1234567890123456789]"
    (value,) = read_yaml(text, "x.yaml")
    assert value == [True, False, None, None, 5, -5, 1.5, 1000.0, "5", "true", "7", 1234567890123456789]


def test_anchors_and_merges() -> None:
    """Repeated options can be written once."""
    text = "a: &u {type: user, name: user}\nb: *u\nc: {<<: *u, name: other}\nd: {<<: [{x: 1}, {x: 2}], '<<': 3}"
    (value,) = read_yaml(text, "x.yaml")
    assert value["b"] == value["a"]
    assert value["c"] == {"type": "user", "name": "other"}
    assert value["d"] == {"x": 1, "<<": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: a\nname: b\n", 'line 2, column 1: the key "name" is written twice'),
        ("a: [1, 2\n", "line 2, column 1: not valid YAML: did not find expected ',' or ']'"),
        ("a: \x01\n", "line 1, column 4: not valid YAML: control characters are not allowed"),
        ("a: &x [*x]\n", "line 1, column 8: *x stands for nothing that ended before it"),
        (
            "a: !!python/name:os.system x\n",
            "line 1, column 4: the tag tag:yaml",
        ),
        ("? [a]\n: b\n", "line 1, column 3: a key must be text, not a list or mapping"),
        ("[" * 1000, "line 1, column 65: nested deeper than 64 levels"),
        ("a: {<<: 5}\n", "line 1, column 9: << takes a mapping, or a list of them"),
    ],
)
def test_malformed_yaml_has_one_problem_with_its_place(text: str, message: str) -> None:
    """Line and column are what an editor jumps to."""
    with pytest.raises(InvalidInput) as caught:
        read_yaml(text, "x.yaml")
    assert len(caught.value.problems) == 1
    assert str(caught.value).startswith(f"x.yaml: {message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"name": }', "line 1, column 10: not valid JSON: Expecting value"),
        ('{"a": 1,\n "a": 2}', 'line 2, column 2: the key "a" is written twice'),
        ('{"a": NaN}', "not valid JSON: a number is NaN, infinite or thousands of digits long"),
        ("[" + "9" * 5000 + "]", "not valid JSON: a number is NaN, infinite or thousands of digits long"),
        ('{"a": "\\ud800"}', "holds half of a surrogate pair (\\ud800-\\udfff)"),
        ("[" * 100_000, "nested deeper than 64 levels"),
    ],
)
def test_malformed_json_has_one_problem(text: str, message: str) -> None:
    """JSON gets the same care as YAML."""
    with pytest.raises(InvalidInput) as caught:
        read_json(text, "x.json")
    assert str(caught.value) == f"x.json: {message}"


def test_anchors_cannot_explode() -> None:
    """Ten lines of nested anchors would be billions of values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    with pytest.raises(InvalidInput, match="more than 200,000 values once anchors are followed"):
        read_yaml("\n".join(lines), "x.yaml")


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab<:-", max_size=3), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_json_means_the_same_as_yaml(value: Any) -> None:
    """YAML contains JSON; our own reader of YAML must not lose or reinterpret any value of it."""
    text = json.dumps(value)
    assert read_json(text, "x.json") == [value]
    assert read_yaml(text, "x.yaml") == [value]


@given(st.binary(max_size=60))
def test_any_bytes_are_a_value_or_one_problem(data: bytes) -> None:
    """No file can make the reader fail in another way."""
    text = data.decode("latin-1")
    assert all(isinstance(documents, list) for documents in (_read(read_yaml, text), _read(read_json, text)))


def _read(read: Callable[[str, str], list[Any]], text: str) -> list[Any]:
    """The documents, or the one problem."""
    try:
        return read(text, "x")
    except InvalidInput as error:
        (problem,) = error.problems
        return [problem]


def test_files_that_cannot_be_read_as_text(folder: Path) -> None:
    """Encodings and sizes are told with what to do about them."""
    (folder / "a.yaml").write_bytes("name: grüße".encode("latin-1"))
    (folder / "b.yaml").write_bytes(b"#" * 1_000_001)
    (folder / "c.yaml").write_bytes(b"\xef\xbb\xbf" + PING.encode())
    assert problems(folder) == [
        "commands/a.yaml: is not UTF-8 (byte 9); save it as UTF-8",
        "commands/b.yaml: is larger than 1,000,000 bytes; split it",
    ]


def test_links_that_lead_nowhere_or_in_circles(folder: Path) -> None:
    """A loop of links would be read for ever; a broken one would lose a command."""
    put(folder, ping=PING)
    (folder / "sub").mkdir()
    (folder / "sub/up").symlink_to(folder.absolute())
    assert problems(folder) == ["commands/sub/up: a symbolic link back to a folder above it; remove the link"]
    (folder / "sub/up").unlink()
    (folder / "self.yaml").symlink_to("self.yaml")
    (folder / "gone.yaml").symlink_to("nowhere.yaml")
    os.mkfifo(folder / "pipe.yaml")
    assert problems(folder) == [
        "commands/gone.yaml: cannot be read: No such file or directory",
        "commands/pipe.yaml: is not a regular file",
        "commands/self.yaml: cannot be read: Too many levels of symbolic links",
    ]


def test_linked_folders_are_followed(folder: Path) -> None:
    """Several bots may share a folder of commands."""
    Path("shared").mkdir()
    put(Path("shared"), ping=PING)
    (folder / "shared").symlink_to(Path("shared").absolute())
    assert keys(load_folder(folder)) == ["chat_input/ping"]


def test_the_digest_follows_names_and_contents(folder: Path) -> None:
    """What the digest does not see would never be deployed, since unchanged input is not read again."""
    put(folder, ping=PING, _draft="x")
    seen = [digest_folder(folder)]
    (folder / "_draft.yaml").write_text("y")
    (folder / "notes.txt").write_text("y")
    assert digest_folder(folder) == seen[0]
    (folder / "ping.yaml").write_text(PING + "nsfw: true\n")
    seen.append(digest_folder(folder))
    (folder / "ping.yaml").rename(folder / "pong.yaml")
    seen.append(digest_folder(folder))
    (folder / "empty.yaml").write_text("")
    seen.append(digest_folder(folder))
    assert len(set(seen)) == 4
    with pytest.raises(InvalidInput):
        digest_folder(Path("nowhere"))


def test_the_digest_needs_neither_yaml_nor_pydantic() -> None:
    """It is what makes a run without changes start fast."""
    code = (
        "import sys; from pathlib import Path; from botswain.commands.sources.digest import digest_folder;"
        f"digest_folder(Path({str(EXAMPLES)!r})); print({{'yaml', 'pydantic'}} & set(sys.modules))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=EXAMPLES.parents[1], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "set()"


def test_the_sample_bot_shows_everything() -> None:
    """The examples are what people copy: valid, of all kinds, and with each field at least once."""
    definitions = load_folder(EXAMPLES)
    payloads = [one.payload for one in definitions]
    assert check_scope(payloads, GLOBAL) == []
    assert len(definitions) >= 14
    assert {payload.get("type", 1) for payload in payloads} == set(CommandType)
    options = list(_options(payloads))
    assert {option["type"] for option in options} == set(OptionType)
    used = {field for part in [*payloads, *options] for field in part}
    assert used >= {
        "name_localizations", "description_localizations", "default_member_permissions", "contexts", "nsfw",
        "integration_types", "handler", "choices", "autocomplete", "min_value", "max_value", "min_length",
        "max_length", "channel_types", "file_types", "required",
    }  # fmt: skip
    assert any(one.development_only for one in definitions)
    assert any(one.owner_only for one in definitions)
    assert any("no" in payload.get("name_localizations", {}) for payload in payloads)


def _options(parts: list[dict[str, Any]]) -> Any:
    for part in parts:
        inner = part.get("options", [])
        yield from inner
        yield from _options(inner)
