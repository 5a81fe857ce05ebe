"""How long jobs take together on a number of devices: list scheduling of a graph."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bits.costs.assumptions import CostError


@dataclass(frozen=True)
class Task:
    """needs: names of the tasks before it; one that is not in the graph has been done. devices: held while it runs."""

    seconds: float
    devices: int
    needs: Sequence[str] = ()


def critical_path(tasks: Mapping[str, Task]) -> dict[str, float]:
    """Seconds from the start of each task to the end of the longest chain that waits for it, itself included."""
    after: dict[str, list[str]] = {name: [] for name in tasks}
    for name, task in tasks.items():
        for need in task.needs:
            if need in after:
                after[need].append(name)
    length: dict[str, float] = {}

    def found(name: str) -> float:
        if name not in length:
            length[name] = tasks[name].seconds + max((found(later) for later in after[name]), default=0.0)
        return length[name]

    for name in tasks:
        found(name)
    return length


def makespan(tasks: Mapping[str, Task], devices: int) -> float:
    """Seconds until all are done on that many devices: whenever some are free, the ready task with the longest
    chain behind it that fits is started.

    At least the critical path and the work divided by the devices. At most (2 - 1/devices) times the best
    schedule when every task holds one device (Graham 1969), as nearly all do. Raises CostError for a task that
    holds more devices than there are.
    """
    widest = max((task.devices for task in tasks.values()), default=0)
    if widest > devices:
        raise CostError(f"one job needs {widest} devices at a time, and there are {devices}; give at least {widest}")
    urgency = critical_path(tasks)
    waiting = {name: {need for need in task.needs if need in tasks} for name, task in tasks.items()}
    free, clock, running = devices, 0.0, list[tuple[float, str]]()
    while waiting or running:
        ready = sorted((name for name, needs in waiting.items() if not needs), key=lambda name: -urgency[name])
        for name in ready:
            if tasks[name].devices <= free:
                free -= tasks[name].devices
                heapq.heappush(running, (clock + tasks[name].seconds, name))
                del waiting[name]
        if not running:
            raise CostError(f"these jobs wait for one another: {', '.join(sorted(waiting))}")
        clock, ended = heapq.heappop(running)
        free += tasks[ended].devices
        for needs in waiting.values():
            needs.discard(ended)
    return clock
