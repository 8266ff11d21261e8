"""What the unit's hardening forbade a bot, by the words of its log, and what lifts that.

The bot's own program, its runtime and systemd say the same thing in many ways; each pattern here was printed by a real
one. A variable of the role `bot` lifts a restriction for good, `systemctl edit` one that has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Forbidden:
    """One restriction, and the line that shows it."""

    line: str
    by: str
    """The restriction, in systemd's words, and what it means."""
    lift: str
    """What to do, without the environment's own names: `{environment}` stands for it."""

    def fix(self, environment: str) -> str:
        """What to do in an environment."""
        return self.lift.replace("{environment}", environment)


_LONGEST = 200
"""Characters of a line that are shown."""
_VARIABLE = "set {name} in inventories/{{environment}}/group_vars/all.yml, then `./inv provision --env {{environment}}`"
_DROP_IN = "on the host `sudo systemctl edit botswain-{{environment}}`: [Service] {line}"


def _variable(name: str) -> str:
    return _VARIABLE.format(name=name)


def _drop_in(line: str) -> str:
    return _DROP_IN.format(line=line)


@dataclass(frozen=True)
class _Rule:
    """A restriction, what lifts it, and the words by which it is known: any of these patterns."""

    by: str
    lift: str
    words: tuple[str, ...]

    def shown_by(self, line: str) -> bool:
        """Whether a line of a log shows it."""
        return any(re.search(one, line) for one in self.words)


_REFUSED = re.compile(r"not permitted|[Pp]ermission denied")
_STARTS = re.compile(r"Starting (?:botswain-\S+\.service|The Discord bot of )")
"""What systemd writes into the unit's journal, of version 250 on and before."""
_RULES = (
    _Rule(
        "ProtectSystem=strict: the bot writes only in its shared and cache folders and in /tmp",
        "have the bot write to a path of service.shared in the profile (a setting or variable of its own says where it"
        " writes); else " + _variable("bot_writable_paths: [PATH]"),
        (r"Read-only file system", r"\bEROFS\b"),
    ),
    _Rule(
        "ProtectHome=yes: home folders are not there for the bot",
        "have the bot keep its data in a path of service.shared (HOME in service.environment moves what goes by it);"
        " else " + _drop_in("ProtectHome=read-only"),
        (r"(?:[Pp]ermission denied|EACCES)[^\n]*['\" ](?:/root|/home|/run/user)(?:/|['\"])",),
    ),
    _Rule(
        "MemoryDenyWriteExecute=yes: what compiles while it runs (Node, Java, LuaJIT, callbacks of C) gets no memory",
        _variable("bot_write_execute: true"),
        (
            r"ffi_prep_closure|ffi\.callback|write\+execute memory|executable memory|PROT_EXEC|mprotect.*permitted",
            r"os::commit_memory\([^)]*, 1\).*not permitted|[Cc]ode ?[Rr]ange|code cache|SetPermissions|VirtualMemory",
        ),
    ),
    _Rule(
        "RestrictAddressFamilies: only Unix, IPv4 and IPv6 sockets are open to the bot",
        _variable("bot_address_families: [AF_UNIX, AF_INET, AF_INET6, AF_NETLINK]"),
        (r"Address family not supported", r"\bEAFNOSUPPORT\b", r"Unknown system error 97"),
    ),
    _Rule(
        "TasksMax: the bot has as many processes and threads as it may",
        _variable("bot_tasks_max: 2048"),
        (r"can't start new thread|pthread_create|Resource temporarily unavailable|native thread|uv_thread_create",),
    ),
    _Rule(
        "MemoryMax: the bot used more memory than it may",
        _variable("bot_memory_max: 2G"),
        (r"OOM killer|oom-kill|oom_reaper",),
    ),
    _Rule(
        "RestrictNamespaces=yes: a browser makes no sandbox of its own",
        "start the browser with --no-sandbox: the unit confines it already",
        (r"No usable sandbox|Failed to move to new namespace|setuid sandbox|unshare.*not permitted",),
    ),
    _Rule(
        "CapabilityBoundingSet=: no port below 1024 is open to the bot",
        "have it listen at 1024 or above, behind what answers at 80 and 443",
        (
            r"(?:[Pp]ermission denied|EACCES)[^\n]*(?:0\.0\.0\.0|127\.0\.0\.1|::|port)\D{0,3}\d{1,3}\b(?!\.)",
            r"bind\(.*\bPermission denied",
        ),
    ),
    _Rule(
        "PrivateDevices=yes: the bot sees no devices",
        _drop_in("PrivateDevices=no"),
        (r"(?:No such file or directory|ENOENT)[^\n]*['\" ]/dev/(?!shm|null)\w",),
    ),
    _Rule(
        "PrivateUsers=yes: files of other users are nobody's for the bot, and git does not trust them",
        "have the bot's user own it, in a path of service.shared",
        (r"detected dubious ownership in repository",),
    ),
    _Rule(
        "LimitNOFILE=65536: the bot has as many files open as it may",
        _drop_in("LimitNOFILE=524288"),
        (r"Too many open files", r"\bEMFILE\b"),
    ),
    _Rule(
        "SystemCallFilter=~@resources: the bot sets no priorities and limits",
        _variable("bot_system_calls: ['@resources']"),
        (r"(?:setpriority|sched_set\w+|ioprio_set|setrlimit|\bnice\b).*(?:not permitted|EPERM)",),
    ),
    _Rule(
        "SystemCallFilter=@system-service: a call to the kernel that bots do not need is refused",
        "find the call in what the bot was doing there, and " + _variable("bot_system_calls: [CALL]"),
        (r"Operation not permitted", r"\bEPERM\b"),
    ),
)


def since_start(lines: Iterable[str]) -> list[str]:
    """The lines of a unit's journal since the bot was started last: what an earlier release said is mended or gone."""
    found: list[str] = []
    for line in lines:
        found = [line] if _STARTS.match(line) else [*found, line]
    return found


def forbidden(lines: Iterable[str]) -> list[Forbidden]:
    """What was forbidden, each restriction once, with the last line that shows it; in the order of their first."""
    found: dict[str, Forbidden] = {}
    before = ""
    for line in lines:
        # Python shows what failed in the line before why; a line that is itself no failure shows nothing.
        rule = next((one for one in _RULES if one.shown_by(line)), None)
        if _REFUSED.search(line) and rule in {None, _RULES[-1]}:
            rule = next((one for one in _RULES if one.shown_by(f"{before} {line}")), None)
        if rule is not None:
            found[rule.by] = Forbidden(line.strip()[:_LONGEST], rule.by, rule.lift)
        before = line.strip()
    if len(found) > 1:  # what says least is told where nothing else is
        found.pop(_RULES[-1].by, None)
    return list(found.values())


def hint(log: str, environment: str) -> str:
    """What to do about the last thing that was forbidden; empty where nothing was."""
    found = forbidden(log.splitlines())
    return f"the unit forbids it ({found[-1].by}): {found[-1].fix(environment)}" if found else ""
