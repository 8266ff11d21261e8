"""How ansible-playbook is started."""

from __future__ import annotations

import configparser
import os
import stat
import sys

import pytest

from botswain.ansible import settings
from botswain.errors import BotswainError


def test_no_token_of_a_bot_and_no_foreign_setting_reaches_ansible(monkeypatch, tmp_path):
    """What a maintainer has set for other work does not change how we run; how hosts are reached stays theirs."""
    for name, value in {
        "DISCORD_PROD_TOKEN": "secret", "ANSIBLE_HOST_KEY_CHECKING": "False", "ANSIBLE_STDOUT_CALLBACK": "json",
        "ANSIBLE_PRIVATE_KEY_FILE": "/k", "ANSIBLE_CONFIG": "/other", "ANSIBLE_KEEP_REMOTE_FILES": "1",
        "LC_ALL": "de_DE",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    found = settings.environment(tmp_path, {})
    assert not any(name.startswith("DISCORD_") for name in found)
    assert not {"ANSIBLE_HOST_KEY_CHECKING", "ANSIBLE_STDOUT_CALLBACK", "ANSIBLE_KEEP_REMOTE_FILES"} & set(found)
    assert found["ANSIBLE_PRIVATE_KEY_FILE"] == "/k"
    assert found["ANSIBLE_CONFIG"] == str(settings.ROOT / "ansible.cfg")
    assert found["LC_ALL"].endswith("UTF-8")


def test_the_configuration_is_quick_and_careful():
    """Pipelining, kept connections, no facts, host keys checked, one Python."""
    config = configparser.ConfigParser()
    config.read(settings.ROOT / "ansible.cfg")
    assert config["connection"].getboolean("pipelining")
    assert config["defaults"].getboolean("host_key_checking")
    assert not config["defaults"].getboolean("inject_facts_as_vars")
    assert config["defaults"]["gathering"] == "explicit"
    assert config["defaults"]["interpreter_python"] == "/usr/bin/python3"
    assert "ControlPersist" in config["ssh_connection"]["ssh_args"]


def test_sockets_and_variables_are_in_a_folder_of_ours(monkeypatch, tmp_path):
    """0700, and never one that somebody else made or opened."""
    short = "/tmp" if len(str(tmp_path)) > 30 else str(tmp_path)  # noqa: S108
    place = os.path.join(short, f"bw-{os.getpid()}")  # noqa: PTH118
    os.mkdir(place)  # noqa: PTH102
    try:
        monkeypatch.setenv("XDG_RUNTIME_DIR", place)
        found = settings.folder()
        assert str(found.parent) == place
        assert stat.S_IMODE(found.stat().st_mode) == 0o700
        assert settings.folder() == found
        found.chmod(0o755)
        assert settings.folder() != found
        found.rmdir()
        (found.parent / "elsewhere").mkdir()
        found.symlink_to(found.parent / "elsewhere")
        assert settings.folder() != found
    finally:
        import shutil

        shutil.rmtree(place)


def test_a_path_too_long_for_sockets_is_not_used(monkeypatch, tmp_path):
    """OpenSSH could not make its sockets there."""
    long = tmp_path / ("x" * 60)
    long.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))
    assert len(str(settings.folder())) <= 48


def test_ansible_that_is_missing_is_told_with_the_remedy(monkeypatch, tmp_path):
    """Not as a traceback."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(BotswainError, match=r"ansible-playbook is not installed; call \./inv"):
        settings.program()
