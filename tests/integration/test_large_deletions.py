"""An empty commands folder, and strangers in a scope: what deletes, and what it takes."""

from __future__ import annotations

import pytest
from desk import GUILD, Desk, refused

# Nothing left to deploy


@pytest.fixture
def ten(desk: Desk):
    """Ten commands that were deployed and are live, and then an empty commands folder."""
    desk.commands(10)
    assert desk.inv("deploy", "--env", "dev").code == 0
    desk.forget_commands()
    return desk


CLEARS = f"it clears guild {GUILD} (10 commands)"
COVERS = "; --yes does not cover that"
MEANT = "; check commands.folder and enabled_commands; if you mean it, say "
DELETES = (
    "this would delete 10 commands with their permission overwrites in dev, and there is no terminal to ask on; if you"
    " mean it, say --yes"
)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ([], CLEARS + MEANT + "--yes --allow-delete 10"),
        (["--yes"], CLEARS + COVERS + MEANT + "--allow-delete 10"),
        (["--yes", "--force"], CLEARS + COVERS + MEANT + "--allow-delete 10"),
        (["--yes", "--allow-delete", "9"], CLEARS + COVERS + MEANT + "--allow-delete 10, not 9"),
        (["--yes", "--allow-delete", "-10"], CLEARS + COVERS + MEANT + "--allow-delete 10, not -10"),
        (["--allow-delete", "10"], DELETES),
        (["--allow-delete", "11", "--force"], DELETES),
    ],
)
@pytest.mark.parametrize("task", ["deploy", "apply"])
def test_an_empty_commands_folder_clears_nothing_by_itself(ten: Desk, task, flags, told):
    """Only --yes and --allow-delete for all ten together do, and one of them is not enough."""
    before = ten.state()
    refused(ten.inv(task, "--env", "dev", *flags), told, code=3)
    assert len(ten.live()) == 10
    assert ten.state() == before


@pytest.mark.parametrize("allowed", ["10", "11"])
def test_an_empty_commands_folder_clears_the_scope_when_told_so(ten: Desk, allowed):
    """The way to clear a scope on purpose."""
    ran = ten.inv("deploy", "--env", "dev", "--yes", "--allow-delete", allowed)
    assert ran.code == 0, ran
    assert ten.live() == {}


def strangers(desk: Desk, policy):
    """Ten live commands that Botswain never deployed, an empty folder, and a policy."""
    for number in range(10):
        desk.edit("create", command={"name": f"s{number}", "description": "x"})
    desk.profile(commands={"unmanaged": policy})


def test_strangers_are_kept(desk: Desk):
    """`unmanaged: keep`: an empty folder is nothing to do, whatever flags are given."""
    strangers(desk, "keep")
    for flags in ([], ["--yes", "--allow-delete", "10"], ["--force"]):
        ran = desk.inv("deploy", "--env", "dev", *flags)
        assert (ran.code, len(desk.live())) == (0, 10), ran


def test_strangers_are_deleted_only_when_allowed(desk: Desk):
    """`unmanaged: delete` is no consent: ten deletions are asked for like any others."""
    strangers(desk, "delete")
    refused(desk.inv("deploy", "--env", "dev", "--yes"), CLEARS + COVERS + MEANT + "--allow-delete 10", code=3)
    ran = desk.inv("deploy", "--env", "dev", "--yes", "--allow-delete", "9")
    refused(ran, CLEARS + COVERS + MEANT + "--allow-delete 10, not 9", code=3)
    assert len(desk.live()) == 10
    assert desk.inv("deploy", "--env", "dev", "--yes", "--allow-delete", "10").code == 0
    assert desk.live() == {}


def test_strangers_are_refused(desk: Desk):
    """`unmanaged: refuse` stops with their names."""
    strangers(desk, "refuse")
    names = ", ".join(f"chat_input/s{number} in guild {GUILD}" for number in range(10))
    refused(
        desk.inv("deploy", "--env", "dev", "--yes", "--allow-delete", "10"),
        f"profiles/dev.yaml: commands.unmanaged: live commands that Botswain did not deploy: {names}; add them to the"
        " sources, or set it to keep or delete",
        code=3,
    )
    assert len(desk.live()) == 10


def test_a_second_entry_point_is_refused(desk: Desk):
    """An application has one entry point; Discord's own Launch command is not doubled, and not replaced unseen."""
    desk.edit("create", "global", command={"name": "launch", "type": 4, "description": "Start", "handler": 2})
    desk.profile(commands={"entry_point": True})
    desk.definition("board.json", {"name": "board", "type": "primary_entry_point", "description": "Board the ship"})
    told = (
        'global: has the entry point "launch" already, and an application has one; call yours "launch",'
        " say renamed_from: launch in it, or leave it out of the sources"
    )
    refused(desk.inv("deploy", "--env", "dev"), told, code=3)
    assert list(desk.live("global")) == ["launch"]
