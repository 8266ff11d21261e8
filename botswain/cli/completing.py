"""The task that prints the shell's completion: completion."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from botswain.cli.task import task
from botswain.errors import BotswainError

_SCRIPTS = {"bash": "inv.bash", "zsh": "inv.bash", "fish": "inv.fish"}


@task(shell="bash, zsh or fish; default: the shell that you use")  # noqa: S604 - help for a flag
def completion(_context: Any, shell: str = "", debug: bool = False) -> None:
    """Print the completion script of a shell.

    Into ~/.bashrc or ~/.zshrc: source <(/path/to/inv completion)
    """
    name = shell or Path(os.environ.get("SHELL", "")).name or "bash"
    if name not in _SCRIPTS:
        raise BotswainError(f'there is no completion for "{name}"', fix=f"say --shell {', '.join(_SCRIPTS)}")
    print(Path(__file__).with_name("completions").joinpath(_SCRIPTS[name]).read_text(encoding="utf-8"), end="")
