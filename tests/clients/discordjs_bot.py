"""A discord.js bot that a test writes module by module, and what Botswain reads of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from clients import sample_bots as bots

from botswain.commands.sources.read import Found, read
from botswain.errors import InvalidInput
from botswain.profile.settings import Source


class Bot:
    """A bot of its own in `bot`, below the working directory."""

    def __init__(self, packages: bots.Packages) -> None:
        self.packages = packages
        self.repo = Path("bot")

    def copied(self, name: str, *installed: str) -> Bot:
        """One of the sample bots."""
        bots.copy(name, self.repo)
        self.packages.link(self.repo, "discord.js", *installed)
        return self

    def module(self, name: str, text: str) -> Path:
        """Writes a module; `name` is its path below the folder of commands."""
        path = self.repo / "commands" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def command(self, name: str, before: str = "", file: str = "") -> None:
        """A module with a command, and some code before it."""
        self.module(
            file or f"{name}.js",
            f"{before}\nmodule.exports = {{ data: {{ name: '{name}', description: 'Is {name}' }}, execute() {{}} }};\n",
        )

    def source(self, **fields) -> Source:
        """The profile's `commands`."""
        usual = {"folder": "commands", "interpreter": str(self.packages.node)}
        return Source("discord.js", self.repo, **{**usual, **fields})

    def read(self, **fields) -> Found:
        """What is read."""
        return read(self.source(**fields))

    def names(self, **fields) -> list[str]:
        """The names of what is read."""
        return [one.name for one in self.read(**fields).definitions]

    def left_out(self, **fields) -> list[tuple[str, str, bool]]:
        """What is passed over: the file and its part, the reason, and whether it may be meant as a command."""
        found = self.read(**fields).left_out
        return [(f"{Path(one.file).name} {one.place}".strip(), one.reason, one.doubtful) for one in found]

    def problems(self, **fields) -> list[str]:
        """What is wrong."""
        with pytest.raises(InvalidInput) as caught:
            self.read(**fields)
        return [str(problem) for problem in caught.value.problems]
