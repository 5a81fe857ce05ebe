"""List scheduling, held against every order of small cases."""

from __future__ import annotations

import itertools
import random

import pytest

from bits.costs.assumptions import CostError
from bits.costs.schedule import Task, critical_path, makespan


def best(tasks: dict[str, Task], devices: int) -> float:
    """The shortest schedule of tasks of one device: in every order, each as early as it can be."""
    shortest = float("inf")
    for order in itertools.permutations(tasks):
        free, ends = [0.0] * devices, dict[str, float]()
        for name in order:
            if any(need not in ends for need in tasks[name].needs):
                break
            first = min(range(devices), key=lambda device: free[device])
            start = max([free[first], *(ends[need] for need in tasks[name].needs)])
            free[first] = ends[name] = start + tasks[name].seconds
        else:
            shortest = min(shortest, max(ends.values()))
    return shortest


@pytest.mark.parametrize("seed", range(12))
def test_near_the_best_of_all_orders(seed):
    chance = random.Random(seed)
    names = "abcdef"
    tasks = {
        name: Task(chance.randint(1, 9), 1, [other for other in names[:place] if chance.random() < 0.3])
        for place, name in enumerate(names)
    }
    devices = chance.randint(1, 3)
    found = makespan(tasks, devices)
    shortest = best(tasks, devices)
    assert shortest - 1e-9 <= found <= (2 - 1 / devices) * shortest + 1e-9
    assert found >= max(critical_path(tasks).values())
    assert found >= sum(task.seconds for task in tasks.values()) / devices - 1e-9


def test_one_device_takes_the_sum_and_many_the_longest_chain():
    tasks = {"a": Task(3, 1), "b": Task(4, 1, ["a"]), "c": Task(5, 1), "page": Task(1, 0, ["b", "c"])}
    assert makespan(tasks, 1) == 13
    assert makespan(tasks, 2) == makespan(tasks, 9) == 8
    assert critical_path(tasks) == {"a": 8, "b": 5, "c": 6, "page": 1}
    assert makespan({}, 4) == 0


def test_a_task_on_several_devices_waits_until_they_are_free():
    tasks = {"wide": Task(2, 4), "one": Task(3, 1), "two": Task(3, 1)}
    assert makespan(tasks, 4) == 5
    assert makespan(tasks, 6) == 3
    with pytest.raises(CostError, match="needs 4 devices"):
        makespan(tasks, 3)


def test_what_is_not_in_the_graph_has_been_done():
    assert makespan({"b": Task(4, 1, ["a"])}, 1) == 4
