"""The httpx client for one API address, and its failures in words."""

from __future__ import annotations

import re
import socket
import ssl
from urllib.parse import urlsplit

import httpx

from botswain.discord.errors import STATUS_PAGE, Unreachable

TIMEOUT = httpx.Timeout(15.0, connect=5.0)
"""Seconds to connect, and between two pieces of an answer."""


def is_loopback(api: str) -> bool:
    """Whether this address never leaves the machine."""
    host = urlsplit(api).hostname or ""
    return host in ("localhost", "::1") or re.fullmatch(r"127(\.\d+){3}", host) is not None


def open_client(api: str, headers: dict[str, str], *, transport: httpx.BaseTransport | None) -> httpx.Client:
    """A client that sends these headers; proxies, never passwords, may come from the environment.

    Raises Unreachable when the environment's proxy or certificate settings cannot be used.
    """
    loopback = is_loopback(api)
    try:
        return httpx.Client(
            headers=headers,
            # Without it, httpx would make Basic credentials of a user name in the URL, in place of the token.
            auth=httpx.Auth(),
            timeout=TIMEOUT,
            transport=transport,
            verify=_tls(api, transport),
            trust_env=not loopback,
            follow_redirects=False,
        )
    except (OSError, ValueError, ImportError, httpx.InvalidURL) as error:
        raise Unreachable(
            f"the proxy or certificate settings of the environment cannot be used ({error})",
            fix="check HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR",
        ) from error


def _tls(api: str, transport: httpx.BaseTransport | None) -> ssl.SSLContext:
    if transport is None and not api.startswith("http://"):
        return httpx.create_ssl_context()
    # Loading the trusted certificates takes long. Where no TLS is spoken, none is trusted instead.
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def explain(error: httpx.RequestError, api: str) -> tuple[str, str]:
    """What went wrong on the way to `api`, and what to do about it."""
    parts = urlsplit(api)
    host = parts.hostname or api
    local = is_loopback(api)
    fix = "is the sandbox running there?" if local else f"check this machine's network, and {STATUS_PAGE}"
    causes = _causes(error)
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return f"the name {host} could not be resolved", fix
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        address = f"{host}:{parts.port}" if parts.port else host
        return f"{address} refused the connection", fix
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return (
            f"no secure connection to {host} ({error})",
            "check this machine's clock, certificates and proxy",
        )
    if isinstance(error, httpx.ProxyError):
        return f"the proxy did not connect to {host} ({error})", "check HTTPS_PROXY and ALL_PROXY"
    return _what_happened(error, host), fix


def _what_happened(error: httpx.RequestError, host: str) -> str:
    if isinstance(error, (httpx.ConnectTimeout, httpx.PoolTimeout)):
        return f"no connection to {host} within {TIMEOUT.connect:g} s"
    if isinstance(error, httpx.TimeoutException):
        return f"no answer from {host} within {TIMEOUT.read:g} s"
    return f"the connection to {host} broke ({str(error) or type(error).__name__})"


def _causes(error: BaseException) -> list[BaseException]:
    """The error, what it was raised from, and so on."""
    found: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in found:
        found.append(cause)
        cause = cause.__cause__ or cause.__context__
    return found
