"""Outlives the process that has a lab, by as long as it takes to remove the lab: started by `machines.berths`."""

from __future__ import annotations

import sys

from machines import berths

if __name__ == "__main__":
    berths.await_end(int(sys.argv[1]), int(sys.argv[2]))
