"""Where this machine keeps what builds and runs foreign code."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

from botswain.errors import BotswainError, Refused
from botswain.state import places
from botswain.targets import moving, processes


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout in which tasks run, and a home for states beside it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return into(tmp_path / "bots", monkeypatch)


def into(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Goes into a folder."""
    folder.mkdir(exist_ok=True)
    monkeypatch.chdir(folder)
    return folder


def test_looking_makes_no_folder(checkout, tmp_path):
    """Where the bot would lie is known before anything is there."""
    assert moving.place_of("dev").root == moving.place_of("dev").root
    assert places.services() == []
    assert not (tmp_path / "state").exists()
    assert list(checkout.iterdir()) == []


def test_a_place_is_readable_by_its_name_and_for_its_user_alone(checkout, tmp_path):
    """The folder is called as the checkout, and nobody else may look into it."""
    root = moving.keep("dev").root
    state = places.project()
    assert state.parent == tmp_path / "state/botswain"
    assert state.name.startswith("bots-")
    assert root == state / "service/dev"
    assert [stat.S_IMODE(one.stat().st_mode) for one in (state.parent, state)] == [0o700, 0o700]
    assert (state / "checkout").resolve() == checkout
    assert (checkout / ".botswain/service/dev").resolve() == root
    assert places.services() == ["dev"]


def test_a_moved_checkout_keeps_its_place(checkout, tmp_path, monkeypatch):
    """Its bot is still the same bot."""
    state = places.keep()
    checkout.rename(tmp_path / "elsewhere")
    moved = into(tmp_path / "elsewhere", monkeypatch)
    assert places.project() == state
    assert (state / "checkout").resolve() == moved
    into(checkout, monkeypatch)  # another clone where the first one was
    assert places.project() != state


def test_a_copied_checkout_has_a_place_of_its_own(checkout, tmp_path, monkeypatch):
    """Two checkouts never share one bot, also where a record was copied along."""
    state = places.keep()
    shutil.copytree(checkout, tmp_path / "copy", symlinks=True)
    into(tmp_path / "copy", monkeypatch)
    assert places.keep() != state
    assert places.project() == places.keep()
    into(checkout, monkeypatch)
    assert places.project() == state


def test_two_clones_of_one_name_have_two_places(checkout, tmp_path, monkeypatch):
    """The name is for people; the place follows the folder."""
    state = places.keep()
    (tmp_path / "b").mkdir()
    into(tmp_path / "b/bots", monkeypatch)
    assert places.keep() != state


def test_another_xdg_state_home_later_does_not_lose_the_bot(checkout, tmp_path, monkeypatch):
    """Cron and sudo have other variables than the shell in which the bot was deployed."""
    state = places.keep()
    monkeypatch.delenv("XDG_STATE_HOME")
    assert places.project() == state
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other"))
    assert places.project() == state


def test_a_removed_botswain_folder_does_not_lose_the_bot(checkout):
    """`git clean -fdx` takes the record, and the same folder finds the same place."""
    state = places.keep()
    shutil.rmtree(checkout / ".botswain")
    assert places.keep() == state


def test_a_record_of_another_machine_counts_for_nothing(checkout, tmp_path):
    """A checkout that was copied here with its record gets a place of this machine."""
    (checkout / ".botswain").mkdir()
    (checkout / ".botswain/project.json").write_text('{"state": "/nowhere/bots-1", "checkout": "/nowhere/bots"}')
    assert places.keep().parent == tmp_path / "state/botswain"
    (checkout / ".botswain/project.json").write_text("{")
    assert places.keep().parent == tmp_path / "state/botswain"


@pytest.mark.parametrize("given", [None, "", "relative/state"])
def test_without_a_usable_xdg_state_home_it_is_below_the_home(checkout, tmp_path, monkeypatch, given):
    """As the specification of these folders has it."""
    if given is None:
        monkeypatch.delenv("XDG_STATE_HOME")
    else:
        monkeypatch.setenv("XDG_STATE_HOME", given)
    assert places.project().parent == tmp_path / "home/.local/state/botswain"


@pytest.mark.parametrize("where", ["bots/state", "bots/.botswain", "repository/deep/state"])
def test_a_state_home_in_a_project_is_refused_in_one_line(checkout, tmp_path, monkeypatch, where):
    """There, releases would read that project's settings again."""
    (tmp_path / "repository/.git").mkdir(parents=True)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / where))
    with pytest.raises(Refused, match=r"^/.*/botswain: lies in /.*; set XDG_STATE_HOME to a folder outside of it$"):
        moving.keep("dev")


