"""What a number owes to the choice of its test images or queries: a 95 % bootstrap interval (percentiles).

An interval says where the number would fall on other test images of the same kind, with the same weights; what another
training would change, seeds say. Test images or queries are drawn with replacement, as many as there are, which leaves
a share of n outcomes of 0 or 1 binomial: its percentiles are exact, and nothing is drawn. Of other means RESAMPLES are
drawn. Where all outcomes are equal, 0 % or 100 %, so are all resamples, and the interval is a point.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

TAILS = (0.025, 0.975)
RESAMPLES = 1000  # the ends then lie within about 2 % of the interval's width of those of infinitely many
SEED = 0  # the same draws for every source, so that the intervals of two runs on one data set can be compared


@dataclass(frozen=True)
class Estimate:
    """A number from n test images or queries, between the ends of its interval; fractions.

    Of a series, {"x": [...], "y": [...]}, low and high hold an end for every y.
    """

    value: Any
    n: int
    low: Any
    high: Any

    def __float__(self) -> float:
        return float(self.value)

    @property
    def interval(self) -> dict[str, Any]:
        """As metrics files hold it."""
        return {"n": self.n, "low": self.low, "high": self.high}


def accuracy(share: float, n: int) -> Estimate:
    """The share of n test images that were classified correctly."""
    low, high = _binomial([share], n)
    return Estimate(share, n, low[0], high[0])


def accuracy_curve(x: Sequence[float], shares: Sequence[float], n: int) -> Estimate:
    """Such a share at every x."""
    return Estimate({"x": list(x), "y": list(shares)}, n, *_binomial(shares, n))


def means(values: Mapping[str, float], scores: Mapping[str, Tensor]) -> dict[str, Estimate]:
    """Means by their names, with the scores that each is the mean of, one for each of n queries: float64 [n].

    One draw of queries serves all of them.
    """
    import numpy as np

    table_nM = np.stack([scores[name].numpy() for name in values], axis=1)
    n, generator = len(table_nM), np.random.default_rng(SEED)
    resampled = np.empty((RESAMPLES, len(values)))
    for row in resampled:
        times_drawn_n = np.bincount(generator.integers(n, size=n), minlength=n)
        row[:] = times_drawn_n @ table_nM / n
    low, high = np.quantile(resampled, TAILS, axis=0).clip(max=1.0)  # rounding takes perfect rankings above 1
    ends = zip(values.items(), low.tolist(), high.tolist(), strict=True)
    return {name: Estimate(value, n, at_least, at_most) for (name, value), at_least, at_most in ends}


def values_of(measured: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers and series that an evaluator returned, without their intervals."""
    return {name: found.value if isinstance(found, Estimate) else found for name, found in measured.items()}


def intervals_of(measured: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The intervals of those that have one."""
    return {name: found.interval for name, found in measured.items() if isinstance(found, Estimate)}


def _binomial(shares: Sequence[float], n: int) -> tuple[list[float], list[float]]:
    """The TAILS' percentiles of the share of hits among n draws, for each probability of a hit.

    By adding up probabilities: scipy.stats has them, too, and takes most of a second to import in every evaluation.
    """
    import numpy as np

    hits = np.arange(n + 1)
    log_factorials = np.concatenate([[0.0], np.log(hits[1:]).cumsum()])
    log_ways = log_factorials[n] - log_factorials - log_factorials[::-1]
    low, high = [], []
    for share in shares:
        at_least, at_most = share, share
        if 0 < share < 1:
            log_probabilities = log_ways + hits * np.log(share) + (n - hits) * np.log1p(-share)
            at_least, at_most = (np.searchsorted(np.exp(log_probabilities).cumsum(), TAILS) / n).tolist()
        low.append(at_least)
        high.append(at_most)
    return low, high
