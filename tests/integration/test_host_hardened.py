"""What a bot, and what builds it, cannot do on a server: tried from the inside, since a score proves nothing."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hosting import BOT, until
from serving import Served

from botswain.host import orders
from botswain.hosts import inspection

PROBE = r"""
import ctypes, errno, json, mmap, os, socket, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
EXEC = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
root = os.path.dirname(os.path.dirname(os.getcwd()))

def called(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), "")

def writes(path):
    return lambda: open(path, "a").close()

def reads(path):
    return lambda: open(path).read()

def executable_later():
    page = mmap.mmap(-1, 4096)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    called(libc.mprotect(ctypes.c_void_p(address), 4096, mmap.PROT_READ | mmap.PROT_EXEC))

def suid():
    path = os.path.join(root, "shared", "suid")
    writes(path)()
    os.chmod(path, 0o4755)

def sudo():
    done = subprocess.run(["/usr/bin/sudo", "-n", "id"], capture_output=True, text=True)
    if done.returncode:
        raise OSError(0, done.stderr)

def others():
    for one in os.listdir("/proc"):
        if one.isdigit() and os.path.exists("/proc/" + one):
            try:
                if os.stat("/proc/" + one).st_uid != os.getuid():
                    return
            except FileNotFoundError:  # it ended just now
                pass
    raise OSError(0, "none seen")

tries = {
    "write below /etc": writes("/etc/planted"),
    "write below /usr": writes("/usr/local/bin/planted"),
    "write in its own release": writes("planted"),
    "write the ledger": writes(root + "/ledger.jsonl"),
    "write the spec": writes(root + "/service.json"),
    "write beside the link": writes(root + "/planted"),
    "write a unit at run time": writes("/run/systemd/system/planted.service"),
    "read /etc/shadow": reads("/etc/shadow"),
    "read, and so hold, the engine's lock": reads(root + "/.lock"),
    "read, and so hold, the ledger": reads(root + "/ledger.jsonl"),
    "read the stored secrets": lambda: os.listdir(root + "/credentials"),
    "read another bot's secrets": lambda: os.listdir("/run/credentials/botswain-other.service"),
    "read another bot's folder": lambda: os.listdir("/srv/botswain/other"),
    "look into homes": lambda: os.listdir("/home"),
    "see others' processes": others,
    "become root": lambda: os.setuid(0),
    "use sudo": sudo,
    "make a setuid file": suid,
    "write and execute memory": lambda: mmap.mmap(-1, 4096, prot=EXEC),
    "execute memory it wrote": executable_later,
    "trace a process": lambda: called(libc.ptrace(16, os.getppid(), 0, 0)),
    "be traced": lambda: called(libc.ptrace(0, 0, 0, 0)),
    "mount": lambda: called(libc.mount(b"none", b"/tmp", b"tmpfs", 0, None)),
    "change its root": lambda: os.chroot("/tmp"),
    "load a kernel module": lambda: called(libc.syscall(175, 0, 0, b"")),
    "make a user namespace": lambda: called(libc.unshare(0x10000000)),
    "make a network namespace": lambda: called(libc.unshare(0x40000000)),
    "open a raw socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
    "open a packet socket": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "open a netlink socket": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "listen below 1024": lambda: socket.create_server(("127.0.0.1", 80)),
    "set the clock": lambda: __import__("time").clock_settime(0, 0),
    "rename the host": lambda: socket.sethostname("planted"),
    "read kernel messages": lambda: called(libc.syscall(103, 3, ctypes.create_string_buffer(64), 64)),
    "change kernel settings": writes("/proc/sys/kernel/domainname"),
    "change a control group": lambda: os.mkdir("/sys/fs/cgroup/planted"),
    "use real-time scheduling": lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
    "be another personality": lambda: called(libc.personality(0x0008)),
    "use the kernel's keys": lambda: called(libc.syscall(248, b"user", b"k", b"v", 1, -3)),
    "see devices": lambda: open("/dev/planted").close(),
    "reboot": lambda: called(libc.reboot(0x01234567)),
}
allowed = {
    "write what releases share": writes(root + "/shared/data"),
    "write temporary files": writes("/tmp/t"),
    "read its secret": reads(os.environ["CREDENTIALS_DIRECTORY"] + "/discord_token"),
    "open a connection": lambda: socket.create_connection(("127.0.0.1", int(os.environ["SSHD"]))),
    "look a name up": lambda: socket.getaddrinfo("localhost", 80),
    "start a program": lambda: subprocess.run(["/bin/true"], check=True),
    "start a thread": lambda: (lambda one: (one.start(), one.join()))(__import__("threading").Thread(target=int)),
    "compile a regular expression": lambda: __import__("re").compile("a+"),
}

