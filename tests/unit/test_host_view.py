"""The throw-away copy of a bot's folder: its files are there, live data is not reached, packages are the very ones."""

from __future__ import annotations

import os

import pytest

from botswain.host import view


@pytest.fixture
def bot(tmp_path):
    """A bot's folder, and what lies beside it."""
    folder = tmp_path / "bot"
    for name in ("src/main.py", "data/local.db", "node_modules/x/index.js", "env/pyvenv.cfg", ".git/HEAD", ".env"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (tmp_path / "shared/data").mkdir(parents=True)
    (tmp_path / "shared/data/bot.db").write_text("live")
    (tmp_path / "shared/config.json").write_text("{}")
    (folder / "shared").symlink_to("../shared/data")
    (folder / "config.json").symlink_to(tmp_path / "shared/config.json")
    (folder / "main.py").symlink_to("src/main.py")
    (folder / "nowhere").symlink_to("/no/such/file")
    (folder / "loop").symlink_to(".")
    return folder


def test_what_is_written_in_a_copy_reaches_nothing(bot, tmp_path):
    """Neither a file, nor through a link out of the folder, which becomes a copy of what it leads to."""
    made = view.copy(bot, tmp_path / "copy", outside=[tmp_path / "shared"])
    for name in ("src/main.py", "data/local.db", "shared/bot.db", "config.json", "main.py", ".env"):
        assert (made.folder / name).read_text() == (bot / name).read_text()
    for name in ("src/main.py", "data/local.db", "shared/bot.db", "config.json", ".env"):
        (made.folder / name).write_text("changed")
    (made.folder / "shared/new").touch()
    assert (bot / "src/main.py").read_text() == "src/main.py"
    assert (tmp_path / "shared/data/bot.db").read_text() == "live"
    assert [one.name for one in (tmp_path / "shared/data").iterdir()] == ["bot.db"]
    assert not os.path.lexists(made.folder / "nowhere")
    assert (made.folder / "loop/src").is_dir()


def test_packages_are_linked_and_hidden_files_are_not_there(bot, tmp_path):
    """node_modules, virtual environments by whatever name, and git's folder; without links a place to mount them."""
    made = view.copy(bot, tmp_path / "copy", hidden=[bot / ".env"])
    assert set(made.linked) == {"node_modules", "env", ".git"}
    assert all((made.folder / name).resolve() == bot / name for name in made.linked)
    assert not (made.folder / ".env").exists()
    bare = view.copy(bot, tmp_path / "bare", links=False)
    assert set(bare.linked) == set(made.linked)
    assert [list((bare.folder / name).iterdir()) for name in bare.linked] == [[], [], []]


def test_no_link_brings_a_hidden_file_into_a_copy(bot, tmp_path):
    """Neither one to the file itself, nor to something in a hidden folder, from inside or outside of the copied one."""
    hidden = [tmp_path / "ours/.env", tmp_path / "ours/.state", bot / "data"]
    (tmp_path / "ours/.state").mkdir(parents=True)
    (tmp_path / "ours/.env").write_text("token")
    (tmp_path / "ours/.state/key").write_text("token")
    (bot / "variables").symlink_to(hidden[0])
    (bot / "key").symlink_to(hidden[1] / "key")
    (bot / "ours").symlink_to(tmp_path / "ours")
    (bot / "rows").symlink_to("data/local.db")
    made = view.copy(bot, tmp_path / "copy", hidden=hidden, outside=[tmp_path])
    names = {str(one.relative_to(made.folder)) for one in made.folder.rglob("*")}
    assert {"src/main.py", "ours"} <= names
    assert not {"variables", "key", "ours/.env", "ours/.state", "rows", "data"} & names


def test_no_link_of_a_repository_brings_in_what_lies_outside(bot, tmp_path):
    """Neither keys, nor a process's variables, nor a home that calls itself packages; links in circles end."""
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh/key").write_text("key")
    (bot / "keys").symlink_to(home / ".ssh")
    (bot / "key").symlink_to(home / ".ssh/key")
    (bot / "environ").symlink_to("/proc/self/environ")
    (bot / "root").symlink_to("/")
    for name in ("x/venv", "y/node_modules", "z/.venv", "w/.git"):
        (bot / name).parent.mkdir()
        (bot / name).symlink_to(home)
    (tmp_path / "shared/data/again").symlink_to(tmp_path / "shared")
    (tmp_path / "shared/back").symlink_to(tmp_path / "shared/data")
    made = view.copy(bot, tmp_path / "copy", outside=[tmp_path / "shared"])
    out = {"keys", "key", "environ", "root", "x/venv", "y/node_modules", "z/.venv", "w/.git"}
    assert not [name for name in out if os.path.lexists(made.folder / name)]
    assert out <= set(made.left_out)
    assert set(made.linked) == {"node_modules", "env", ".git"}
    assert (made.folder / "shared/bot.db").read_text() == "live"


def test_a_copy_is_bounded(bot, tmp_path, monkeypatch):
    """What is too large is not there, and is named; what links lead to outside has a room of its own."""
    monkeypatch.setattr(view, "LARGEST", 11)
    (bot / "data/movie").write_text("x" * 12)
    monkeypatch.setattr(view, "OUTSIDE", 3)
    made = view.copy(bot, tmp_path / "copy", outside=[tmp_path / "shared"])
    assert {"data/movie", "shared/bot.db"} <= set(made.left_out)
    assert not (made.folder / "data/movie").exists()
    assert (made.folder / "src/main.py").exists()
    assert (made.folder / "config.json").exists()
