"""Whether Discord is in trouble: the status page and the API, asked over HTTP."""

from __future__ import annotations

import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from types import SimpleNamespace

import pytest

from botswain.deployment import outage
from botswain.targets import status as status_page
from botswain.targets.status import VARIABLE


@contextmanager
def answering(status, body):
    """A server on loopback that gives one answer to everything; its URL."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *told):
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def status(indicator):
    """The body of a status page."""
    return json.dumps({"status": {"indicator": indicator, "description": "Gateway trouble"}}).encode()


NOWHERE = "http://127.0.0.1:9"
"""Nobody listens on the discard port."""


def seen(monkeypatch, page, api):
    """What an outage looks like with that status page and that API."""
    monkeypatch.setenv(VARIABLE, page)
    return outage.outage_of(SimpleNamespace(sandbox=False, rehearsal=False, api=api))()


@pytest.mark.parametrize(
    ("indicator", "code", "told"),
    [
        ("none", 200, None),
        ("minor", 200, None),
        ("major", 200, "its status page says: Gateway trouble"),
        ("critical", 200, "its status page says: Gateway trouble"),
        ("none", 503, "its API answers 503"),
        ("minor", 500, "its API answers 500"),
        ("none", 401, None),
    ],
)
def test_page_and_api_together_tell_an_outage(monkeypatch, indicator, code, told):
    """A serious incident is one whatever the API says; else the API has the last word, and a refusal is no outage."""
    with answering(200, status(indicator)) as page, answering(code, b"{}") as api:
        assert seen(monkeypatch, page, api) == told


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"status": 3}'])
def test_a_page_that_makes_no_sense_says_nothing(monkeypatch, body):
    """The API alone decides then."""
    with answering(200, body) as page, answering(200, b"{}") as api:
        assert seen(monkeypatch, page, api) is None


def test_without_page_and_api_nobody_can_tell(monkeypatch):
    """An API that does not answer from here keeps any bot from logging in."""
    assert "its API does not answer" in seen(monkeypatch, NOWHERE, NOWHERE)
    with answering(200, b"{}") as api:
        assert seen(monkeypatch, NOWHERE, api) is None


def test_a_rehearsal_asks_no_status_page(monkeypatch):
    """A double on this machine is asked itself, and Discord is left alone."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(status_page, "STATUS", NOWHERE)
    with answering(200, b"{}") as api:
        assert outage.outage_of(SimpleNamespace(sandbox=False, rehearsal=True, api=api))() is None
