"""Outlives the process that has a lab, by as long as it takes to remove the lab: `python -m machines.reaper NUMBER`."""

from __future__ import annotations

import sys

from machines import berths

if __name__ == "__main__":
    berths.await_end(int(sys.argv[1]))
