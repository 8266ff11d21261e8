"""Says what Discord will make of the texts of a definition, before it does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from botswain.commands.definition import Definition
from botswain.commands.names import command_path, option_path
from botswain.commands.settle import same_name, settled
from botswain.wording import listed, many, shown

_TEXTS = ("name", "description")


def stored_texts(definitions: Iterable[Definition]) -> list[str]:
    """A line for each text that is stored with other words apart or together, one for all that lose outer space."""
    lines, outer = [], []
    for one in definitions:
        for path, text in _texts(one.payload, command_path(one.payload)):
            place, kept = f"{one.file}: {path}", settled(text)
            if kept not in (text, text.strip()):
                lines.append(f"{place} is sent and stored as {shown(kept)}")
            elif kept != text:
                outer.append(f"{one.file} {path}")
            if same_name(kept) not in (kept, " ".join(kept.split())):
                lines.append(
                    f"{place}: Discord may take away the spaces between Chinese, Japanese and Korean characters"
                )
    if outer:
        lines.append(f"space around {many(len(outer), 'text')} is taken away: {listed(outer)}")
    return lines


def _texts(part: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """Every name, description and localization of a command, with its path."""
    for name in _TEXTS:
        if isinstance(text := part.get(name), str):
            yield f"{path} {name}", text
        for locale, text in (part.get(f"{name}_localizations") or {}).items():
            yield f"{path} {name}_localizations.{locale}", text
    for index, option in enumerate(part.get("options") or ()):
        yield from _texts(option, option_path(path, part["options"], index))
    for choice in part.get("choices") or ():
        yield from _texts(choice, f"{path} choice {shown(choice['name'])}")
