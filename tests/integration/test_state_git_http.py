"""Records on a remote behind HTTP with a password, served by git's own backend on this machine."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from remotes import REF, Remote, git

from botswain.errors import Refused
from botswain.state.git import changes
from botswain.state.git.store import GitStore
from botswain.state.store import Owner

ANNA = Owner("20261122-101530-aaaaaa", "anna@ship", "deploy")
SECRET = "hunter2-of-the-remote"


class Backend(BaseHTTPRequestHandler):
    """One request to `git http-backend`; `cuts` says how many answers to pushes are still to be swallowed."""

    def handle_once(self) -> None:
        """Answers one request, or does what it asks and cuts the connection."""
        server = self.server
        body = self._body()
        given = self.headers.get("Authorization", "").removeprefix("Basic ")
        if base64.b64decode(given) != f"bot:{SECRET}".encode():
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        pushing = path.endswith("/git-receive-pack") and self.command == "POST"
        if pushing and server.before:
            server.before -= 1
            self.connection.close()
            return
        env = {
            **os.environ, "GIT_PROJECT_ROOT": str(server.root), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
            "QUERY_STRING": query, "REQUEST_METHOD": self.command, "REMOTE_USER": "bot",
            "CONTENT_TYPE": self.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }  # fmt: skip
        done = subprocess.run(["git", "http-backend"], input=body, env=env, capture_output=True, check=True).stdout
        if pushing and server.after:
            server.after -= 1
            self.connection.close()
            return
        head, _, answer = done.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in {**fields, "Content-Length": str(len(answer))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    do_GET = do_POST = handle_once  # noqa: N815 - the names that the library looks for

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A remote, a clone of it whose credential helper knows the password, and the server between them."""
    monkeypatch.setattr(changes, "_PAUSE", 0.01)
    remote = Remote(tmp_path)
    git(remote.path, "config", "http.receivepack", "true")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Backend)
    server.root, server.before, server.after = tmp_path, 0, 0
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    clone = remote.clone("clone")
    git(clone, "remote", "set-url", "origin", f"http://127.0.0.1:{server.server_port}/remote.git")
    helper = remote.folder / "helper"
    helper.write_text(f"#!/bin/sh\ntest \"$1\" = get && printf 'username=bot\\npassword={SECRET}\\n'\n")
    helper.chmod(0o755)
    git(clone, "config", "credential.helper", str(helper))
    server.remote, server.clone = remote, clone
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def store(served):
    """The records as a process in the clone sees them."""
    return GitStore(served.clone, "origin", REF, "dev")


def test_git_s_credentials_open_the_remote(served):
    """What git can log in to holds records, by the user's own credential helper; the password stays with that."""
    with store(served).lock(ANNA) as held:
        held.check()
    assert len(served.remote.subjects()) == 2
    found = store(served)
    assert (found.holder(), found.notes) == (None, ())
    inner = b"".join(path.read_bytes() for path in (served.clone / ".git").rglob("*") if path.is_file())
    assert SECRET.encode() not in inner
    assert SECRET not in git(served.remote.path, "log", "-p", REF)


def test_a_wrong_password_is_one_line_and_asks_nobody(served):
    """Off a terminal git asks for nothing: the run is refused with what to do."""
    git(served.clone, "config", "--unset", "credential.helper")
    with pytest.raises(Refused) as no:
        store(served).lock(ANNA)
    assert str(no.value).startswith("origin: cannot be reached: could not read Username for 'http://127.0.0.1:")
    assert "give git a way in that asks nothing: a credential helper" in str(no.value)
    git(served.clone, "remote", "set-url", "origin", f"http://bot:{SECRET}x@127.0.0.1:{served.server_port}/remote.git")
    with pytest.raises(Refused, match="origin: cannot be reached: Authentication failed") as no:
        store(served).lock(ANNA)
    assert SECRET not in str(no.value)


def test_a_connection_cut_before_the_push_arrived(served):
    """It is sent again; nobody hears of it."""
    served.before = 1
    with store(served).lock(ANNA):
        served.before = 2
        found = store(served)
        found.chain("audit.jsonl", lambda end: end + b"x\n")
    assert served.before == 0
    assert served.remote.show("audit.jsonl") == "x"
    assert len(served.remote.subjects()) == 3


def test_a_connection_cut_after_the_ref_was_moved(served):
    """It is looked up, and not done again."""
    served.after = 1
    with store(served).lock(ANNA):
        served.after = 1
        store(served).chain("audit.jsonl", lambda end: end + b"x\n")
        assert served.after == 0
    assert served.remote.show("audit.jsonl") == "x"
    assert len(served.remote.subjects()) == 3
