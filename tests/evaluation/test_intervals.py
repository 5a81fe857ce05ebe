"""Intervals against resampling outcome by outcome."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import binom

from bits.evaluation.intervals import RESAMPLES, Estimate, accuracy, accuracy_curve, intervals_of, means, values_of


def resampled(outcomes: np.ndarray, times: int) -> np.ndarray:
    """Means of outcomes drawn with replacement, one by one."""
    generator = np.random.default_rng(1)
    return np.array([generator.choice(outcomes, len(outcomes)).mean() for _ in range(times)])


@pytest.mark.parametrize(("right", "n"), [(30, 40), (3, 40), (700, 1000)])
def test_an_accuracys_interval_is_that_of_resampled_images(right: int, n: int) -> None:
    found = accuracy(right / n, n)
    low, high = np.quantile(resampled(np.repeat([1.0, 0.0], [right, n - right]), 20_000), [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx((low, high), abs=1.001 / n)
    assert found.low < found.value < found.high and found.n == n


@pytest.mark.parametrize("n", [1, 7, 160, 2625, 50_000])
def test_an_accuracys_interval_is_the_binomials(n: int) -> None:
    for right in {1, n // 3, n // 2, n - 1} - {0, n}:
        found = accuracy(right / n, n)
        assert [found.low * n, found.high * n] == pytest.approx(binom.ppf([0.025, 0.975], n, right / n), abs=1e-6)


def test_equal_outcomes_leave_a_point() -> None:
    assert [(one.low, one.high) for one in (accuracy(0.0, 50), accuracy(1.0, 50))] == [(0.0, 0.0), (1.0, 1.0)]


def test_a_curve_has_the_interval_of_each_of_its_points() -> None:
    shares = [0.1, 0.5, 1.0]
    found = accuracy_curve(range(3), shares, 60)
    assert found.value == {"x": [0, 1, 2], "y": shares}
    alone = [accuracy(share, 60) for share in shares]
    assert (found.low, found.high) == ([one.low for one in alone], [one.high for one in alone])


def test_a_means_interval_is_that_of_resampled_queries() -> None:
    scores = torch.rand(200, generator=torch.Generator().manual_seed(0), dtype=torch.float64) ** 3
    found = means({"map": float(scores.mean())}, {"map": scores})["map"]
    expected = resampled(scores.numpy(), 20_000)
    low, high = np.quantile(expected, [0.025, 0.975])
    error = 4 * 0.085 * expected.std() * (1000 / RESAMPLES) ** 0.5  # of a percentile of RESAMPLES draws
    assert (found.low, found.high) == pytest.approx((low, high), abs=error)
    assert means({"map": 0.0}, {"map": scores})["map"].interval == found.interval, "the same draws every time"


def test_means_of_one_draw_are_those_of_each_alone_and_stay_below_one() -> None:
    many = {"map": torch.rand(50, dtype=torch.float64), "perfect": torch.full((50,), 1 + 1e-15, dtype=torch.float64)}
    together = means(dict.fromkeys(many, 0.0), many)
    for name, scores in many.items():
        assert together[name].low == pytest.approx(means({name: 0.0}, {name: scores})[name].low, abs=1e-12)
    assert (together["perfect"].low, together["perfect"].high) == (1.0, 1.0)


def test_values_and_intervals_are_told_apart() -> None:
    measured = {"map": Estimate(0.5, 10, 0.3, 0.7), "dimension": 96}
    assert values_of(measured) == {"map": 0.5, "dimension": 96}
    assert intervals_of(measured) == {"map": {"n": 10, "low": 0.3, "high": 0.7}}
    assert float(measured["map"]) == 0.5  # type: ignore[arg-type]
