"""Points an unchanged bot in Python at DISCORD_API, such as http://127.0.0.1:8080/api, instead of Discord.

    DISCORD_API=http://127.0.0.1:8080/api PYTHONPATH=/path/to/this/folder python bot.py

Python loads a module of this name when it starts. This one works below every library that uses aiohttp (discord.py,
Pycord, disnake, nextcord, hikari, interactions.py): requests to Discord's API and gateway go to the double. All other
hosts are left alone, and without DISCORD_API everything is. It runs in the bot's own Python, from 3.8 on.
"""

from __future__ import annotations

import os
import re
import sys
from typing import Any

_HOSTS = re.compile(r"(?:(?:canary\.|ptb\.)?discord(?:app)?\.com|gateway[\w-]*\.discord\.gg)$")
_API = re.compile(r"https?://[^/?#]+/api/?$")
_PATCHED = "aiohttp.client"


class _Once:
    """Finds aiohttp's client as everybody would, and changes it when it has been loaded."""

    def __init__(self, api: str) -> None:
        self._api = api

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> Any:
        """Say nothing of any other module."""
        if name != _PATCHED:
            return None
        import importlib.util

        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            loaded = spec.loader.exec_module

            def exec_module(module: Any) -> None:
                loaded(module)
                _redirect(module.ClientSession, self._api)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]  # this instance's alone
        return spec


def _redirect(session: Any, api: str) -> None:
    import yarl

    base = yarl.URL(api)

    def moved(given: Any) -> Any:
        url = yarl.URL(given)
        if not _HOSTS.match(url.host or ""):
            return url
        socket = url.scheme in ("ws", "wss")
        scheme = base.scheme.replace("http", "ws") if socket else base.scheme
        return yarl.URL.build(
            scheme=scheme, authority=base.raw_authority, path=url.raw_path, query_string=url.raw_query_string,
            encoded=True,
        )  # fmt: skip

    request = session._request

    async def redirected(self: Any, method: str, str_or_url: Any, *args: Any, **kwargs: Any) -> Any:
        return await request(self, method, moved(str_or_url), *args, **kwargs)

    session._request = redirected


def _next() -> None:
    """Loads the sitecustomize that this one stands before, if there is one: distributions have theirs."""
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    here = os.path.dirname(os.path.abspath(__file__))
    spec = PathFinder.find_spec("sitecustomize", [one for one in sys.path if os.path.abspath(one or ".") != here])
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(module_from_spec(spec))


def _main() -> None:
    api = os.environ.get("DISCORD_API")
    if api and _API.match(api):
        sys.meta_path.insert(0, _Once(api))
    elif api:
        sys.stderr.write("botswain: DISCORD_API must be a URL that ends in /api, not {}; not used\n".format(api))
    _next()


_main()
