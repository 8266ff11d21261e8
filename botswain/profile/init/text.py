"""The texts that `init` writes: a profile that says what to fill in, an inventory, and lines for .env.example."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botswain.profile.init.proposal import Proposal
from botswain.profile.init.service import ServiceProposal
from botswain.secrets.environment import prefix


@dataclass(frozen=True)
class Answers:
    """What is known of a new environment."""

    environment: str
    repo: str
    proposal: Proposal
    production: bool = False
    global_: bool = False
    application_id: str | None = None
    guild_ids: tuple[str, ...] = ()
    owner_guild_ids: tuple[str, ...] = ()
    state: Mapping[str, str] | None = None
    """`kind` and `remote` of `state`; None for records in a folder."""
    kept: Mapping[str, Any] | None = None
    """Fields of the profile that this one replaces, to be kept as they are."""
    service: ServiceProposal | None = None
    """How the bot would be run; None where nobody can tell."""
    runs: bool = False
    """Whether Botswain is to run the bot from now on; else its section is written as comments."""
    member: str = ""
    """The bot's folder in its repository, where that holds several packages."""


def profile_text(answers: Answers) -> str:
    """The profile's file."""
    start = prefix(answers.environment)
    lines = ["# yaml-language-server: $schema=profile.schema.json"]
    if answers.production:
        lines.append("# Production: developmentOnly commands never reach it, and every change is confirmed.")
    lines.append(f"environment: {answers.environment}")
    if answers.production:
        lines.append("production: true")
    lines += _application(answers, start)
    lines += _scopes(answers, start)
    if answers.owner_guild_ids:
        lines.append(f"owner_guild_ids: {_list(answers.owner_guild_ids)}")
    else:
        lines.append('# owner_guild_ids: ["…"] # your own servers: the only place for ownerOnly commands')
    lines.append(f"repo: {_text(answers.repo)} # the bot's repository")
    lines += _commands(answers.proposal)
    lines += _state(answers)
    kept = answers.kept or {}
    lines += [f"{name}: {_text(value)}" for name, value in kept.items()]
    if not (answers.production or "api" in kept):
        lines.append("# api: sandbox # a double of Discord on this machine, to try everything in (docs/sandbox.md)")
    if "service" not in kept:
        lines += _service(answers)
    return "\n".join(lines) + "\n"


def _service(answers: Answers) -> list[str]:
    """The section that runs the bot: as comments until somebody wants that, since two of one bot answer twice."""
    proposal = answers.service
    if proposal is None:
        return ["# service: # builds, runs and rolls back the bot itself, too (docs/service.md)"]
    lines = [f"# {comment}" for comment in proposal.comments]
    lines += [f"# To fill in: {missing}" for missing in proposal.missing]
    section = ["service: # builds, runs and rolls back the bot itself, too (docs/service.md)"]
    for name, value in proposal.fields.items():
        if isinstance(value, Mapping):
            section += [f"  {name}:", *(f"    {one}: {text}" for one, text in value.items())]
        elif isinstance(value, list):
            section += [f"  {name}:", *(f"    - {_text(one)}" for one in value)]
        else:
            section.append(f"  {name}: {value if isinstance(value, int) else _text(value)}")
    if answers.runs:
        return [*lines, *section]
    told = "# As comments, since a bot that runs elsewhere already must not run twice; without the # it is in use."
    return [told, *lines, *(f"# {line}" for line in section)]


def _application(answers: Answers, start: str) -> list[str]:
    if answers.application_id:
        return [f'application_id: "{answers.application_id}"']
    need = "required in production" if answers.production else "else the first deployment notes it"
    return [
        f"# From the Developer Portal, or {start}APPLICATION_ID; {need}.",
        '# application_id: "…"',
    ]


def _scopes(answers: Answers, start: str) -> list[str]:
    if answers.global_:
        twice = [] if answers.production else ["allow_global: true # this is not production, and still global"]
        return ["global: true # commands for every server; `guild_ids` instead for chosen ones", *twice]
    if answers.guild_ids:
        return [f"guild_ids: {_list(answers.guild_ids)}"]
    return [
        f"# The servers that get the commands, or {start}GUILD_IDS; Discord's developer mode lets you copy ids.",
        '# guild_ids: ["…"]',
    ]


def _commands(proposal: Proposal) -> list[str]:
    lines = ["commands:"]
    lines += [f"  # {comment}" for comment in proposal.comments]
    lines += [f"  # To fill in: {missing}" for missing in proposal.missing]
    lines.append(f"  source: {proposal.source}")
    for name, value in proposal.settings.items():
        if isinstance(value, Mapping):
            lines.append(f"  {name}: {{ {', '.join(f'{one}: {_text(text)}' for one, text in value.items())} }}")
        elif isinstance(value, bool):
            lines.append(f"  {name}: {str(value).lower()}")
        elif isinstance(value, str):
            lines.append(f"  {name}: {_text(value)}")
        else:
            lines.append(f"  {name}: {_list(value)}")
    lines.append("  unmanaged: keep # live commands that Botswain did not deploy: keep, delete or refuse")
    return lines


def _state(answers: Answers) -> list[str]:
    if answers.state is None:
        return ["state: folder # records in manifests/ of this machine; `git` shares them through the bot's remote"]
    shared = f"# records on refs/botswain/{answers.environment} of the bot's remote, shared by all clones"
    if answers.state["remote"] == "origin":
        return [f"state: git {shared}"]
    return [f"state: {{ kind: git, remote: {_text(answers.state['remote'])} }} {shared}"]


def _list(values: Any) -> str:
    return f"[{', '.join(json.dumps(str(value), ensure_ascii=False) for value in values)}]"


def _text(value: Any) -> str:
    """A value in YAML: plain where nothing in it could be misread."""
    text = str(value)
    return text if _PLAIN.fullmatch(text) and text.lower() not in _WORDS else json.dumps(text, ensure_ascii=False)


_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9._/-]*|\.{1,2}(?:/[A-Za-z0-9._/-]*)?")
_WORDS = frozenset(["true", "false", "yes", "no", "on", "off", "y", "n", "null"])


def example_variables(answers: Answers, present: str) -> str:
    """What .env.example lacks of the environment's variables; `present` is its text."""
    start = prefix(answers.environment)
    if f"{start}TOKEN" in present:
        return ""
    names = ["TOKEN", "CLIENT_SECRET", "APPLICATION_ID", *([] if answers.global_ else ["GUILD_IDS"])]
    lines = [
        f"# {answers.environment}: the bot token or, for commands alone, the client secret; the others are optional",
        "# and replace the profile's values.",
    ]
    lines += [f"#{start}{name}=" for name in names]
    gap = "" if not present else "\n" if present.endswith("\n") else "\n\n"
    return f"{gap}{chr(10).join(lines)}\n"


def inventory_text(environment: str) -> str:
    """An Ansible inventory without a host yet."""
    return f"""\
# The hosts of {environment}, for Ansible: `ansible-inventory -i inventories/{environment} --graph` shows them.
# Exactly one host runs the bot; the database may be on the same one. What else can be here: inventories/README.md
all:
  vars:
    environment_name: "{environment}"
  children:
    bot:
      hosts:
        # bot.example.com: # a name that `ssh` knows
        #   ansible_host: 192.0.2.10 # where it is, if the name alone does not lead there
        #   ansible_user: admin # who logs in, and may become root
    database:
      hosts:
        # bot.example.com:
"""
