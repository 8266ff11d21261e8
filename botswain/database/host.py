"""A database on a host of the inventory: the runner works there, and Ansible reaches it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from botswain.ansible.results import Play
from botswain.ansible.run import run as play_on
from botswain.database.base import Document, Restore, Say, insist
from botswain.errors import BotswainError
from botswain.hosts.backup import role_variables
from botswain.hosts.provision import inventory_of
from botswain.profile.settings import Profile

_GROUP = "database"
_SECONDS = 6 * 3600.0
"""How long a dump, a verification or a restore may take."""


class OnHost:
    """The backups of an environment whose database is on a host."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._inventory = inventory_of(profile.name)
        self.where = f"the host of group {_GROUP}"

    def run(self, say: Say, wait: float, *, prune: bool = True) -> Document:
        """See Backups."""
        words = ["run", *(["--wait", f"{wait:g}"] if wait else []), *([] if prune else ["--keep-all"])]
        return self._asked(words, say)

    def look(self) -> Document:
        """See Backups."""
        return self._asked(["list"], _silent)

    def verify(self, backup: str, say: Say, *, copies: bool, accept: bool, restore: bool = False) -> Document:
        """See Backups."""
        flags = {"--here": not copies, "--accept": accept, "--restore": restore}
        words = ["verify", *([backup] if backup else []), *(flag for flag, said in flags.items() if said)]
        return self._asked(words, say)

    def discard(self, backup: str) -> Document:
        """See Backups."""
        return self._asked(["prune", "--only", backup], _silent)

    def restore(self, wanted: Restore, say: Say, *, dry: bool) -> Document:
        """See Backups. The URL, which may hold a password, goes to the runner's stdin."""
        chosen = {
            "--create": wanted.create, "--replace": wanted.replace, "--cascade": wanted.cascade,
            "--over-source": wanted.over_source,
            "--in-use": wanted.in_use, "--no-owner": wanted.no_owner, "--dry-run": dry,
        }  # fmt: skip
        words = ["restore", wanted.backup, "--into", "-", *(flag for flag, said in chosen.items() if said)]
        words += ["--without-extension", ",".join(wanted.without_extensions)] if wanted.without_extensions else []
        return self._asked(words, say, stdin=f"{wanted.into}\n")

    def schedule(self, say: Say) -> list[str]:
        """Have the host's timers be what the profile says; what they say, in systemd's words."""
        variables = {"environment_name": self._profile.name, **role_variables(self._profile)}
        play_on("provision", self._inventory, variables=variables, tags=["backup"], say=say).insist()
        when = variables["backup_on_calendar"]
        return [f"botswain-backup-{self._profile.name}.timer: OnCalendar={when}"] if when else []

    def _asked(self, arguments: Sequence[str], say: Say, *, stdin: str = "") -> Document:
        """What the runner on the host answers. Raises BotswainError when it cannot be asked, or what it tells."""
        asked = {"arguments": [*arguments, "--json", "--quiet"], "stdin": stdin}
        variables = {"environment_name": self._profile.name, "botswain_backup": asked}
        play = play_on("backup", self._inventory, variables=variables, seconds=_SECONDS, say=say)
        return insist(_answer(play, self._inventory))


def _answer(play: Play, inventory: Path) -> Document:
    """The runner's document. Raises BotswainError where no host, or more than one, was asked."""
    if len(play.hosts) != 1:
        what = f"{len(play.hosts)} hosts are in group {_GROUP}"
        raise BotswainError(what, where=str(inventory), fix="one host has the database; list it there")
    (result,) = play.hosts.values()
    if not result.good:
        raise result.error or BotswainError(result.message, where=result.host)
    if not isinstance(result.answer, Mapping) or not isinstance(result.answer.get("document"), Mapping):
        raise BotswainError("the runner of backups did not answer", where=result.host, fix="run ./inv provision")
    return dict(result.answer["document"])


def _silent(_message: str) -> None:
    """Progress that nobody watches."""
