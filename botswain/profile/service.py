"""The section of a profile file that says how the bot's service is built, started, checked and stopped."""

from __future__ import annotations

import re
import shlex
from pathlib import PurePosixPath
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from botswain.profile.sections import Inside, Strict

_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
_SHELL = re.compile(r"^(?:&&|\|\|?|;|&|\d?[<>]{1,2}\S*)$|;$|\$[A-Za-z_{(]|`")
"""In a word of a command written as one string: what only a shell would understand."""
_SHELLS = ("sh", "bash", "/bin/sh", "/bin/bash")
_ASK = 'write the words [sh, -c, "…"]; in a list of commands that is [[sh, -c, "…"]]'
"""How somebody asks for a shell."""
_OURS = (
    "CREDENTIALS_DIRECTORY", "BOTSWAIN_RELEASE", "discord_token", "discord_api", "preload_node", "preload_python",
)  # fmt: skip
"""Variables and credentials that Botswain sets for the bot."""


def _words(value: object) -> object:
    """A command as a list of words: one string is split as a shell would, without a shell."""
    if not isinstance(value, str):
        if isinstance(value, list) and (not value or value[:1] == [""]):
            raise ValueError("names no command")
        return tuple(value) if isinstance(value, list) else value
    try:
        words = shlex.split(value)
    except ValueError as error:
        raise ValueError(f"cannot be split into words ({str(error).lower()})") from None
    if not words:
        raise ValueError("names no command")
    found = next((word for word in words if _SHELL.search(word)), None)
    if found is not None:
        raise ValueError(f"has {found}, and no shell runs it; if one shall, {_ASK}")
    return tuple(words)


def _commands(value: object) -> object:
    """Several commands; a string alone is one."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and len(value) > 2 and value[1] == "-c" and value[0] in _SHELLS:
        raise ValueError(f"would be {len(value)} commands; to have a shell run one, {_ASK}")
    if (
        isinstance(value, list)
        and len(value) > 1
        and all(isinstance(one, str) and len(one.split()) < 2 for one in value)
    ):
        line = " ".join(value)
        raise ValueError(f'would be {len(value)} commands of one word each; one command is ["{line}"]')
    return tuple(value) if isinstance(value, list) else value


def _texts(value: object) -> object:
    """Whole numbers are fine as values of variables."""
    if not isinstance(value, dict):
        return value
    return {name: str(one) if type(one) is int else one for name, one in value.items()}


def _variables(value: dict[str, str]) -> dict[str, str]:
    for name, text in value.items():
        if not re.match(_NAME, name):
            raise ValueError(f'"{name}" cannot name an environment variable')
        if name in _OURS:
            raise ValueError(f"{name} is set by Botswain")
        if "\0" in text:
            raise ValueError(f"{name} holds a NUL character")
    return value


def _inner(value: tuple[str, ...]) -> tuple[str, ...]:
    seen: set[PurePosixPath] = set()
    for one in value:
        path = PurePosixPath(one)
        if path.is_absolute() or ".." in path.parts or not path.parts or path.parts[0] == ".git":
            raise ValueError(f'must be paths below the service\'s folder, not "{one}"')
        if path in seen:
            raise ValueError(f"{one} is listed twice")
        if other := next((two for two in seen if two in path.parents or path in two.parents), None):
            raise ValueError(f"{one} and {other} lie in each other")
        seen.add(path)
    return value


def _url(value: str) -> str:
    if re.fullmatch(r"/[!-~]*", value):  # at the bot's own port
        return value
    try:
        url = urlsplit(value)
        port = url.port
    except ValueError as error:
        raise ValueError(f"is no URL ({error})") from None
    if url.scheme not in {"http", "https"} or not url.hostname or re.search(r"[\s\x00-\x1f]", value) or port == 0:
        raise ValueError(f'must be a URL such as http://127.0.0.1:8080/readyz, or a path, not "{value}"')
    if url.username or url.password:
        raise ValueError("holds a password; a health URL needs none")
    return value


Command = Annotated[tuple[str, ...], BeforeValidator(_words, json_schema_input_type=str | list[str])]
CommandList = Annotated[
    tuple[Command, ...], BeforeValidator(_commands, json_schema_input_type=str | list[str | list[str]])
]
Url = Annotated[str, AfterValidator(_url)]


class Health(Strict):
    """How to find out whether the bot is well. Without URLs, a process that runs and stays is all there is to see."""

    alive: Url | None = Field(
        None, description="URL that answers 200 as long as the process works. A path is one at the bot's port."
    )
    ready: Url | None = Field(
        None, description="URL that answers 200 once the bot is logged in. A path is one at the bot's port."
    )
    deadline: float = Field(60, gt=0, le=3600, description="Seconds from the start until it must be ready.")
    stable_for: float = Field(10, ge=0, le=3600, description="Seconds that it must then stay so.")
    interval: float = Field(0.1, ge=0.02, le=60, description="Seconds between looks; they are closer while it starts.")
    timeout: float = Field(3, gt=0, le=60, description="Seconds that one answer may take.")


class Workers(Strict):
    """Further processes of the same release, on the hosts of the inventory's group `workers`: all but the gateway."""

    run: Command = Field(strict=False, description="What starts a worker, in the service's folder of the release.")
    environment: Annotated[
        dict[str, str], BeforeValidator(_texts, json_schema_input_type=dict[str, str | int]), AfterValidator(_variables)
    ] = Field(default_factory=dict, description="Variables beside those of the service, or instead of them.")
    port: int | None = Field(
        None, gt=0, le=65535, description="Where a worker listens; it gets it as PORT. Default: that of a health URL."
    )
    health: Health = Health()


