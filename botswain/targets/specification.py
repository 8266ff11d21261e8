"""What the host is told of a profile's service, and what the bot's secrets are called there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from botswain.host import place as host
from botswain.host import ports
from botswain.profile.settings import Health, Profile, Service, Workers
from botswain.targets.supervisor import Daemon

DISCORD = "https://discord.com/api/v10"
TOKEN_FILE = "discord_token"  # noqa: S105 - the file's name, as systemd's LoadCredential= has it
API_FILE = "discord_api"
"""Holds where the bot finds its API. A file like a secret's: the address may change, and is no part of a release."""

PRELOADS = {"NODE_OPTIONS": "preload_node", "PYTHONPATH": "preload_python"}
"""Variables that point an unchanged bot at the sandbox, and the files that hold them: no part of a release, either."""
_PRELOAD = Path(__file__).resolve().parents[1] / "preload"


def preloads(environment: Mapping[str, str]) -> dict[str, str]:
    """What those files hold: what the profile's `environment` says, and our part behind or before it."""
    node = str(_PRELOAD / "discord.cjs").replace("\\", "\\\\").replace('"', '\\"')
    options = [environment.get("NODE_OPTIONS", ""), f'--require="{node}"']
    path = [str(_PRELOAD / "python"), environment.get("PYTHONPATH", "")]
    return {
        PRELOADS["NODE_OPTIONS"]: " ".join(filter(None, options)),
        PRELOADS["PYTHONPATH"]: os.pathsep.join(filter(None, path)),
    }


def specification(profile: Profile, service: Service, manager: Mapping[str, str], user: str = "") -> host.Service:
    """The profile's section as the host knows it. `user` builds and runs it; empty for whoever acts."""
    secrets: Mapping[str, str] = {
        **({service.token: TOKEN_FILE} if service.token else {}),
        **({"DISCORD_API": API_FILE} if profile.api != DISCORD else {}),
        **(PRELOADS if profile.sandbox else {}),
        **{name: name for name in service.secrets},
    }
    return host.Service(
        name=profile.name,
        run=service.run,
        build=service.build,
        lint=service.lint,
        test=service.test,
        build_timeout=service.build_timeout,
        shared=service.shared,
        environment={**_port(service.port, service.health), **service.environment},
        secrets=secrets,
        health=_health(service.health),
        stop_timeout=service.stop_timeout,
        keep=service.keep_releases,
        manager=manager,
        user=user,
    )


def for_workers(specified: host.Service, workers: Workers) -> host.Service:
    """The same for a host that runs a worker."""
    environment = {name: value for name, value in specified.environment.items() if name != "PORT"}
    return replace(
        specified,
        run=workers.run,
        environment={**environment, **_port(workers.port, workers.health), **workers.environment},
        health=_health(workers.health),
    )


def supervised(daemon: Daemon) -> Mapping[str, str]:
    """The manager of the bot on this machine."""
    log = str(daemon.root / "logs/bot.log")
    return {"kind": "supervisor", "socket": str(daemon.socket), "program": "bot", "log": log}


def _port(port: int | None, health: Health) -> Mapping[str, str]:
    """Where the bot is to listen: where it is asked how it is, unless the profile says it."""
    asked = ports.addresses((health.ready, health.alive))
    found = port if port is not None else next((one for _, one in asked), None)
    return {"PORT": str(found)} if found is not None else {}


def _health(health: Health) -> host.Health:
    return host.Health(health.alive, health.ready, health.deadline, health.stable_for, health.interval, health.timeout)
