"""Programs of Debian that some tests use: installed in CI, and elsewhere their tests are skipped by name."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest


def wanted(package: str) -> None:
    """Have a program there that is called as its package is. Skips the test, or with CI=true installs it or fails."""
    if shutil.which(package):
        return
    command = ["apt-get", "-qq", "install", "-y", "--no-install-recommends", package]
    if not os.environ.get("CI"):
        pytest.skip(f"not installed: apt-get install {package}")
    variables = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "-qq", "update"], env=variables, check=False, timeout=300)
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=300)
    assert shutil.which(package), f"{package} cannot be installed: {done.stderr}"
