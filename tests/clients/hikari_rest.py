"""hikari's REST client against the API at argv[1]: bulk set, fetch, and one refusal. Prints JSON.

usage: python hikari_rest.py API_URL TOKEN APPLICATION_ID GUILD_ID
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import hikari


async def run(url: str, token: str, application: int, guild: int) -> dict[str, Any]:
    """Sets a guild's commands and reads them back."""
    app = hikari.RESTApp(url=url)
    await app.start()
    try:
        async with app.acquire(token, hikari.TokenType.BOT) as client:
            me = await client.fetch_application()
            echo = client.slash_command_builder("echo", "Says it again").add_option(
                hikari.CommandOption(
                    type=hikari.OptionType.STRING, name="text", description="What to say", is_required=True
                )
            )
            report = client.context_menu_command_builder(hikari.CommandType.MESSAGE, "Report This")
            made = await client.set_application_commands(application, [echo, report], guild=guild)
            fetched = await client.fetch_application_commands(application, guild=guild)
            bad = client.slash_command_builder("echo", "x" * 101)
            try:
                await client.set_application_commands(application, [bad], guild=guild)
            except hikari.BadRequestError as error:
                refusal = {"code": error.code, "message": error.message, "errors": error.errors}
            gateway = await client.fetch_gateway_bot_info()
            return {
                "application": str(me.id),
                "made": {one.name: str(one.id) for one in made},
                "fetched": {one.name: str(one.id) for one in fetched},
                "options": [option.name for option in fetched[0].options or ()],
                "refusal": refusal,
                "sessions": gateway.session_start_limit.remaining,
            }
    finally:
        await app.close()


if __name__ == "__main__":
    address, secret, app_id, guild_id = sys.argv[1:]
    sys.stdout.write(json.dumps(asyncio.run(run(address, secret, int(app_id), int(guild_id)))))
