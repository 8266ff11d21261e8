"""What runs where the bot runs needs nothing but Python 3.9."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
from desk import ROOT

FOLDERS = [ROOT / "botswain" / name for name in ("host", "backup")]
FOLDER = FOLDERS[0]
MODULES = [path for folder in FOLDERS for path in sorted(folder.glob("*.py"))]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_old_python_and_nothing_else(path: Path):
    """Each module parses as Python 3.9 and imports the standard library and its neighbours alone."""
    tree = ast.parse(path.read_text(), feature_version=(3, 9))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names.add(node.module)
    strange = {
        one
        for one in names
        if one.split(".")[0] not in sys.stdlib_module_names and not one.startswith(f"botswain.{path.parent.name}")
    }
    assert strange == set()


def test_newer_names_are_not_used():
    """Names that the standard library has had only since 3.10 or later do not appear."""
    newer = {
        "UTC",
        "StrEnum",
        "batched",
        "pairwise",
        "hardlink_to",
        "tomllib",
        "ExceptionGroup",
        "file_digest",
        "anext",
    }
    for path in MODULES:
        tree = ast.parse(path.read_text())
        used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        used |= {one.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for one in node.names}
        assert not used & newer, path.name
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                words = {word.arg for word in node.keywords}
                assert not words & {"slots", "kw_only", "root_dir", "onexc"}, f"{path.name}:{node.lineno}"
