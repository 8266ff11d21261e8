"""The figures of the commands part, each measured anew in every run.

Memory comes first: a child's peak includes what its parent held when it was started.
"""

from __future__ import annotations

from benchmarks.bots import bots
from benchmarks.clones import clones
from benchmarks.differences import differences
from benchmarks.memory import memory
from benchmarks.pace import pace
from benchmarks.shared_state import shared_state
from benchmarks.times import noop_apply, task_list
from benchmarks.traffic import traffic

MEASUREMENTS = {
    "memory": memory,
    "traffic": traffic,
    "differences": differences,
    "bots": bots,
    "pace": pace,
    "list": task_list,
    "apply": noop_apply,
    "state": shared_state,
    "clones": clones,
}
