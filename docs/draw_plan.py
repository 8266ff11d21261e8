"""Draws docs/plan.svg, the README's picture: the plan that `./inv diff` prints after a few edits of the sample bot.

Everything in it is real: a project in a temporary folder, deployed to the sandbox, then edited in the sources
and, for one command, by other hands.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

REPO = Path(__file__).resolve().parent.parent
WIDTH = 112


def main() -> None:
    """Makes the project, edits it, and draws what diff says."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        for part in ("profiles", "examples"):
            shutil.copytree(REPO / part, project / part)
        _inv(project, "deploy", "--env", "dev")
        _edit_sources(project / "examples/commands")
        _edit_by_other_hands(project)
        output = _inv(project, "diff", "--env", "dev")
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text.assemble(("$ ", "dim"), ("./inv diff --env dev", "bold")))
    console.print(Text.from_ansi(output.rstrip()))
    svg = console.export_svg(title="botswain", theme=MONOKAI)
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)  # a README loads no font from elsewhere
    (REPO / "docs/plan.svg").write_text(svg)


def _edit_sources(commands: Path) -> None:
    poll = commands / "poll.yaml"
    poll.write_text(poll.read_text().replace("Let the crew decide", "Let the whole crew decide"))
    (commands / "ping.yaml").unlink()
    (commands / "dive.yaml").write_text("name: dive\ndescription: Look what lies below\n")


def _edit_by_other_hands(project: Path) -> None:
    from botswain.sandbox.app import Sandbox

    sandbox = Sandbox(project / ".botswain/sandbox/dev")
    edit = {"type": 1, "name": "ban", "command": {"description": "Ban a user"}}
    sandbox.edit("100000000000000001", "200000000000000001", "patch", **edit)
    sandbox.close()


def _inv(project: Path, *arguments: str) -> str:
    """What a task prints, in colour: `script` gives it a terminal."""
    command = " ".join([sys.executable, "-m", "invoke", "--search-root", str(REPO), *arguments])
    environment = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "CI"}}
    done = subprocess.run(
        ["script", "--quiet", "--return", "--command", command, os.devnull],
        cwd=project, env={**environment, "TERM": "xterm-256color"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.replace("\r\n", "\n")


if __name__ == "__main__":
    sys.path.insert(0, str(REPO))
    main()
