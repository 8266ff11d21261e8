"""`doctor` on the Node and Python that the bot's files ask for: npm's ranges, version managers, requires-python."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from botswain.deployment.doctor.engines import differences, engines, fits_range

RANGES = {
    ">=18": (True, True, True),
    ">=22.12.0": (False, False, True),
    "^20.1": (False, True, False),
    "~20.11": (False, True, False),
    "20.x": (False, True, False),
    "20": (False, True, False),
    ">=18 <21": (True, True, False),
    "18 || >=22": (True, False, True),
    "18 - 20": (True, True, False),
    "18.x || 20.x": (True, True, False),
    "<=18": (True, False, False),
    ">20": (False, False, True),
    "*": (True, True, True),
    "": (True, True, True),
    ">= 20.0.0": (False, True, True),
    "around twenty": (None, None, None),
}


@pytest.mark.parametrize("wanted", RANGES)
def test_ranges_of_npm(wanted):
    """For 18.20.4, 20.11.1 and 22.20.0; what cannot be read is no difference."""
    found = tuple(fits_range(wanted, one) for one in ((18, 20, 4), (20, 11, 1), (22, 20, 0)))
    assert found == RANGES[wanted]


FILES = {
    "package.json": ('{"engines": {"node": ">=22"}}', "package.json (engines) asks for node >=22"),
    ".nvmrc": ("lts/jod\n", ".nvmrc asks for node lts/jod"),
    ".node-version": ("v22.1\n", ".node-version asks for node v22.1"),
    ".tool-versions": ("# both\nnodejs 22.3.0\npython 3.11.2\n", ".tool-versions asks for node 22.3.0"),
    ".python-version": ("3.13\n", ".python-version asks for python 3.13"),
    "pyproject.toml": ('[project]\nrequires-python = ">=3.12,<4"\n', "pyproject.toml asks for python >=3.12,<4"),
}


def profile(repo: Path, **values):
    """A profile of a bot in this folder."""
    source = SimpleNamespace(repo=repo, interpreter=None, kind="discord.js")
    return SimpleNamespace(source=source, service=values.get("service"))


def versions(command, _folder):
    """Node 20.11 and Python 3.11."""
    return "v20.11.1\n" if "node" in command[0] else "Python 3.11.7\n"


@pytest.mark.parametrize("name", FILES)
def test_a_version_that_differs_from_the_one_at_hand_is_told(tmp_path, monkeypatch, name):
    """The file, what it asks for, what is here, and what to do."""
    text, told = FILES[name]
    (tmp_path / name).write_text(text)
    assert len(differences(profile(tmp_path), versions)) == 1
    monkeypatch.setattr("botswain.deployment.doctor.engines.differences", lambda found: differences(found, versions))
    (one,) = engines(profile(tmp_path))
    here = "20.11.1" if "node" in told else "3.11.7"
    assert (one.verdict.value, one.detail) == ("warning", f"{told}; here it is {here}")
    assert one.fix


def test_versions_that_fit_or_are_not_here_are_no_finding(tmp_path):
    """A range that holds, the same minor version, a program that is not installed, a service that runs elsewhere."""
    (tmp_path / "package.json").write_text('{"engines": {"node": ">=18"}, "volta": {"node": "20.11.0"}}')
    (tmp_path / ".nvmrc").write_text("20")
    (tmp_path / ".python-version").write_text("3.11.9")
    assert differences(profile(tmp_path), versions) == []
    (tmp_path / ".nvmrc").write_text("22")
    assert differences(profile(tmp_path), lambda *_: None) == []
    elsewhere = SimpleNamespace(folder=".", target="vm")
    assert differences(profile(tmp_path, service=elsewhere), versions) == []