def outcome(work):
    child = os.fork()  # what it succeeds in must not help the next one
    if child == 0:
        try:
            work()
        except BaseException as error:
            print("  ", repr(error), flush=True)
            os._exit(1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    return "succeeded" if status == 0 else "failed"

print("RESULT " + json.dumps({name: outcome(work) for name, work in {**tries, **allowed}.items()}), flush=True)
print("ALLOWED " + json.dumps(sorted(allowed)), flush=True)
"""
NODE = {"write and execute memory", "execute memory it wrote"}
"""What V8 has to be able to do."""


@pytest.fixture
def serve(debian):
    """Makes bots' places on a machine."""
    made = []

    def one(name: str, port: int, **variables):
        made.append(Served(debian, name, port, **variables))
        return made[-1]

    yield one
    for served in made:
        served.remove()


@pytest.mark.parametrize("compiles", [False, True], ids=["python", "node"])
def test_what_a_bot_cannot_do(serve, compiles):
    """Each is tried from inside the bot and fails; what a bot needs works."""
    other = serve("other", 8086)
    other.deploy(other.prepare(), secrets={"discord_token": "the-other-token"})
    other.machine.run("echo a device > /dev/planted")
    served = serve("stage", 8085, bot_memory_deny_write_execute=not compiles)
    served.service = replace(served.service, environment={**served.service.environment, "SSHD": "22"})
    served.service = replace(served.service, run=("/usr/bin/python3", "-S", "both.py"))
    commit = served.send(
        both_DOT_py="import runpy\nrunpy.run_path('probe.py')\n" + BOT, probe_DOT_py=PROBE, mode="well"
    )
    release = served.one(served.order(commit))["release"]
    served.deploy(release, secrets={"discord_token": "the-token"})
    found, allowed = printed(served, "RESULT"), printed(served, "ALLOWED")
    expected = set(allowed) | (NODE if compiles else set())
    assert {name for name, how in found.items() if how == "succeeded"} == expected, served.prints()
    assert len(found) > 40


def printed(served: Served, word: str):
    """A document that the bot printed."""
    until(lambda: word in served.prints(), word)
    return json.loads(re.search(rf"^{word} (.*)$", served.prints(), re.MULTILINE).group(1))


@pytest.mark.parametrize(("compiles", "limit"), [(False, 1.2), (True, 1.3)], ids=["python", "node"])
def test_the_score(serve, compiles, limit):
    """systemd-analyze's exposure of the unit, of 10."""
    served = serve("stage", 8085, bot_memory_deny_write_execute=not compiles)
    told = served.machine.run(f"systemd-analyze security --no-pager {served.unit}", check=False).stdout
    score = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", told).group(1))
    assert score <= limit, told
    assert served.machine.run(f"systemd-analyze verify {served.unit} botswain-stage-settle.service").stderr == ""


def test_secrets_are_the_bots_alone(serve):
    """A secret is in its file for root, in systemd's copy for the bot and in the bot's environment; nowhere else."""
    served = serve("stage", 8085)
    served.service = replace(served.service, secrets={"TOKEN": "discord_token"})
    secret = "s3cret-of-the-bot"
    served.deploy(served.prepare(), secrets={"discord_token": secret, "OTHER": "another-s3cret"})
    (pid,) = served.processes()
    assert f"TOKEN={secret}\0" in served.machine.run(f"cat /proc/{pid}/environ").stdout
    assert "another-s3cret" not in served.machine.run(f"cat /proc/{pid}/environ").stdout
    holders = served.machine.run(
        "grep -rls s3cret /srv /etc /run /var /tmp /usr/local --exclude-dir=journal | sort", check=False
    ).stdout.split()
    copies = [f"/run/credentials/{served.unit}/{one}" for one in ("OTHER", "discord_token")]
    kept = [f"{served.root}/credentials/{one}" for one in ("OTHER", "discord_token")]
    assert holders == copies + kept
    for path in holders:
        denied = served.machine.run(f"runuser -u nobody -- cat {path}", check=False)
        assert denied.returncode != 0, path
    for path in kept:
        assert served.machine.run(f"runuser -u {served.user} -- cat {path}", check=False).returncode != 0
    assert "s3cret" not in served.machine.run("journalctl --no-pager -o export").stdout
    assert "s3cret" not in served.machine.run(f"systemctl show {served.unit}; ps auxwww").stdout


def test_another_secret_is_handed_over(serve):
    """A new name makes systemd hand over one more; a new value alone tells it nothing, and counts at the next start."""
    served = serve("stage", 8085)
    served.service = replace(served.service, secrets={"TOKEN": "discord_token"})
    served.deploy(served.prepare(), secrets={"discord_token": "one"})
    path = f"/etc/systemd/system/{served.unit}.d/50-botswain.conf"
    before = served.machine.run(f"stat -c %Y.%i {path}").stdout
    served.one(orders.Restart(service=served.service, secrets={"discord_token": "two"}))
    (pid,) = served.processes()
    assert "TOKEN=two\0" in served.machine.run(f"cat /proc/{pid}/environ").stdout
    assert served.machine.run(f"stat -c %Y.%i {path}").stdout == before
    served.one(orders.Restart(service=served.service, secrets={"LATER": "three"}))
    assert served.machine.run(f"ls /run/credentials/{served.unit}").stdout.split() == ["LATER", "discord_token"]
    refused = served.fails(orders.Start(service=served.service, secrets={"../up": "x"}))
    assert "cannot be the name of a secret's file" in refused["what"]


BUILD = r"""
import os, sys
root = os.path.dirname(os.path.dirname(os.getcwd()))
done = []
for path in sys.argv[1:]:
    try:
        open(path.replace("ROOT", root), "a").close()
        done.append(path)
    except OSError:
        pass
for path in ("ROOT/credentials", "/root"):
    try:
        os.listdir(path.replace("ROOT", root))
        done.append(path)
    except OSError:
        pass
for rank in (lambda: os.setuid(0), lambda: os.setgroups([0]), lambda: os.kill(1, 0)):
    try:
        rank()
        done.append("rank")
    except OSError:
        pass
os.symlink("/etc/victim", "to-victim")
os.symlink("/etc/victims", "to-victims")
os.symlink("/etc/victims", root + "/shared/planted")
print("ids", os.getuid(), os.getgid(), os.getgroups(), os.environ["HOME"], os.environ.get("SUDO_USER"))
print("done", done)
"""


def test_a_build_has_the_bots_rights_alone(serve):
    """A build writes in its release, the cache and what is shared; not the ledger, the mirror, specs or secrets."""
    served = serve("stage", 8085)
    served.machine.run(
        "mkdir -p /etc/victims && echo untouched | tee /etc/victim > /etc/victims/one; chmod 600 /etc/victim"
    )
    forbidden = [f"ROOT/{one}" for one in (
        "ledger.jsonl", "mirror.git/HEAD", "mirror.git/hooks", "service.json", "services/x.json", "credentials/x",
        ".lock", ".running", "starts.json", "releases/x", "logs/x", "x",
    )] + ["/etc/x", "/usr/local/lib/botswain/botswain-host.pyz", "/etc/victim"]  # fmt: skip
    served.service = replace(
        served.service, build=(("/usr/bin/python3", "build.py", *forbidden, "ROOT/cache/x", "ROOT/shared/x", "x"),)
    )
    served.ship(build_DOT_py=BUILD)
    release = served.ship("well 2", build_DOT_py=BUILD.replace("os.symlink", "(lambda *_: 0)"))
    log = served.machine.run(f"cat {served.root}/logs/build-{release}.log").stdout
    assert "done ['ROOT/cache/x', 'ROOT/shared/x', 'x']" in log
    number = served.machine.run(f"id -u {served.user}").stdout.strip()
    assert f"ids {number} " in log
    assert f" {served.root}/cache None" in log
    assert (
        f"{served.user} {served.user}"
        in served.machine.run(f"stat -c '%U %G' {served.root}/releases/{release}/x").stdout
    )


def test_links_that_a_build_plants_lead_root_nowhere(serve):
    """What is made, given away or removed for a release stays inside of it, whatever links a build left."""
    served = serve("stage", 8085)
    served.machine.run(
        "rm -rf /etc/victims; mkdir -p /etc/victims && echo untouched | tee /etc/victim > /etc/victims/one;"
        "chmod 600 /etc/victim; chmod 700 /etc/victims"
    )
    served.service = replace(served.service, build=(("/usr/bin/python3", "build.py"),), keep=1)
    first = served.ship(build_DOT_py=BUILD)
    served.service = replace(served.service, shared=("planted/deeper/",), build=())
    error = served.fails(served.order(served.send(mode="well 2")))
    assert "ermission denied" in error["what"]
    served.service = replace(served.service, shared=())
    for number in range(3):
        served.ship(f"well {number + 3}")
    assert served.one(orders.Prune())["left"] == []
    assert first not in served.states()
    told = served.machine.run("ls -A /etc/victims; stat -c '%U %a' /etc/victim /etc/victims; cat /etc/victim").stdout
    assert told == "one\nroot 600\nroot 700\nuntouched\n"


def test_git_as_root_obeys_nobody(serve):
    """Neither a repository's own hooks and attributes, nor the folder that root stands in, make root run anything."""
    served = serve("stage", 8085)
    served.machine.run(r"""
rm -rf /srv/trap /tmp/tricked; mkdir -p /srv/trap && cd /srv/trap && git init -q .
printf '#!/bin/sh\ntouch /tmp/tricked\n' > trap.sh; chmod 755 trap.sh
git config core.fsmonitor /srv/trap/trap.sh; git config core.pager /srv/trap/trap.sh
git config filter.trap.smudge /srv/trap/trap.sh; git config core.hooksPath /srv/trap
printf '[this is no configuration' > ~root/.gitconfig
cp trap.sh post-checkout; cp trap.sh reference-transaction
""")
    commit = served.send(_DOT_gitattributes="* filter=trap\n", bot_DOT_py=BOT, mode="well")
    text = json.dumps(orders.request([served.order(commit), orders.Look()]))
    answer = served.machine.run(f"cd /srv/trap && botswain-host {served.root} do", text=text)
    assert json.loads(answer.stdout)["error"] is None
    assert served.machine.run("test -e /tmp/tricked", check=False).returncode == 1
    served.machine.run("rm -f ~root/.gitconfig")


def test_a_user_that_is_missing_or_root(serve):
    """No build runs as root for want of the user."""
    served = serve("stage", 8085)
    commit = served.send(mode="well")
    for name, why in (("nobody-at-all", 'there is no user "nobody-at-all"'), ("root", '"root" is root')):
        served.service = replace(served.service, user=name)
        assert why in served.fails(served.order(commit))["what"]


UPWARD = """
import json, os, subprocess, sys
names = json.loads(sys.argv[1])
here, planted = os.getcwd(), []
print("looks upward", flush=True)  # the journal by a cursor may lack the first line
folder = os.path.dirname(here)
while True:
    for name in names:
        path = os.path.join(folder, name)
        try:
            os.mkdir(path)
            planted.append(path)
        except OSError:
            pass
    if folder == "/":
        break
    folder = os.path.dirname(folder)
git = subprocess.run(["git", "-c", "safe.directory=*", "rev-parse", "--show-toplevel"], capture_output=True, text=True)
folder = here
while not os.path.isfile(folder + "/.env"):  # as dotenv does
    folder = os.path.dirname(folder)
print("UPWARD " + json.dumps({"planted": planted, "git": git.stdout.strip(), "env": folder + "/.env"}), flush=True)
"""


def test_nothing_above_a_release_is_the_bots_to_write_and_searches_stop_below(serve):
    """No bot or build plants what tools look for upward; a repository or .env above, whoever made it, is not found."""
    served = serve("stage", 8085)
    names = json.dumps(inspection.UPWARD)
    served.service = replace(
        served.service, build=(("/usr/bin/python3", "up.py", names),), run=("/usr/bin/python3", "-S", "both.py")
    )
    both = f"import sys, runpy\nsys.argv = ['up.py', {names!r}]\nrunpy.run_path('up.py')\n{BOT}"
    plant = "git init -q /srv/botswain; chmod -R a+rX /srv/botswain/.git; echo TOKEN=x >/srv/botswain/.env"
    served.machine.run(f"{plant}; git init -q {served.root}; chmod -R a+rX {served.root}/.git")
    try:
        release = served.ship(up_DOT_py=UPWARD, both_DOT_py=both)
        log = served.machine.run(f"cat {served.root}/logs/build-{release}.log").stdout
        by_build = json.loads(re.search(r"^UPWARD (.*)$", log, re.MULTILINE)[1])
        assert by_build == printed(served, "UPWARD") == {"planted": [], "git": "", "env": f"{served.root}/.env"}
    finally:
        served.machine.run(f"rm -rf /srv/botswain/.git /srv/botswain/.env {served.root}/.git")
    folders = f"/ /srv /srv/botswain {served.root} {served.root}/releases"
    listed = f"for at in {folders}; do cd $at && ls -d {' '.join(inspection.UPWARD)} 2>/dev/null; done; true"
    assert served.machine.run(listed).stdout.split() == [".env"]
    assert served.machine.run(f"stat -c '%s %U %a' {served.root}/.env").stdout == "0 root 444\n"
