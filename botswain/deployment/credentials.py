"""The credentials gate: a token is used only where it belongs.

The first part of a bot token hints at its application, which is enough to refuse before anything is sent; Discord's
own answer to `/applications/@me` decides.
"""

from __future__ import annotations

import base64

from botswain.discord.token import application_id_hint, well_formed
from botswain.errors import InvalidInput, Problem, Refused
from botswain.profile.load import Profile, others
from botswain.secrets.environment import bare, origin, prefix, variable
from botswain.secrets.redaction import default as redactor

SANDBOX_APPLICATION = "100000000000000001"


def token(profile: Profile) -> str:
    """The profile's bot token, registered for redaction; a sandbox gets a made-up one if none is set.

    Raises InvalidInput when there is none or it is malformed, Refused when it is another environment's.
    """
    name = f"{prefix(profile.name)}TOKEN"
    value = variable(name)
    if value is None and profile.rehearsal:
        return sandbox_token(profile)
    if value is None:
        message = f'is not set; export it, or put {name}=… in .env, or set "api: sandbox" in {profile.file}'
        raise InvalidInput([Problem(origin(name), name, message)])
    value = bare(value)
    redactor.register(value, name)
    if not well_formed(value):
        message = "is no bot token; copy it again from the Bot page of the application"
        raise InvalidInput([Problem(origin(name), name, message)])
    _refuse_production_token(profile, name, value)
    return value


def sandbox_token(profile: Profile) -> str:
    """A token that the sandbox accepts; not a secret."""
    application = profile.application_id or SANDBOX_APPLICATION
    return f"{base64.urlsafe_b64encode(application.encode()).decode().rstrip('=')}.sandbox.{'x' * 27}"


def belongs(profile: Profile, application_id: str) -> None:
    """Raises Refused unless Discord's answer (`application_id`) is the application that the profile names."""
    name = f"{prefix(profile.name)}TOKEN"
    if profile.application_id not in (None, application_id):
        raise Refused(
            f"{name} belongs to application {application_id}, but this profile is for {profile.application_id}",
            where=profile.file,
            fix="use that application's token, or correct application_id",
        )
    for other in others(profile):
        if (other.application_id or application_id_hint(_token_of(other) or "")) != application_id:
            continue
        if other.production and not profile.production:
            raise _production(name, profile, other)
        shared = sorted({*profile.guild_ids} & {*other.guild_ids})
        if shared:
            raise Refused(
                f"guild {', '.join(shared)} is also in {other.file}, for the same application {application_id}",
                where=f"{profile.file}: guild_ids",
                fix="each guild belongs to one environment; take it out of one of them",
            )


def _refuse_production_token(profile: Profile, name: str, value: str) -> None:
    for other in others(profile):
        if not other.production or profile.production:
            continue
        same_application = other.application_id is not None and application_id_hint(value) == other.application_id
        if same_application or _token_of(other) == value:
            raise _production(name, profile, other)


def _token_of(other: Profile) -> str | None:
    try:
        value = variable(f"{prefix(other.name)}TOKEN")
    except InvalidInput:
        return None  # that profile's own run says so
    return None if value is None else bare(value)


def _production(name: str, profile: Profile, other: Profile) -> Refused:
    return Refused(
        f"{name} holds production credentials: they belong to {other.file}",
        where=profile.file,
        fix=f"give {profile.name} an application and a token of its own",
    )
