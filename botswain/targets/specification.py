"""What the host is told of a profile's service, and what the bot's secrets are called there."""

from __future__ import annotations

from collections.abc import Mapping

from botswain.host import place as host
from botswain.profile.settings import Profile, Service
from botswain.targets.supervisor import Daemon

DISCORD = "https://discord.com/api/v10"
TOKEN_FILE = "discord_token"  # noqa: S105 - the file's name, as systemd's LoadCredential= has it
API_FILE = "discord_api"
"""Holds where the bot finds its API. A file like a secret's: the address may change, and is no part of a release."""


def specification(profile: Profile, service: Service, daemon: Daemon) -> host.Service:
    """The profile's section as the host knows it."""
    secrets: Mapping[str, str] = {
        **({service.token: TOKEN_FILE} if service.token else {}),
        **({"DISCORD_API": API_FILE} if profile.api != DISCORD else {}),
        **{name: name for name in service.secrets},
    }
    port = {"PORT": str(service.port)} if service.port is not None else {}
    health = service.health
    return host.Service(
        name=profile.name,
        run=service.run,
        build=service.build,
        lint=service.lint,
        test=service.test,
        build_timeout=service.build_timeout,
        shared=service.shared,
        environment={**service.environment, **port},
        secrets=secrets,
        health=host.Health(
            health.alive, health.ready, health.deadline, health.stable_for, health.interval, health.timeout
        ),
        stop_timeout=service.stop_timeout,
        keep=service.keep_releases,
        manager={
            "kind": "supervisor",
            "socket": str(daemon.socket),
            "program": "bot",
            "log": str(daemon.root / "logs/bot.log"),
        },
    )
