"""Which bot is meant: by its environment's name below /srv/botswain, by a folder, or because there is no other."""

from __future__ import annotations

import os
from pathlib import Path

from botswain.host.errors import HostError, Refused
from botswain.host.place import Place

HOME = Path("/srv/botswain")
"""Holds a folder for each environment of this machine."""


def named(word: str) -> Place:
    """The place of a name or folder; of the only one for an empty word. Raises HostError."""
    if "/" in word or word in {".", ".."}:
        return Place(Path(word).resolve())
    known = _known()
    if word:
        if word in known:
            return Place(HOME / word)
        raise HostError(f'there is no bot "{word}" here', where=str(HOME), fix=_there_are(known))
    if len(known) == 1:
        return Place(HOME / known[0])
    what = "several bots are here" if known else "no bot is here"
    fix = f"say which one: {', '.join(known)}" if known else "provision the host, or name a folder"
    raise HostError(what, where=str(HOME), fix=fix)


def by_hand(bot: str, *words: str) -> str:
    """What a person types to have something done to a bot: through sudo, if that is how we were called."""
    sudo = ["sudo"] if os.environ.get("SUDO_USER") else []
    return " ".join([*sudo, "botswain-host", *([bot] if bot else []), *words])


def check_root(place: Place) -> None:
    """Raise Refused where the folder is root's and we are not."""
    folder = next(one for one in (place.root, *place.root.parents) if one.exists())
    if folder.stat().st_uid == 0 and os.geteuid() != 0:
        raise Refused("only root may do this", where=str(place.root), fix="put sudo before it")


def _known() -> list[str]:
    try:
        return sorted(path.name for path in HOME.iterdir() if path.is_dir() and not path.name.startswith("."))
    except FileNotFoundError:
        return []
    except PermissionError:
        raise Refused("only root may look at it", where=str(HOME), fix="put sudo before it") from None


def _there_are(known: list[str]) -> str:
    return f"there are: {', '.join(known)}" if known else "nothing was provisioned on this machine yet"
