"""The HTTP port: /healthz, /readyz and /metrics, for whoever watches over the bot."""

from aiohttp import web
from prometheus_client import exposition

from harbour import __version__
from harbour.vitals import Vitals

_VITALS = web.AppKey("vitals", Vitals)


async def start(vitals: Vitals, host: str, port: int) -> tuple[web.AppRunner, int]:
    """Serves until the runner's `cleanup()`; returns it and the port. Raises OSError when it cannot listen."""
    app = web.Application()
    app[_VITALS] = vitals
    app.router.add_get("/healthz", _health)
    app.router.add_get("/readyz", _readiness)
    app.router.add_get("/metrics", _metrics)
    # Answers take a millisecond; a connection that comes while it closes would be waited for as long as this.
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except BaseException:
        await runner.cleanup()
        raise
    return runner, runner.addresses[0][1]


async def _health(request: web.Request) -> web.Response:
    """That this is answered at all says that the event loop turns."""
    vitals = request.app[_VITALS]
    return web.json_response({"ok": True, "version": __version__, "commit": vitals.commit})


async def _readiness(request: web.Request) -> web.Response:
    vitals = request.app[_VITALS]
    if vitals.ready:
        return web.json_response({"ready": True, "commit": vitals.commit})
    reason = "shutting down" if vitals.closing else vitals.reason
    return web.json_response({"ready": False, "reason": reason, "commit": vitals.commit}, status=503)


async def _metrics(request: web.Request) -> web.Response:
    text = exposition.generate_latest(request.app[_VITALS].registry)
    return web.Response(body=text, headers={"Content-Type": exposition.CONTENT_TYPE_LATEST})
