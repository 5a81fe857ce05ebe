"""Which exhibits to make first, and which fit a budget, when they share jobs."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bits.costs.assumptions import CostError

HOURS = {"m": 1 / 60, "h": 1.0, "d": 24.0, "": 1.0}


@dataclass(frozen=True)
class Choice:
    """An exhibit in its turn. added: hours of the jobs that none before it needs. total: hours spent by then."""

    name: str
    added: float
    total: float


def hours(text: str) -> float:
    """Hours of "100h", "90m", "2d", "1.5h", "100"; raises CostError for anything else, 0 included."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?|\.\d+)\s*([mhd]?)\s*", text.lower())
    if found is None or not float(found[1]) > 0:
        raise CostError(f"--budget {text!r}: expected device-hours above 0, such as 100h, 90m, 2d or 1.5h")
    return float(found[1]) * HOURS[found[2]]


def chosen(
    values: Mapping[str, float],
    needs: Mapping[str, frozenset[str]],
    cost: Mapping[str, float],
    budget: float = math.inf,
) -> list[Choice]:
    """The exhibits to make, in order, for at most `budget` hours.

    values: what an exhibit is worth. needs: its jobs. cost: hours of each job, paid once. Each turn takes the exhibit
    with the most value per hour that it adds, among those that still fit. If starting with the most valuable single
    exhibit that fits gives more in the end, that is taken.

    Guaranteed: the budget is kept, and nothing that still fits is left out. Where exhibits share no jobs this is the
    knapsack problem, and the value is at least half of the best possible. Where they do, it is the set-union
    knapsack problem, for which no constant factor is known: the value is at least that of the best single exhibit.
    The tests compare it with all subsets of small cases.
    """
    greedy = _filled([], values, needs, cost, budget)
    fitting = [name for name in values if _hours(needs[name], cost) <= budget]
    if not fitting:
        return greedy
    seeded = _filled([max(fitting, key=lambda name: values[name])], values, needs, cost, budget)
    return max(greedy, seeded, key=lambda choices: sum(values[choice.name] for choice in choices))


def _filled(
    first: Sequence[str],
    values: Mapping[str, float],
    needs: Mapping[str, frozenset[str]],
    cost: Mapping[str, float],
    budget: float,
) -> list[Choice]:
    paid: set[str] = set()
    choices: list[Choice] = []
    total = 0.0
    left = [name for name in values if name not in first]
    queue = list(first)
    while queue or left:
        added = {name: _hours(needs[name] - paid, cost) for name in queue or left}
        fits = [name for name in added if total + added[name] <= budget]
        if not fits:
            break
        best = max(fits, key=lambda name: (_ratio(values[name], added[name]), values[name]))
        total += added[best]
        paid |= needs[best]
        choices.append(Choice(best, added[best], total))
        (queue or left).remove(best)
    return choices


def _hours(jobs: frozenset[str], cost: Mapping[str, float]) -> float:
    return sum(cost[job] for job in sorted(jobs))


def _ratio(value: float, added: float) -> float:
    return math.inf if added <= 0 else value / added
