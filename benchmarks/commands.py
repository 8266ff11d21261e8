"""The figures of the commands part, each measured anew in every run.

Memory comes first: a child's peak includes what its parent held when it was started.
"""

from __future__ import annotations

from benchmarks.differences import differences
from benchmarks.memory import memory
from benchmarks.pace import pace
from benchmarks.times import noop_apply, task_list
from benchmarks.traffic import traffic

MEASUREMENTS = {
    "memory": memory,
    "traffic": traffic,
    "differences": differences,
    "pace": pace,
    "list": task_list,
    "apply": noop_apply,
}
