"""Runs a playbook, and says what became of each host: by the events that it wrote, and by nothing that it printed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from botswain.ansible import settings
from botswain.ansible.events import Followed
from botswain.ansible.inventory import Inventory, hosts_of
from botswain.ansible.process import Ended, carried_out
from botswain.ansible.reasons import HostFailed
from botswain.ansible.results import Play
from botswain.ansible.variables import handed
from botswain.errors import BotswainError
from botswain.secrets.environment import sudo_password

SECONDS = 3600.0
"""How long a run may take, unless somebody knows better."""

Say = Callable[[str], None]


def _silent(_message: str) -> None:
    """Progress that nobody watches."""


def run(
    playbook: str | Path,
    inventory: Path,
    *,
    limit: Sequence[str] = (),
    variables: Mapping[str, Any] | None = None,
    tags: Sequence[str] = (),
    check: bool = False,
    seconds: float = SECONDS,
    say: Say = _silent,
) -> Play:
    """Run `playbooks/<playbook>.yml`, or a file, on the hosts of an inventory; what became of each.

    `limit` are hosts or groups, `tags` the phases that are meant; `check` changes nothing and tells differences.
    `variables` may hold secrets: they are handed over in a file that only this user can read. A host that fails is no
    failure of this function: see Play. Raises BotswainError when Ansible could not begin, was cut off or took too long.
    """
    followed, began, folder = Followed(say), time.monotonic(), settings.folder()
    with handed(_with_password(variables or {}), folder) as file:
        argv = [settings.program(), f"--inventory={inventory.absolute()}", f"--extra-vars=@{file}"]
        argv += [f"--limit={','.join(limit)}"] if limit else []
        argv += [f"--tags={','.join(tags)}"] if tags else []
        argv += ["--check", "--diff"] if check else []
        argv += [str(playbook if isinstance(playbook, Path) else settings.ROOT / "playbooks" / f"{playbook}.yml")]
        more = {"ANSIBLE_CALLBACKS_ENABLED": "botswain.host.events"}
        known = settings.environment(folder, more)
        ended = carried_out(argv, known, followed.hear, seconds, followed.waiting)
    play = Play(followed.hosts(), followed.modules, round(time.monotonic() - began, 2))
    if not ended.in_time:
        what = f"playbook {playbook} did not end within {seconds:g} s, and was stopped"
        raise HostFailed(what, where=str(inventory), fix="look at the hosts; it may go on there", log=ended.printed)
    if not followed.ended:
        raise _cut_off(playbook, inventory, limit, followed, ended)
    if not play.hosts:
        raise BotswainError(f"has no host for playbook {playbook}", where=str(inventory), fix=_FIX)
    return play


def _with_password(variables: Mapping[str, Any]) -> Mapping[str, Any]:
    """The variables and, where the operator gave one for this environment, the password that sudo wants."""
    environment = variables.get("environment_name")
    password = sudo_password(str(environment)) if environment else ""
    return {**variables, "ansible_become_password": password} if password else variables


_FIX = "list the hosts in it (inventories/README.md)"


def _cut_off(
    playbook: str | Path, inventory: Path, limit: Sequence[str], followed: Followed, ended: Ended
) -> BotswainError:
    """What to tell of a run that has no end, or had no beginning."""
    if not followed.begun:
        try:
            wrong = _unknown(hosts_of(inventory), limit)
        except BotswainError as error:
            return error
        if wrong:
            return BotswainError(f"has no host {wrong}", where=str(inventory), fix=_FIX)
    when = "on the way" if followed.begun else "before it began"
    how = f"by signal {-ended.code}" if ended.code < 0 else f"with exit code {ended.code}"
    what = f"Ansible ended {when}, {how}"
    return HostFailed(what, where=f"playbook {playbook}", fix="see what it printed", log=ended.printed)


def _unknown(known: Inventory, limit: Sequence[str]) -> str:
    """What of a limit is neither a host nor a group."""
    if not known.hosts:
        return "at all"
    names = {*known.hosts, *known.groups, "all"}
    return ", ".join(one for one in limit if one not in names)
