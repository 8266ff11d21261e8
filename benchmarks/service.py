"""The figures of the service on this machine, each measured anew in every run with the sample bot harbour-py."""

from __future__ import annotations

from benchmarks.logins import logins
from benchmarks.switches import switches, unchanged

MEASUREMENTS = {
    "switches": switches,
    "unchanged": unchanged,
    "logins": logins,
}
