"""Why a host failed: one line, by the words of ssh, sudo and the system."""

from __future__ import annotations

import pytest

from botswain.ansible.reasons import HostFailed, Told, Unreachable, classified, error_of

CHANGED = """@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
Host key for 192.0.2.1 has changed and you have requested strict checking.
Host key verification failed."""
UNPROTECTED = """@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @
Permissions 0644 for '/home/a/.ssh/id' are too open.
Load key "/home/a/.ssh/id": bad permissions
admin@192.0.2.1: Permission denied (publickey)."""
SAID = [
    ("ssh: connect to host 192.0.2.1 port 22: Connection refused", "refuses connections"),
    ("ssh: connect to host 192.0.2.1 port 22: Connection timed out", "does not answer"),
    ("ssh: connect to host 192.0.2.1 port 22: Operation timed out", "does not answer"),
    ("Connection timed out during banner exchange\r\nConnection to 192.0.2.1 port 22 timed out", "does not answer"),
    ("Timeout, server 192.0.2.1 not responding.", "does not answer"),
    ("ssh: connect to host 192.0.2.1 port 22: No route to host", "no route leads there"),
    ("ssh: connect to host 192.0.2.1 port 22: Network is unreachable", "no route leads there"),
    ("ssh: Could not resolve hostname nowhere: Name or service not known", "nobody knows an address"),
    ("ssh: Could not resolve hostname nowhere: Temporary failure in name resolution", "nobody knows an address"),
    ("ssh: Could not resolve hostname nowhere: nodename nor servname provided, or not known", "nobody knows"),
    ("admin@192.0.2.1: Permission denied (publickey).", "does not let this user in"),
    ("admin@192.0.2.1: Permission denied (publickey,password).", "does not let this user in"),
    ("Received disconnect from 192.0.2.1 port 22:2: Too many authentication failures", "too many keys"),
    ("no such identity: /h/none: No such file or directory\nadmin@h: Permission denied (publickey).", "cannot be read"),
    ('Load key "/home/a/.ssh/id": error in libcrypto\nadmin@h: Permission denied (publickey).', "key cannot be read"),
    ('Load key "/home/a/.ssh/id": Permission denied\nadmin@h: Permission denied (publickey).', "key cannot be read"),
    (UNPROTECTED, "can be read by others"),
    (CHANGED, "another host key"),
    ("No ED25519 host key is known for h and you have requested strict checking.\r\nHost key verification failed.",
     "is not known on this machine"),
    ("Host key verification failed.", "is not known on this machine"),
    ("kex_exchange_identification: Connection closed by remote host", "was cut"),
    ("Connection reset by 192.0.2.1 port 22", "was cut"),
    ("Shared connection to 192.0.2.1 closed.", "was cut"),
    ("Unable to negotiate with 192.0.2.1 port 22: no matching host key type found. Their offer: ssh-rsa", "unsafe"),
    ("/home/a/.ssh/config: line 3: Bad configuration option: foo", "does not understand its settings"),
    ("sudo: a password is required", "sudo wants a password"),
    ("sudo: a terminal is required to read the password; either use the -S option", "sudo wants a password"),
    ("Missing sudo password", "sudo wants a password"),
    ("Incorrect sudo password", "sudo does not accept the password"),
    ("Sorry, try again.\nsudo: no password was provided\nsudo: 1 incorrect password attempt",
     "sudo does not accept the password"),
    ("admin is not in the sudoers file.  This incident will be reported.", "may not become root"),
    ("Sorry, user admin is not allowed to execute '/bin/sh' as root on web.", "may not become root"),
    ("/bin/sh: 1: sudo: not found", "sudo is not installed"),
    ("bash: line 1: sudo: command not found", "sudo is not installed"),
    ("/bin/sh: 1: /usr/bin/python3: not found", "Python is not installed"),
    ("bash: line 1: /usr/bin/python3: No such file or directory", "Python is not installed"),
    ("The module interpreter '/usr/bin/python3' was not found.", "Python is not installed"),
    ("ModuleNotFoundError: No module named 'json'", "Python is not whole"),
    ("OSError: [Errno 28] No space left on device", "disk is full"),
    ("OSError: [Errno 30] Read-only file system: '/etc/x'", "cannot be written to"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "told"), SAID, ids=[text.splitlines()[0][:60] for text, _ in SAID])
def test_what_ssh_and_sudo_say_is_told_with_what_to_do(text, told):
    """Every message of OpenSSH, sudo and the system that is known here has its own line and its own remedy."""
    found = classified(f"Failed to connect to the host via ssh: {text}")
    assert found is not None
    assert told in found[0]
    assert found[1]


def test_a_changed_key_is_never_called_an_unknown_one():
    """OpenSSH says both in one breath, and only one of the two is a warning."""
    event = {"status": "unreachable", "message": CHANGED, "task": "Look"}
    assert "ssh-keygen -R web" in str(error_of(event, "web"))


def test_an_unknown_reason_is_told_in_its_own_words():
    """Nothing is invented where the words are new."""
    error = error_of({"status": "unreachable", "message": "Failed to connect:\nthe moon is in the way\n"}, "web")
    assert isinstance(error, Unreachable)
    assert str(error) == "web: cannot be reached: the moon is in the way; log in with ssh to see why"
    failed = error_of({"status": "failed", "message": "no luck", "task": "Try", "log": "a\nb"}, "web")
    assert type(failed) is HostFailed
    assert (str(failed), failed.log) == ("web: Try: no luck", "a\nb")


def test_what_the_engine_says_is_told_as_it_says_it():
    """Its what, where, fix and log, with the host before; and which kind it is."""
    answer = {
        "error": {
            "kind": "rolled_back",
            "what": "is not well",
            "where": "r1",
            "fix": "look",
            "log": "x",
            "previous": "r0",
        }
    }
    error = error_of({"status": "failed", "answer": answer, "task": "Switch"}, "web")
    assert isinstance(error, Told)
    assert str(error) == "web: r1: is not well; look"
    assert (error.kind, error.previous, error.log) == ("rolled_back", "r0", "x")


def test_our_own_words_stand_alone():
    """What a playbook of ours checks says all there is to say."""
    event = {
        "status": "failed",
        "message": "the bot does not run",
        "task": "Is it well",
        "action": "ansible.builtin.assert",
    }
    assert str(error_of(event, "web")) == "web: the bot does not run"


def test_a_module_of_ours_that_is_missing_here_is_no_fault_of_the_host():
    """Only what a host's Python lacks is."""
    event = {"status": "failed", "message": "No module named 'botswain.database'", "task": "Install"}
    assert str(error_of(event, "web")) == "web: Install: No module named 'botswain.database'"