def test_dotfiles_of_a_home_refuse_nothing(checkout, tmp_path, monkeypatch):
    """Many keep their home in git, and its default place is below that."""
    monkeypatch.delenv("XDG_STATE_HOME")
    (tmp_path / "home/.git").mkdir(parents=True)
    assert places.keep().is_dir()


def test_what_lies_above_is_named(checkout, tmp_path):
    """No variable keeps tools from a package.json of the home."""
    (tmp_path / "package.json").touch()
    assert tmp_path / "package.json" in places.above(moving.keep("dev").root)


def test_a_state_home_that_cannot_be_made_is_one_line(checkout, tmp_path, monkeypatch):
    """A file is in the way."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(BotswainError, match=r"cannot be made: .*; look at the disk and the permissions"):
        moving.keep("dev")


def test_scratch_folders_of_killed_runs_go(checkout):
    """Only those of processes that are gone."""
    (places.keep() / "past-999999999-x").mkdir()
    with places.scratch("past") as one, places.scratch("past") as other:
        assert one.is_dir()
        assert stat.S_IMODE(other.stat().st_mode) == 0o700
        assert len(list(places.project().glob("past-*"))) == 2
    assert list(places.project().glob("past-*")) == []


# Places of earlier versions


@pytest.fixture
def earlier(checkout):
    """A bot of an earlier version, in the checkout."""
    root = checkout / ".botswain/service/dev"
    (root / "releases/one/.venv/bin").mkdir(parents=True)
    (root / "shared").mkdir()
    (root / "shared/bot.db").write_text("rows")
    (root / "current").symlink_to("releases/one")
    return root


def test_an_earlier_place_is_moved_whole(earlier):
    """Releases and data are outside of the checkout then, and paths from before still lead there."""
    assert places.services() == ["dev"]
    place = moving.place_of("dev")
    assert place.root == places.project() / "service/dev"
    assert (place.root / "shared/bot.db").read_text() == "rows"
    assert place.live() == "one"
    assert (earlier / "releases/one/.venv/bin").is_dir()  # as scripts of a virtual environment name it
    assert earlier.is_symlink()
    assert place.roots() == [place.root, earlier]
    assert moving.place_of("dev").root == place.root


def test_a_move_that_was_killed_is_finished_by_the_next_command(earlier, monkeypatch):
    """Between the rename and the link, nothing is lost."""
    with monkeypatch.context() as patch:
        places.keep()
        patch.setattr(places, "link", lambda at, to: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            moving.place_of("dev")
    assert not earlier.exists()
    place = moving.place_of("dev")
    assert (earlier / "shared/bot.db").read_text() == "rows"
    assert place.roots() == [place.root, earlier]


def test_a_move_that_was_killed_before_the_rename_is_done_by_the_next_command(earlier, monkeypatch):
    """The place is where it was."""
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            moving.place_of("dev")
    assert not earlier.is_symlink()
    assert (moving.place_of("dev").root / "shared/bot.db").read_text() == "rows"
    assert earlier.is_symlink()


def test_a_place_that_cannot_be_renamed_stays_in_use(earlier, monkeypatch):
    """On another file system it would have to be copied, under a bot that writes: the operator is told the way."""
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(OSError(18, "Invalid cross-device link")))
        place = moving.place_of("dev")
        assert place.root == earlier
        assert moving.keep("dev").root == earlier
        way = moving.left_behind(place)
    assert way.startswith(f"./inv dev.down --env dev && mv {earlier} ")
    shutil.move(earlier, way.split()[6])  # as the way says
    assert moving.place_of("dev").root == places.project() / "service/dev"
    assert earlier.is_symlink()
    assert moving.left_behind(moving.place_of("dev")) == ""


def test_processes_from_before_the_move_are_still_found(earlier, monkeypatch):
    """What an earlier version started knows the earlier folder alone; else a second bot would be started beside it."""
    place = moving.place_of("dev")
    for mark in (f"BOTSWAIN_SERVICE={earlier}", f"CREDENTIALS_DIRECTORY={earlier}/credentials"):
        monkeypatch.setattr(processes, "_numbers", lambda: [os.getpid() + 1])
        monkeypatch.setattr(processes, "_read", lambda _pid, _what, mark=mark: os.fsencode(f"A=b\0{mark}\0"))
        assert processes.of(place.root) == [os.getpid() + 1]
    monkeypatch.setattr(processes, "_read", lambda _pid, _what: os.fsencode(f"python\0{earlier}\0guard\0token"))
    assert processes.guards(place.root) == [os.getpid() + 1]
