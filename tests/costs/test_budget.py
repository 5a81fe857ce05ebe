"""What fits a budget: greedy against every subset."""

from __future__ import annotations

import itertools
import random

import pytest

from bits.costs.assumptions import CostError
from bits.costs.budget import chosen, hours


def best(values, needs, cost, budget):
    """The most that any subset within the budget is worth."""
    most = 0.0
    for size in range(len(values) + 1):
        for names in itertools.combinations(values, size):
            jobs = frozenset().union(*(needs[name] for name in names))
            if sum(cost[job] for job in jobs) <= budget:
                most = max(most, sum(values[name] for name in names))
    return most


def case(seed: int, shared: bool):
    chance = random.Random(seed)
    exhibits, jobs = "ABCDEFG", "abcdefghij"
    cost = {job: chance.randint(1, 9) for job in jobs}
    needs = {name: frozenset(chance.sample(jobs, chance.randint(1, 3))) for name in exhibits}
    if not shared:
        needs = {name: frozenset(job) for name, job in zip(exhibits, jobs, strict=False)}
    return {name: chance.randint(1, 12) for name in exhibits}, needs, cost, chance.randint(5, 40)


@pytest.mark.parametrize("seed", range(15))
def test_at_least_half_of_the_best_where_nothing_is_shared(seed):
    values, needs, cost, budget = case(seed, shared=False)
    found = sum(values[choice.name] for choice in chosen(values, needs, cost, budget))
    assert best(values, needs, cost, budget) / 2 <= found <= best(values, needs, cost, budget)


def test_near_the_best_where_jobs_are_shared():
    shares = []
    for seed in range(30):
        values, needs, cost, budget = case(seed, shared=True)
        choices = chosen(values, needs, cost, budget)
        paid = frozenset().union(*(needs[choice.name] for choice in choices))
        assert sum(cost[job] for job in paid) <= budget
        assert choices == [] or choices[-1].total == pytest.approx(sum(cost[job] for job in paid))
        for name in set(values) - {choice.name for choice in choices}:
            assert sum(cost[job] for job in paid | needs[name]) > budget, "something that fits was left"
        shares.append(sum(values[choice.name] for choice in choices) / (best(values, needs, cost, budget) or 1))
    assert min(shares) > 0.6
    assert sum(shares) / len(shares) > 0.93


def test_a_shared_job_is_paid_once_and_what_is_paid_comes_at_once():
    values = {"figure": 1.0, "table": 6.0, "other": 2.0}
    needs = {"figure": frozenset("ab"), "table": frozenset("abc"), "other": frozenset("d")}
    cost = {"a": 2.0, "b": 2.0, "c": 1.0, "d": 4.0}
    choices = chosen(values, needs, cost)
    assert [(choice.name, choice.added, choice.total) for choice in choices] == [
        ("table", 5.0, 5.0),
        ("figure", 0.0, 5.0),
        ("other", 4.0, 9.0),
    ]
    assert [choice.name for choice in chosen(values, needs, cost, 5.0)] == ["table", "figure"]
    assert chosen(values, needs, cost, 0.5) == []


def test_one_large_exhibit_is_not_lost_to_a_small_cheap_one():
    values, needs = {"small": 2.0, "large": 100.0}, {"small": frozenset("a"), "large": frozenset("b")}
    choices = chosen(values, needs, {"a": 1.0, "b": 100.0}, 100.0)
    assert [choice.name for choice in choices] == ["large"]


def test_budgets_as_they_are_written():
    given = {"100h": 100, "90m": 1.5, "2d": 48, "1.5h": 1.5, "100": 100, ".5 h": 0.5, "3H": 3}
    assert {text: hours(text) for text in given} == given


@pytest.mark.parametrize("text", ["", "h", "-3h", "0h", "ten hours", "1e3h", "100 GPUs", "5w"])
def test_a_budget_that_cannot_be_read_is_refused(text):
    with pytest.raises(CostError, match="such as 100h, 90m, 2d"):
        hours(text)
