"""What a unit's hardening forbade a bot is told by the words of its log, with what lifts it."""

from __future__ import annotations

import re

import pytest
import yaml
from desk import ROOT

from botswain.hosts.forbidden import forbidden, hint, since_start

WX = "MemoryDenyWriteExecute"
WORDS = [
    ("OSError: [Errno 30] Read-only file system: '/usr/local/share/Red'", "ProtectSystem", "bot_writable_paths"),
    ("Error: EROFS: read-only file system, mkdir '/srv/botswain/stage/.config'", "ProtectSystem", "service.shared"),
    ("PermissionError: [Errno 13] Permission denied: '/home/anna/.local/share/bot'", "ProtectHome", "service.shared"),
    ("Error: EACCES: permission denied, open '/home/anna/data.json' (EACCES)", "ProtectHome", "ProtectHome=read-only"),
    ("MemoryError: Cannot allocate write+execute memory for ffi.callback().", WX, "bot_write_execute"),
    ("INFO: os::commit_memory(0x7f, 25559, 1) failed; error='Operation not permitted' (errno=1)", WX, "write_execute"),
    ("# Check failed: 12 == (*__errno_location ()).\n 3: 0x21556a7 v8::base::OS::SetPermissions(void*)", WX, "true"),
    ("uv_interface_addresses returned Unknown system error 97", "Families", "NETLINK"),
    ("uv_os_setpriority returned EPERM (operation not permitted)\n    code: 'EPERM',", "@resources", "'@"),
    ("mmap(-1, 4096, prot=PROT_EXEC)\nPermissionError: [Errno 1] Operation not permitted", WX, "write_execute"),
    ("    self.socket.bind(self.server_address)\nPermissionError: [Errno 13] Permission denied", "Capability", "1024"),
    ("  sched_setaffinity(0, {0})\nPermissionError: [Errno 1] Operation not permitted", "@resources", "'@resources'"),
    ("Error: listen EACCES: permission denied 0.0.0.0:80", "CapabilityBoundingSet", "1024"),
    ("Error: EACCES: permission denied, scandir '/root'", "ProtectHome", "service.shared"),
    ("OSError: [Errno 97] Address family not supported by protocol", "RestrictAddressFamilies", "AF_NETLINK"),
    ("RuntimeError: can't start new thread", "TasksMax", "bot_tasks_max"),
    ("x.service: A process of this unit has been killed by the OOM killer.", "MemoryMax", "bot_memory_max"),
    ("[0101/1.1:FATAL:zygote_host_impl_linux.cc(127)] No usable sandbox!", "RestrictNamespaces", "--no-sandbox"),
    ("Error: listen EACCES: permission denied 0.0.0.0:80 (EACCES) 0.0.0.0:80", "CapabilityBoundingSet", "1024"),
    ("FileNotFoundError: [Errno 2] No such file or directory: '/dev/snd/seq'", "PrivateDevices", "systemctl edit"),
    ("fatal: detected dubious ownership in repository at '/srv/cogs'", "PrivateUsers", "service.shared"),
    ("OSError: [Errno 24] Too many open files", "LimitNOFILE", "LimitNOFILE=524288"),
    ("  os.nice(-5)  # PermissionError: [Errno 1] Operation not permitted", "@resources", "['@resources']"),
    ("PermissionError: [Errno 1] Operation not permitted", "=@system-service", "bot_system_calls: [CALL]"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "by", "lift"), WORDS, ids=[str(number) for number in range(len(WORDS))])
def test_a_line_of_a_log_names_the_restriction_and_what_lifts_it(line, by, lift):
    """Each restriction of the unit by words of Python, Node, Java, git or systemd; the environment is filled in."""
    (found,) = forbidden(line.splitlines())
    assert found.line in line
    assert by in found.by
    assert lift in found.fix("stage")
    assert "{" not in found.fix("stage").replace("{{", "")


@pytest.mark.parametrize(
    "line",
    [
        "bot one starts", "discord.errors.LoginFailure: Improper token has been passed.", "Permission denied (key)",
        "FileNotFoundError: [Errno 2] No such file or directory: 'data/settings.json'", "listening on 127.0.0.1:8085",
        "PermissionError: [Errno 13] Permission denied: 'data/settings.json'", "peer 203.0.113.9: Permission denied",
        "403 Forbidden (error code: 50001): Missing Access", "read-only mode", "the sandbox is ready",
    ],
)  # fmt: skip
def test_what_the_unit_did_not_cause_is_not_blamed_on_it(line):
    """A bot's own failures keep their own words."""
    assert forbidden([line]) == []
    assert hint(line, "stage") == ""


def test_each_restriction_is_told_once_and_the_last_decides():
    """A log repeats itself; what stopped the bot is at its end."""
    lines = ["Read-only file system: '/a'", "Read-only file system: '/b'", "can't start new thread"]
    assert [one.line for one in forbidden(lines)] == ["Read-only file system: '/b'", "can't start new thread"]
    assert "bot_tasks_max" in hint("\n".join(lines), "stage")


@pytest.mark.parametrize("start", ["Starting botswain-stage.service - The Discord bot of stage...",
                                   "Starting The Discord bot of stage..."])  # fmt: skip
def test_what_an_earlier_start_said_counts_no_more(start):
    """A journal holds what releases before printed; the one that runs now is not blamed for it."""
    lines = ["Starting botswain-stage.service - x", "Read-only file system: '/a'", start, "Connected to Discord"]
    assert since_start(lines) == [start, "Connected to Discord"]
    assert since_start(lines[1:2]) == lines[1:2]


def test_variables_that_are_proposed_exist():
    """What a hint has set in the inventory is an option of the role `bot`."""
    options = yaml.safe_load((ROOT / "roles/bot/meta/argument_specs.yml").read_text())["argument_specs"]["main"][
        "options"
    ]
    named = set(re.findall(r"bot_\w+", (ROOT / "botswain/hosts/forbidden.py").read_text()))
    assert named
    assert named <= set(options)
