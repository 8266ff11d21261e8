"""What the double says about an application, its bot user and the gateway."""

from __future__ import annotations

import hashlib
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botswain.discord.enums import IntegrationType
from botswain.sandbox.answers import answer, form_error
from botswain.sandbox.auth import IDENTIFY
from botswain.sandbox.community import people
from botswain.sandbox.forms import Form
from botswain.sandbox.starts import start_limit
from botswain.sandbox.world import TOKEN_SECONDS

if TYPE_CHECKING:
    from botswain.sandbox.model import Response
    from botswain.sandbox.router import Call

_EDITABLE = {
    "description",
    "tags",
    "flags",
    "icon",
    "cover_image",
    "custom_install_url",
    "install_params",
    "integration_types_config",
    "interactions_endpoint_url",
    "role_connections_verification_url",
    "event_webhooks_url",
    "event_webhooks_status",
    "event_webhooks_types",
}


def get_application(call: Call) -> Response:
    """`/applications/@me` and `/oauth2/applications/@me`."""
    return answer(_private(call))


def edit_application(call: Call) -> Response:
    """PATCH of the own application; unknown keys are ignored."""
    form = Form()
    body = form.model((), call.json()) or {}
    config = body.get("integration_types_config")
    if config is not None and not (isinstance(config, dict) and config and set(config) <= _INSTALL_KEYS):
        form.add(("integration_types_config",), "DICT_TYPE_CONVERT", "Expected install types 0 and 1 as keys")
    url = body.get("interactions_endpoint_url")
    if url is not None and not (isinstance(url, str) and url.startswith("https://")):
        form.add(("interactions_endpoint_url",), "URL_TYPE_INVALID_URL", "Not a well formed URL.")
    if form.errors:
        raise form_error(form.errors)
    stored = call.world.application(call.application)
    stored.update({key: value for key, value in body.items() if key in _EDITABLE})
    call.world.save_application(call.application, stored)
    return answer(_private(call))


_INSTALL_KEYS = {str(int(kind)) for kind in IntegrationType}


def get_user(call: Call) -> Response:
    """`/users/@me`: the bot, or the owner who stands behind an OAuth2 token."""
    user = people.bot(call.application) if call.caller and call.caller.is_bot else people.owner(call.application)
    return answer({**user, "mfa_enabled": True, "locale": "en-US", "verified": True, "email": None})


def get_authorization(call: Call) -> Response:
    """`/oauth2/@me`: whose token this is and what it may do."""
    scopes = sorted(call.caller.scopes or ()) if call.caller else []
    expires = datetime.fromtimestamp(call.world.now() + TOKEN_SECONDS, UTC)
    told = {"application": _public(call), "scopes": scopes, "expires": expires.isoformat()}
    return answer(told | ({"user": people.owner(call.application)} if IDENTIFY in scopes else {}))


def get_gateway(call: Call) -> Response:
    """`/gateway`."""
    return answer({"url": _gateway_url(call)})


def get_gateway_bot(call: Call) -> Response:
    """`/gateway/bot`: how many shards, and how many sessions may still be started today."""
    application, world = call.application, call.world
    shards = max(1, math.ceil(len(world.guilds(application)) / world.settings.guilds_per_shard))
    left = vars(start_limit(world, application))
    return answer({"url": _gateway_url(call), "shards": shards, "session_start_limit": left})


def _gateway_url(call: Call) -> str:
    """Always this double's own address: a bot's token must not travel from here to Discord."""
    return f"ws://{call.request.header('host') or '127.0.0.1'}"


def _public(call: Call) -> dict[str, Any]:
    application = call.application
    return {
        "id": application,
        "name": f"sandbox-{application}",
        "icon": None,
        "description": "",
        "type": None,
        "bot": people.bot(application),
        "bot_public": True,
        "bot_require_code_grant": False,
        "integration_types_config": {str(kind): {} for kind in call.world.install_types(application)},
        "verify_key": hashlib.sha256(application.encode()).hexdigest(),
        "flags": 0,
        "flags_new": "0",
        "summary": "",
    }


def _private(call: Call) -> dict[str, Any]:
    stored = call.world.application(call.application)
    description = stored.get("description")
    if isinstance(description, dict):
        stored["description"] = description.get("default", "")
    return {
        **_public(call),
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "owner": people.owner(call.application),
        "approximate_guild_count": 1,
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "team": None,
        "eligible_oauth2_scopes": [],
        **{key: value for key, value in stored.items() if value is not None or key.endswith("_url")},
    }
