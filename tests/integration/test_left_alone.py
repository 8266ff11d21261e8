"""`commands.leave`: live commands that are somebody else's business, whatever the records say."""

from __future__ import annotations

import pytest
from desk import APP, GUILD, Desk, refused


@pytest.fixture
def shared(desk: Desk):
    """Two commands of ours are deployed, and one of another tool's is live beside them."""
    desk.commands(2)
    assert desk.inv("deploy", "--env", "dev").code == 0
    desk.edit("create", command={"name": "theirs", "description": "Not ours"})
    return desk


def test_an_import_leaves_it_alone(shared: Desk):
    """It gets no file and no record, so that no later deployment deletes it."""
    shared.edit("create", command={"name": "stray", "description": "Ours by now"})
    shared.profile(commands={"leave": ["their*"]})
    assert shared.inv("import", "--env", "dev").code == 0
    assert sorted(path.name for path in (shared.folder / "commands").iterdir()) == [
        "c01.json",
        "c02.json",
        "stray.yaml",
    ]
    shared.profile(commands={"leave": ["their*"], "unmanaged": "delete"})
    assert shared.inv("deploy", "--env", "dev").code == 0
    assert set(shared.live()) == {"c01", "c02", "stray", "theirs"}


def test_what_is_on_record_is_no_longer_ours(shared: Desk):
    """A command that was adopted by mistake is let go: not deleted with its source, and no drift."""
    assert shared.inv("import", "--env", "dev").code == 0
    (shared.folder / "commands/theirs.yaml").unlink()
    assert "- /theirs" in shared.inv("diff", "--env", "dev").out
    shared.profile(commands={"leave": ["chat_input/theirs"]})
    ran = shared.inv("diff", "--env", "dev", "--check")
    assert (ran.code, "1 other kept as it is (/theirs)" in ran.out) == (0, True), ran
    shared.edit("delete", name="theirs")
    assert shared.inv("drift", "--env", "dev", "--check").code == 0
    shared.command("c01", "Edited")
    assert shared.inv("deploy", "--env", "dev").code == 0
    assert set(shared.live()) == {"c01", "c02"}


def test_a_definition_of_it_is_left_out_and_that_is_said(shared: Desk):
    """Both at once cannot be meant, and the careful way is to write nothing."""
    shared.command("theirs", "Defined here too")
    shared.profile(commands={"leave": ["theirs"]})
    ran = shared.inv("diff", "--env", "dev")
    told = "note: defined, and left alone all the same: theirs (commands.leave in profiles/dev.yaml)"
    assert (told in ran.out, "~ /theirs" in ran.out) == (True, False), ran


def test_a_misspelt_former_name_is_told(shared: Desk):
    """Else the command would be made anew, and its id lost, although a rename was asked for."""
    (shared.folder / "commands/c02.json").unlink()
    shared.command("dice", "Number 2", renamed_from="co2")
    ran = shared.inv("diff", "--env", "dev")
    told = "note: /dice says renamed_from: co2, and no such command is live or on record; it is created anew"
    assert f'{told}; did you mean "c02"?' in ran.out, ran
    shared.command("dice", "Number 2", renamed_from="c02")
    assert "renamed_from" not in shared.inv("diff", "--env", "dev").out


def test_import_tells_what_the_next_deployment_would_delete(desk: Desk, tmp_path):
    """With a source that runs code, what is live and not defined is told apart from what is defined otherwise."""
    desk.write("print.py", 'print(\'[{"name": "ping", "description": "New"}]\')')
    desk.profile(commands={"source": "program", "run": ["python3", "print.py"]})
    for name in ("ping", "uptime"):
        desk.edit("create", command={"name": name, "description": "Old"})
    notes = desk.inv("import", "--env", "dev", "--json").document["notes"]
    assert any(note.startswith("the next deploy would change /ping in ") for note in notes), notes
    told = (
        f"the next deploy would delete /uptime in guild {GUILD}, which the sources do not define: define it, or name it"
    )
    assert any(note.startswith(told) for note in notes), notes
    assert APP
    told = "it deletes 1 of 2 commands in guild 200000000000000001, more than a fifth"
    refused(desk.inv("deploy", "--env", "dev"), f"{told}; if you mean it, say --yes --allow-delete 1", code=3)
