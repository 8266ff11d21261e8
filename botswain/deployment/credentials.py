"""The credentials gate: a token or client secret is used only where it belongs.

The first part of a bot token hints at its application, which is enough to refuse before anything is sent; Discord's
own answer to `/applications/@me`, or `/oauth2/@me` for client credentials, decides.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field

from botswain.discord.token import application_id_hint, well_formed
from botswain.errors import InvalidInput, Problem, Refused
from botswain.profile.load import others
from botswain.profile.settings import Profile
from botswain.secrets.environment import bare, origin, prefix, variable
from botswain.secrets.redaction import default as redactor

SANDBOX_APPLICATION = "100000000000000001"
_CLIENT_SECRET = re.compile(r"[\w-]{16,128}", re.ASCII)


@dataclass(frozen=True)
class ClientSecret:
    """Client credentials: what Discord trades for an access token."""

    application_id: str
    secret: str = field(repr=False)


def credentials(profile: Profile) -> str | ClientSecret:
    """What the profile is to use: its bot token or, where only that is set, its client secret.

    A token can do all that a secret can, and more. Raises as `token` does, and InvalidInput when the application id
    that belongs to a secret is not known.
    """
    name = variable_name(profile)
    if not name.endswith("CLIENT_SECRET"):
        return token(profile)
    value = (variable(name) or "").strip()
    redactor.register(value, name, rename=True)  # two environments of one application may share it
    if well_formed(bare(value)):
        message = f"is a bot token, not a client secret; put it into {prefix(profile.name)}TOKEN"
        raise InvalidInput([Problem(origin(name), name, message)])
    if not _CLIENT_SECRET.fullmatch(value):
        message = "is no client secret; copy it again from the OAuth2 page of the application"
        raise InvalidInput([Problem(origin(name), name, message)])
    application = profile.application_id or (SANDBOX_APPLICATION if profile.rehearsal else None)
    if application is None:
        message = f"is required with {name}; name it, or set {prefix(profile.name)}APPLICATION_ID"
        raise InvalidInput([Problem(profile.file, "application_id", message)])
    _refuse_production_secret(profile, name, value)
    return ClientSecret(application, value)


def variable_name(profile: Profile) -> str:
    """The variable whose credentials the profile uses: that of the client secret only if no token is set.

    Raises InvalidInput for one that is set but empty.
    """
    start = prefix(profile.name)
    bot, secret = variable(f"{start}TOKEN"), variable(f"{start}CLIENT_SECRET")
    return f"{start}CLIENT_SECRET" if bot is None and secret is not None else f"{start}TOKEN"


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
    redactor.register(value, name, rename=True)  # two environments of one application may share it
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
    name = variable_name(profile)
    if profile.application_id not in (None, application_id):
        what = "secret" if name.endswith("SECRET") else "token"
        raise Refused(
            f"{name} belongs to application {application_id}, but this profile is for {profile.application_id}",
            where=profile.file,
            fix=f"use that application's {what}, or correct application_id",
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


def anew(profile: Profile) -> str:
    """How an environment starts anew, without the records that it has."""
    state = profile.state
    if state.kind != "git":
        return "move the manifest away to start anew"
    from botswain.state.git.process import without_password

    remote = "" if state.remote == "origin" else f" remote: {without_password(state.remote)},"
    return f"name another ref to start anew (state: {{ kind: git,{remote} ref: {state.ref}-2 }})"


def _refuse_production_token(profile: Profile, name: str, value: str) -> None:
    for other in others(profile):
        if not other.production or profile.production:
            continue
        same_application = other.application_id is not None and application_id_hint(value) == other.application_id
        if same_application or _token_of(other) == value:
            raise _production(name, profile, other)


def _refuse_production_secret(profile: Profile, name: str, value: str) -> None:
    for other in others(profile):
        if other.production and not profile.production and _value_of(other, "CLIENT_SECRET") == value:
            raise _production(name, profile, other)


def _token_of(other: Profile) -> str | None:
    return _value_of(other, "TOKEN")


def _value_of(other: Profile, kind: str) -> str | None:
    try:
        value = variable(f"{prefix(other.name)}{kind}")
    except InvalidInput:
        return None  # that profile's own run says so
    return None if value is None else bare(value)


def _production(name: str, profile: Profile, other: Profile) -> Refused:
    return Refused(
        f"{name} holds production credentials: they belong to {other.file}",
        where=profile.file,
        fix=f"give {profile.name} an application and a {'secret' if name.endswith('SECRET') else 'token'} of its own",
    )
