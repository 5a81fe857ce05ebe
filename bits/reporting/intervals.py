"""The 95 % bootstrap intervals that metrics files hold beside their numbers (bits.evaluation.intervals)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bits.reporting.files import ReportError


@dataclass(frozen=True)
class Interval:
    """Where a number from n test images or queries would fall on others of the kind; low, high: in its unit."""

    n: int
    low: float
    high: float


def read_intervals(stored: Mapping[str, Any] | None, factor: float, where: str) -> tuple[Interval, ...]:
    """The interval of a number, or those of a series' points in their order; none of what has none.

    factor: stored value times factor = value in the unit shown. Raises ReportError for what is not an interval.
    """
    if stored is None:
        return ()
    try:
        n, low, high = stored["n"], stored["low"], stored["high"]
        ends = zip(low, high, strict=True) if isinstance(low, list) else ((low, high),)
        return tuple(Interval(int(n), factor * at_least, factor * at_most) for at_least, at_most in ends)
    except (KeyError, TypeError, ValueError) as error:
        raise ReportError(f"{where}: expected n, low and high, found {stored!r:.80}") from error
