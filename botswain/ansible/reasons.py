"""Why a host could not be reached or a task failed, as one line with what to do.

Ansible's own words are not stable and mean nothing here; what is looked for are the words of ssh, sudo and the system
in English (settings.py sees to that), and exit codes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from botswain.errors import BotswainError

_REASONS = tuple((re.compile(pattern, re.IGNORECASE), what, fix) for pattern, what, fix in (
    (r"REMOTE HOST IDENTIFICATION HAS CHANGED|host key for .* has changed|POSSIBLE DNS SPOOFING",
     "shows another host key than the one that is known: it was installed anew, or something sits in between",
     "find out which; if it is new, `ssh-keygen -R {address}` forgets the old key, and ssh learns this one"),
    (r"Host key verification failed|No \S+ host key is known",
     "its host key is not known on this machine",
     "log in once with ssh, and compare the fingerprint with that of the host"),
    (r"Could not resolve hostname|Name or service not known|nodename nor servname|Temporary failure in name resolution",
     "nobody knows an address for this name",
     "correct ansible_host in the inventory, or the name service"),
    (r"Connection refused",
     "refuses connections: no SSH server listens there",
     "look whether it runs, and at ansible_port in the inventory"),
    (r"No route to host|Network is unreachable",
     "cannot be reached: no route leads there",
     "look whether the host and the network are up"),
    (r"UNPROTECTED PRIVATE KEY FILE|bad permissions",
     "the private key can be read by others, so ssh does not use it",
     "chmod 600 it"),
    (r"no such identity|Load key .*: (?:No such file|Permission denied|invalid|error in|incorrect pass)",
     "the private key cannot be read",
     "correct ansible_ssh_private_key_file in the inventory, or IdentityFile in ~/.ssh/config"),
    (r"Too many authentication failures",
     "turned us away after too many keys were tried",
     "name the right one: ansible_ssh_private_key_file in the inventory"),
    (r"Permission denied|No supported authentication methods",
     "does not let this user in with this key",
     "correct ansible_user or the key in the inventory, or add the key to the user's ~/.ssh/authorized_keys there"),
    (r"Connection timed out|Operation timed out|timed out during banner|Timeout, server .* not responding",
     "does not answer",
     "look whether it is up, and whether a firewall is in the way"),
    (r"Data could not be sent|kex_exchange_identification|Connection (?:reset|closed) by|Broken pipe|Shared connection",
     "the connection was cut",
     "try again; if it happens again, look at the log of sshd there"),
    (r"no matching (?:host key type|key exchange method|cipher|MAC)",
     "speaks only what this machine's ssh holds unsafe",
     "bring its SSH server up to date"),
    (r"Bad configuration option|terminating, \d+ bad configuration options|command-line: line \d+",
     "ssh does not understand its settings",
     "correct ~/.ssh/config, or ansible_ssh_common_args in the inventory"),
    (r"Incorrect (?:sudo|become) password|incorrect password attempt|Sorry, try again|Authentication failed, try again",
     "sudo does not accept the password",
     "correct SUDO_<ENV>_PASSWORD (docs/hosts.md), or ansible_become_password in the inventory"),
    (r"sudo: a (?:terminal|password) is|no password was provided|Missing (?:sudo|become) password|interactive auth",
     "sudo wants a password",
     "put it into the environment or .env as SUDO_<ENV>_PASSWORD (docs/hosts.md), or allow NOPASSWD in sudoers"),
    (r"is not in the sudoers file|is not allowed to (?:execute|run sudo)|may not run sudo",
     "this user may not become root",
     "allow it in /etc/sudoers.d on the host, or log in as another"),
    (r"sudo: (?:command )?not found|sudo: No such file|become method '?sudo'? was not found",
     "sudo is not installed there",
     "install it, or log in as root (ansible_user: root, ansible_become: false)"),
    (r"python[\d.]*['\"]?:? (?:command )?(?:was )?not found|python[\d.]*: No such file",
     "Python is not installed there",
     "install it: apt-get install python3"),
    (r"No module named ['\"]?(?!ansible|botswain)\w",  # those are the controller's
     "its Python is not whole",
     "install all of it: apt-get install python3"),
    (r"No space left on device",
     "its disk is full",
     "free some space"),
    (r"Read-only file system",
     "its disk cannot be written to",
     "look at the host: a file system that was mounted anew read-only often is a broken one"),
))  # fmt: skip


_CHECKS = ("ansible.builtin.assert", "ansible.builtin.fail")
"""Actions whose words are a playbook's own."""
_ANSWERED = frozenset({"answers", "installed", "done", "document"})
"""What modules of ours return when they came to say something, and then in words of their own."""


def classified(text: str) -> tuple[str, str] | None:
    """What is wrong and what to do, by the words of ssh, sudo or the system; None where they say nothing known."""
    return next(((what, fix) for pattern, what, fix in _REASONS if pattern.search(text)), None)


def error_of(event: Mapping[str, Any], host: str) -> BotswainError:
    """What a result that is bad says, as an error."""
    told = (event.get("answer") or {}).get("error")
    if told:
        return Told(told, host)
    message, log = str(event.get("message") or ""), str(event.get("log") or "")
    found = classified(f"{message}\n{log}")
    if event["status"] == "unreachable":
        what, fix = found or (f"cannot be reached: {_line(message)}", "log in with ssh to see why")
        return Unreachable(what, where=host, fix=fix.format(address=host))
    if event.get("action") in _CHECKS or _ANSWERED & set(event.get("answer") or ()):
        return HostFailed(message, where=host, log=log)
    if found is not None:
        return HostFailed(found[0], where=host, fix=found[1].format(address=host), log=log)
    said = f"{_line(log)} (exit code {event['code']})" if log and event.get("code") else _line(message)
    return HostFailed(f"{event.get('task')}: {said or 'failed'}", where=host, log=log)


class HostFailed(BotswainError):
    """A task failed on a host."""

    def __init__(self, what: str, *, where: str = "", fix: str = "", log: str = "") -> None:
        super().__init__(what, where=where, fix=fix)
        self.log = log
        """The last lines of what it printed."""


class Unreachable(HostFailed):
    """A host could not be reached, or not any more: what it did meanwhile is not known."""


class Told(HostFailed):
    """What the engine on a host told."""

    def __init__(self, told: Mapping[str, Any], host: str) -> None:
        where = str(told.get("where") or "")
        super().__init__(str(told["what"]), where=f"{host}: {where}" if where else host,
                         fix=str(told.get("fix") or ""), log=str(told.get("log") or ""))  # fmt: skip
        self.kind = str(told.get("kind") or "failed")
        """failed, rolled_back or stuck."""
        self.previous: str | None = told.get("previous")


def _line(text: str) -> str:
    """The last line of a text that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
