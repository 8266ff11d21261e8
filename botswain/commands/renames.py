"""Rules on `renamed_from`: what one definition may say, and what the definitions of one profile may say together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from botswain.commands import texts
from botswain.commands.canonical import key
from botswain.commands.definition import Definition
from botswain.commands.names import command_path, kind_of
from botswain.discord.enums import CommandType
from botswain.errors import Problem


def former_key(one: Definition) -> str | None:
    """The key under which a command was deployed before; None if it was not renamed."""
    return None if one.renamed_from is None else key({**one.payload, "name": one.renamed_from})


def misnamed(one: Definition) -> Iterator[str]:
    """What is wrong with the former name itself."""
    if one.renamed_from is None:
        return
    chat = kind_of(one.payload) is CommandType.CHAT_INPUT
    yield from (texts.chat_name if chat else texts.free_name)("renamed_from", one.renamed_from)
    if former_key(one) == one.key:
        yield "renamed_from is the command's own name; leave it out, or write the name that it had before"


def clashes(definitions: Sequence[Definition]) -> list[Problem]:
    """A problem for every former name that another command has or had: an id cannot go to two, nor names be swapped."""
    by_key = {one.key: one for one in definitions}
    heirs: dict[str, Definition] = {}
    problems = []
    for one in definitions:
        if (former := former_key(one)) is None or former == one.key:
            continue
        old = command_path({**one.payload, "name": one.renamed_from})
        holder, heir = by_key.get(former), heirs.setdefault(former, one)
        if heir is not one:
            message = (
                f"renamed_from: {command_path(heir.payload)} ({heir.file}) was {old} too; an id goes to one command"
            )
        elif holder is None:
            continue
        elif former_key(holder) == one.key:
            message = f"cannot swap names with {old} at once; rename one of them to a third name first, and deploy that"
        else:
            message = f"renamed_from: {old} is a command still ({holder.file}); remove that one, or renamed_from here"
        problems.append(Problem(one.file, command_path(one.payload), message))
    return problems
