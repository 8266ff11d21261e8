from __future__ import annotations

import socket
import ssl
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from botswain.discord.connection import explain, is_loopback, open_client
from botswain.discord.errors import Unreachable

if TYPE_CHECKING:
    from pathlib import Path

API = "https://discord.com/api/v10"
LOCAL = "http://127.0.0.1:8080/api/v10"


@pytest.mark.parametrize(
    ("api", "answer"),
    [
        (LOCAL, True),
        ("http://localhost/api", True),
        ("http://[::1]:80/", True),
        ("https://127.9.9.9/", True),
        (API, False),
        ("http://127.example.org/", False),
        ("http://localhost.example.org/", False),
    ],
)
def test_what_never_leaves_the_machine(api: str, answer: bool) -> None:
    """Only real loopback addresses count, not names that look like them."""
    assert is_loopback(api) is answer


def from_cause(error: httpx.RequestError, cause: Exception) -> httpx.RequestError:
    """An error as httpx raises it, its cause two levels down."""
    error.__cause__ = httpx.NetworkError("in between")
    error.__cause__.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "api", "text"),
    [
        (
            from_cause(httpx.ConnectError("x"), socket.gaierror(-2, "no")),
            API,
            "the name discord.com could not be resolved",
        ),
        (
            from_cause(httpx.ConnectError("x"), ConnectionRefusedError()),
            API,
            "discord.com refused the connection",
        ),
        (
            from_cause(httpx.ConnectError("x"), ConnectionRefusedError()),
            LOCAL,
            "127.0.0.1:8080 refused the connection",
        ),
        (
            from_cause(httpx.ConnectError("bad cert"), ssl.SSLError()),
            API,
            "no secure connection to discord.com (bad cert)",
        ),
        (httpx.ProxyError("407"), API, "the proxy did not connect to discord.com (407)"),
        (httpx.ConnectTimeout("x"), API, "no connection to discord.com within 5 s"),
        (httpx.ReadTimeout("x"), API, "no answer from discord.com within 15 s"),
        (httpx.ReadError(""), API, "the connection to discord.com broke (ReadError)"),
    ],
)
def test_failures_in_words(error: httpx.RequestError, api: str, text: str) -> None:
    """The cause lies two levels below what httpx raises; a person needs the cause."""
    assert explain(error, api)[0] == text


def test_a_proxy_is_used_for_discord_and_never_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sandbox on 127.0.0.1 must work on machines whose proxy settings forgot NO_PROXY."""
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:3128")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with open_client(API, {}, transport=None) as far, open_client(LOCAL, {}, transport=None) as near:
        assert far._mounts
        assert not near._mounts


@pytest.mark.parametrize(
    ("name", "value"),
    [("ALL_PROXY", "carrier-pigeon://x"), ("ALL_PROXY", "socks5://x"), ("SSL_CERT_FILE", "/no/such/file")],
)
def test_bad_settings_in_the_environment(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """They come to light when the client is made, as an error of ours."""
    monkeypatch.setenv(name, value)
    with pytest.raises(Unreachable, match="the proxy or certificate settings of the environment cannot be used"):
        open_client(API, {}, transport=None)


def test_credentials_never_come_from_netrc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A .netrc entry for discord.com would replace the token."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine discord.com login a password b\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    with open_client(API, {"Authorization": "Bot t"}, transport=httpx.MockTransport(answer)) as client:
        client.get(API)
    assert seen[0].headers["Authorization"] == "Bot t"


def test_no_certificates_are_loaded_for_a_local_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading them takes longer than a whole request to the sandbox, and plain HTTP has no use for them."""
    monkeypatch.setattr(httpx, "create_ssl_context", lambda *_: pytest.fail("certificates were loaded"))
    started = time.perf_counter()
    open_client(LOCAL, {}, transport=None).close()
    assert time.perf_counter() - started < 0.5