class Service(Strict):
    """How the bot's service is built, started, checked and stopped.

    A command is a list of words, or one string that is split as a shell would; no shell runs it.
    """

    target: Literal["local", "vm"] = Field(
        "local",
        description="Where the service runs: `local`, this machine; `vm`, a host of the inventory, over SSH.",
    )
    inventory: str | None = Field(
        None, min_length=1, description="Of target vm: Ansible's inventory. Default: inventories/<environment>."
    )
    workers: Workers | None = Field(None, description="Of target vm: further processes of the same release.")
    folder: Inside = Field(".", description="The folder of the service inside the bot's repository.")
    run: Command = Field(
        strict=False, description="What starts the bot, in that folder of the release; it must stay in the foreground."
    )
    build: CommandList = Field((), strict=False, description="Commands that make a checkout ready to run.")
    lint: CommandList = Field((), strict=False, description="Commands that must succeed before a release may run.")
    test: CommandList = Field((), strict=False, description="The same, after those; each is run once per release.")
    environment: Annotated[
        dict[str, str], BeforeValidator(_texts, json_schema_input_type=dict[str, str | int]), AfterValidator(_variables)
    ] = Field(
        default_factory=dict,
        description="Environment variables of the bot and of the commands above. No secrets. Of this machine's"
        " variables the bot gets PATH, HOME and a few more, and nothing else.",
    )
    shared: Annotated[tuple[str, ...], AfterValidator(_inner)] = Field(
        (),
        strict=False,
        description="Paths that all releases share, such as a data folder; one that ends in / is made when missing.",
    )
    token: str | None = Field(
        "DISCORD_TOKEN",
        pattern=_NAME,
        description="The variable in which the bot gets its token; null: only as $CREDENTIALS_DIRECTORY/discord_token.",
    )
    secrets: Annotated[dict[str, str], AfterValidator(_variables)] = Field(
        default_factory=dict,
        description="Further secrets: the bot's variable, and the variable here (or in .env) that holds its value.",
    )
    port: int | None = Field(
        None,
        gt=0,
        le=65535,
        description="The port on which the bot listens; it gets it as PORT. Default: that of a health URL on this"
        " machine; where health has paths alone, a free one on this machine. When something else has it, a deployment"
        " says so before anything stops.",
    )
    health: Health = Health()
    stop_timeout: float = Field(15, gt=0, le=600, description="Seconds between SIGTERM and SIGKILL.")
    build_timeout: float = Field(900, gt=0, le=86400, description="Seconds that each command may take.")
    confirm_within: float = Field(
        30,
        ge=1,
        le=3600,
        description="Seconds after the latest end of its checks (stop_timeout, health.deadline, timeout and stable_for,"
        " and 10) in which a deployment that was killed is taken back.",
    )
    reads_commands: bool = Field(
        False,
        description="Whether the bot reads the files of commands.folder itself: it is then restarted where only these"
        " changed, too. Of commands that come from code, this is always so.",
    )
    keep_releases: int = Field(5, ge=0, le=100, description="Good releases to keep beside the live one.")

    @model_validator(mode="after")
    def _agreeing(self) -> Service:
        for name, other in self.secrets.items():
            if not re.match(_NAME, other):
                raise ValueError(f"secrets: {name} must name the variable that holds the value, such as MY_{name}")
            if name in self.environment:
                raise ValueError(f"secrets: {name} is in environment too; take it out of one")
        if self.token is not None and (self.token in self.environment or self.token in self.secrets):
            raise ValueError(f"token: {self.token} is set in environment or secrets too; take it out there")
        if self.target == "local" and (self.inventory or self.workers):
            what = "inventory" if self.inventory else "workers"
            raise ValueError(f"{what}: is for target vm, and this service runs on this machine")
        if self.port is not None and self.environment.get("PORT", str(self.port)) != str(self.port):
            raise ValueError(f"port: is {self.port}, but environment says PORT is {self.environment['PORT']}")
        if self.target == "vm":
            own = self.port is not None or "PORT" in self.environment
            workers = self.workers is None or self.workers.port is not None or "PORT" in self.workers.environment
            for name, named, health in (("", own, self.health), ("workers.", workers, (self.workers or self).health)):
                if not named and any((url or "").startswith("/") for url in (health.alive, health.ready)):
                    raise ValueError(f"{name}health: a path wants {name}port on a host, where no free one is taken")
        return self
