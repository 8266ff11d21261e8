"""What `status` says of the bot: what is live, never what is only on record."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from botswain.cli.recorded import _service_rows
from botswain.errors import BotswainError
from botswain.hosts.provision import provision
from botswain.manifest import ServiceRecord
from botswain.targets.base import ServiceState

OLD, NEW = "20261128-010101-aaaaaaaa", "20261128-020202-bbbbbbbb"


def rows(**fields: Any) -> dict[str, str]:
    """What is told when the old release is on record."""
    session = SimpleNamespace(profile=SimpleNamespace(name="stage"))
    manifest = SimpleNamespace(service=ServiceRecord("vm", OLD, "a" * 40, None))
    state = ServiceState(**{"target": "vm", "release": OLD, "commit": "a" * 40, "running": True, **fields})
    return dict(_service_rows(cast("Any", session), cast("Any", manifest), state, None))


def test_what_is_live_is_told_also_before_it_is_confirmed() -> None:
    """At night the first line is what one reads."""
    told = rows(release=NEW, commit="b" * 40, unconfirmed=NEW, until=1.0)
    assert told["service"] == f"release {NEW} of commit bbbbbbbbbbbb: running"
    assert told["switch"].startswith(f"to release {NEW} is not confirmed")
    assert "on record" not in told


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"release": NEW, "commit": "b" * 40}, "not the recorded one is live: somebody went elsewhere"),
        ({"release": None, "commit": None, "running": False}, "none is there yet, on vm: ./inv deploy --env stage"),
    ],
)
def test_what_is_live_is_not_what_is_on_record(fields: dict[str, Any], why: str) -> None:
    """A new host on which nothing is yet is nobody's doing."""
    told = rows(**fields)
    assert told["on record"].startswith(f"release {OLD} of commit aaaaaaaaaaaa, ")
    assert why in told["on record"]


def test_there_is_no_server_to_make_ready(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bot of this machine has none."""
    monkeypatch.chdir(tmp_path)
    service = SimpleNamespace(target="local")
    profile = SimpleNamespace(name="trial", service=service, file="profiles/trial.yaml")
    with pytest.raises(BotswainError, match="the bot runs on this machine: there is no server to make ready"):
        provision(cast("Any", profile), check=True, say=print)
