"""Finds the folder of an environment's bot, and moves one out of the checkout, where earlier versions kept it.

A rename moves it under a running bot: what is open stays open, and paths from before lead through the link that stays
in the checkout, among them those in the virtual environments of earlier releases. `moved.json` comes first, so that
whatever is cut off is finished by the next command, and processes that were started from there are still found.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from botswain.host.place import Place, store
from botswain.state import places


def place_of(environment: str) -> Place:
    """The folder of an environment's bot on this machine, which need not exist yet. Raises BotswainError."""
    before, root = places.beside(environment), places.service(environment)
    if before.is_dir() and not before.is_symlink() and not os.path.lexists(root):
        return Place(_moved(before, root))
    if root.is_dir():
        places.link(before, root)
    return Place(root)


def keep(environment: str) -> Place:
    """The same, made if need be. Raises BotswainError."""
    places.keep()
    place = place_of(environment)
    if place.root == places.service(environment):
        place.root.mkdir(parents=True, exist_ok=True)
        places.link(places.beside(environment), place.root)
    return place


def left_behind(place: Place) -> str:
    """What is to be done about a folder that still lies in the checkout; empty for any other."""
    before = places.beside(place.root.name)
    if place.root != before:
        return ""
    env, to = f"--env {place.root.name}", places.service(place.root.name)
    return f"./inv dev.down {env} && mv {before} {to} && ./inv service.start {env}"


def _moved(before: Path, root: Path) -> Path:
    """Where the folder is now: it stays where it was when it cannot be renamed, as to another file system."""
    places.keep()
    try:
        root.parent.mkdir(exist_ok=True)
        known = [str(one) for one in Place(before).roots()]
        store(before / "moved.json", json.dumps({"from": known}).encode())
        before.rename(root)
    except FileNotFoundError:  # another process was as quick
        return root
    except OSError:
        return before
    places.link(before, root)
    return root
