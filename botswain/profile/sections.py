"""The sections of a profile file: where commands come from, and where records are kept."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator


class Strict(BaseModel):
    """A section whose every field is known."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


def _inside(value: str) -> str:
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f'must be a path inside the bot\'s repository, not "{value}"')
    return value


def _not_discord(value: dict[str, str]) -> dict[str, str]:
    for name in value:
        if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name):
            raise ValueError(f'"{name}" cannot name an environment variable')
    return value


Inside = Annotated[str, AfterValidator(_inside)]

_BELONGS = {
    "folder": ("folder", "discord.js"),
    "files": ("discord.js",),
    "loader": ("discord.js",),
    "object": ("discord.py",),
    "extensions": ("discord.py",),
    "setup_hook": ("discord.py",),
    "run": ("program",),
    "interpreter": ("discord.js", "discord.py"),
    "environment": ("discord.js", "discord.py", "program"),
    "timeout": ("discord.js", "discord.py", "program"),
    "isolation": ("discord.js", "discord.py", "program"),
    "uncommitted": ("discord.js", "discord.py"),
}
"""The sources that a field of `commands` is for."""


class Commands(Strict):
    """Where the bot's commands are defined and what happens to commands that are not."""

    source: Literal["folder", "discord.js", "discord.py", "program"] = Field(
        "folder",
        description="`folder` of YAML and JSON, modules of a discord.js bot, the command tree of a discord.py bot, or"
        " any `program` of the bot that prints JSON.",
    )
    folder: Annotated[str, AfterValidator(_inside)] = Field(
        "commands", description="Folder of definitions or of discord.js modules, inside the bot's repository."
    )
    files: tuple[str, ...] = Field(
        (),
        strict=False,
        description="discord.js: globs below the folder, such as `*/commands/*.ts`; default: every module.",
    )
    loader: str | None = Field(
        None,
        description="discord.js: how the bot loads TypeScript: tsx, ts-node, @swc-node/register or another package of"
        " its node_modules. Default: the first of these that is installed there.",
    )
    object: str | None = Field(
        None,
        pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$",
        description="discord.py: `module:name` of a CommandTree, of a Client or Bot with one, or of a function or class"
        " that makes it.",
    )
    extensions: tuple[str, ...] = Field(
        (),
        strict=False,
        description="discord.py: extensions (cogs) to load, unless setup_hook does; `cogs.*`: all of a package.",
    )
    setup_hook: bool = Field(
        False, description="discord.py: run the bot's setup_hook, without syncing, to load what it loads."
    )
    run: tuple[str, ...] = Field(
        (), strict=False, description="program: the command and its arguments; it prints a JSON array of commands."
    )
    interpreter: str | None = Field(
        None,
        description="discord.js: which node. discord.py: which python; default: .venv or venv of the repository.",
    )
    environment: Annotated[dict[str, str], AfterValidator(_not_discord)] = Field(
        default_factory=dict,
        description="Environment variables that the bot's code needs while its commands are read. No secrets: the code"
        " gets these and a few of the system's, and nothing else.",
    )
    timeout: float = Field(60, gt=0, le=600, description="Seconds that reading the bot's code may take.")
    isolation: Literal["auto", "bubblewrap", "none"] = Field(
        "auto",
        description="How the bot's code is kept from everything else while its commands are read: in bubblewrap where"
        " that works (`auto`), in nothing else (`bubblewrap`), or with network, home and files within reach (`none`).",
    )
    uncommitted: tuple[Annotated[str, AfterValidator(_inside)], ...] = Field(
        (),
        strict=False,
        description="Paths that git ignores and the code needs to be read, such as dist/ or config.json: a deployment"
        " reads code from the commit, and takes these from the work tree as they are.",
    )
    unmanaged: Literal["keep", "delete", "refuse"] = Field(
        "keep",
        description="What to do with live commands that Botswain never deployed. Entry points are always kept.",
    )
    leave: tuple[str, ...] = Field(
        (),
        strict=False,
        description="Globs over the names of live commands that are somebody else's: they are never adopted, changed or"
        " deleted, whatever the records say.",
    )
    entry_point: bool = Field(
        False,
        description="In a profile that is not global: manage the application's entry point all the same.",
    )
    requests_per_second: float = Field(
        20, gt=0, le=50, description="Pace towards Discord; its limit of 50 is shared with the running bot."
    )

    @model_validator(mode="after")
    def _fitting(self) -> Commands:
        for field, sources in _BELONGS.items():
            if field in self.model_fields_set and self.source not in sources:
                raise ValueError(f"{field}: is for `source: {' or '.join(sources)}`, not for {self.source}")
        if self.source == "discord.py" and self.object is None:
            raise ValueError("object: is missing; name the bot or its tree as module:name, such as bot:tree")
        if self.source == "program" and not self.run:
            raise ValueError("run: is missing; name what prints the JSON, such as [node, print-commands.js]")
        return self


def _remote(value: str) -> str:
    if re.match(r"[a-z+]+://[^/@]*:[^/@]*@", value):
        raise ValueError("holds a password; use a credential helper of git, or SSH")
    if not value or value.startswith("-") or re.search(r"[\s\x00-\x1f]", value):
        raise ValueError("must be the name of a git remote, or its URL")
    return value


class State(Strict):
    """Where an environment's records are kept."""

    kind: Literal["folder", "git"] = "folder"
    remote: Annotated[str, AfterValidator(_remote)] = Field(
        "origin", description="git: a remote of the bot's repository, or a URL."
    )
    ref: str | None = Field(
        None,
        pattern=r"^refs/botswain/[A-Za-z0-9_-]+$",
        description="git: the ref on it; default: refs/botswain/<environment>.",
    )


def _word(value: object) -> object:
    return {"kind": value} if isinstance(value, str) else value


StateWord: Any = BeforeValidator(_word, json_schema_input_type=Literal["folder", "git"] | State)
"""`state: git` for `state: {kind: git}`."""
