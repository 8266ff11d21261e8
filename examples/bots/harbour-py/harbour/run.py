"""The life of the process: connect, stay connected, and stop in good order."""

import asyncio
import os
import signal
import sys
import time
from typing import Any

import aiohttp
import discord
from discord.gateway import DiscordWebSocket
from discord.http import Route
from yarl import URL

from harbour import web
from harbour.bot import Harbour
from harbour.log import logger
from harbour.settings import Settings
from harbour.vitals import Vitals

BAD_SETTINGS = 78
"""Exit code (EX_CONFIG): the environment is incomplete or malformed; starting again would not help."""
NOT_ALLOWED = 77
"""Exit code (EX_NOPERM): Discord refuses this bot; starting again would not help, and use up sessions."""
FAILED = 1
"""Exit code: something else, such as a port in use; starting again may help."""
_HOPELESS = {
    4004: "Discord refuses the token; make a new one in the Developer Portal",
    4010: "Discord refuses the shard; this is a fault of the program",
    4011: "the bot is in too many servers for one shard; let it extend discord.AutoShardedClient",
    4012: "Discord no longer has this version of its gateway; update discord.py",
    4013: "Discord does not know an intent; update discord.py",
    4014: "an intent is not allowed; switch it on in the Developer Portal, or do not ask for it",
}
"""Close codes of the gateway after which connecting again is of no use, and what to do."""
_LONGEST_PAUSE = 120.0
"""Seconds; a session each time stays below the 1000 that Discord gives a bot each day."""
_LASTED = 300.0
"""Seconds after which a connection was a good one, so that the pauses begin again with the shortest."""


class Hopeless(Exception):
    """Discord will not let this bot in; the text is one line that says why, and what to do."""


async def run(settings: Settings) -> int:
    """Runs the bot until a signal or until it cannot go on; returns the exit code."""
    vitals = Vitals(settings.commit)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_unhandled)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _told_to_stop, number, vitals, stop, settings.patience)
    try:
        runner, port = await web.start(vitals, settings.host, settings.port)
    except OSError as error:
        where, why = f"{settings.host}:{settings.port}", os.strerror(error.errno) if error.errno else error
        logger.critical("cannot listen on %s (%s); set PORT to another, or stop what listens there", where, why)
        return FAILED
    logger.info("listening", extra={"host": settings.host, "port": port, "commit": settings.commit})
    looking = asyncio.create_task(vitals.measure_lag())
    connection = asyncio.create_task(stay_connected(settings, vitals))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((connection, stopping), return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            left = await vitals.idle(settings.patience)
            if left:
                logger.warning("commands did not end in time", extra={"commands": left})
        while not connection.done():  # a library may swallow the word while it connects: it is said again
            connection.cancel()
            await asyncio.wait((connection,), timeout=1)
        await connection
    except asyncio.CancelledError:
        logger.info("stopped")
        return 0
    except Hopeless as error:
        logger.critical(str(error))
        return NOT_ALLOWED
    finally:
        stopping.cancel()
        looking.cancel()
        await runner.cleanup()
    return 0


def _told_to_stop(number: signal.Signals, vitals: Vitals, stop: asyncio.Event, patience: float) -> None:
    if vitals.closing:
        logger.warning("%s again: ending at once", number.name)
        sys.stdout.flush()
        os._exit(128 + number)
    vitals.closing = True
    logger.info("%s: taking no more commands", number.name, extra={"patience_seconds": patience})
    stop.set()


def _unhandled(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    logger.error("uncaught: %s", context["message"], exc_info=context.get("exception"))


async def stay_connected(settings: Settings, vitals: Vitals) -> None:
    """Connects, again and again with growing pauses, until cancelled. Raises Hopeless."""
    pause = 1.0
    while True:
        client = Harbour(vitals)
        since = time.monotonic()
        try:
            await point_to(settings.api)
            await client.start(settings.token)
            reason = "the connection ended"
        except discord.LoginFailure:
            raise Hopeless(_HOPELESS[4004]) from None
        except discord.PrivilegedIntentsRequired:
            raise Hopeless(_HOPELESS[4014]) from None
        except discord.ConnectionClosed as error:
            if error.code in _HOPELESS:
                raise Hopeless(_HOPELESS[error.code]) from None
            reason = f"Discord closed the connection with {error.code}"
        except (OSError, TimeoutError, aiohttp.ClientError, discord.DiscordException) as error:
            reason = f"{type(error).__name__}: {error}".strip(": ")
        except AttributeError as error:  # discord.py 2.7, when its very first connection to the gateway fails
            reason = f"the gateway cannot be reached ({error.__context__})"
        finally:
            await client.close()
        if time.monotonic() - since > _LASTED:
            pause = 1.0
        vitals.disconnected(f"cannot connect: {reason}")
        logger.warning("cannot connect", extra={"reason": reason, "again_in_seconds": pause})
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


async def point_to(api: str | None) -> None:
    """Lets the library talk to another API than Discord's, and to the gateway that it names."""
    if api is None:
        return
    Route.BASE = f"{api}/v10"
    timeout = aiohttp.ClientTimeout(total=10)
    async with (
        aiohttp.ClientSession(timeout=timeout, raise_for_status=True) as session,
        session.get(f"{Route.BASE}/gateway") as answer,
    ):
        DiscordWebSocket.DEFAULT_GATEWAY = URL((await answer.json())["url"])
