"""How far long work on many files is, for whoever waits. Never imports torch."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Literal

FIRST_S, EVERY_S = 3.0, 15.0  # after so long the first line comes, and then at these intervals
MIB = 2**20


class Pace:
    """Lines on stderr: how much of `total` is done, at what rate, and how long the rest takes.

    what: the work, as "data/set: reading images". unit: of `total`. Work that is done before the first line is due is
    never mentioned.
    """

    def __init__(
        self,
        what: str,
        total: int,
        unit: Literal["images", "bytes"],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.what, self.total, self.unit, self.clock = what, total, unit, clock
        self.done, self.started = 0, clock()
        self.due = self.started + FIRST_S

    def add(self, done: int) -> None:
        """So much more is done."""
        self.done += done
        if self.clock() >= self.due:
            self.due = self.clock() + EVERY_S
            print(self.text(), file=sys.stderr, flush=True)

    def text(self) -> str:
        """ "data/set: reading images: 120 of 4,096 MiB, 60.0 MiB/s, 66 s left"."""
        rate = self.done / max(self.clock() - self.started, 1e-9)
        left = (self.total - self.done) / max(rate, 1e-9)
        scale, unit = (MIB, "MiB") if self.unit == "bytes" else (1, "images")
        done, total = self.done / scale, self.total / scale
        return f"{self.what}: {done:,.0f} of {total:,.0f} {unit}, {rate / scale:,.3g} {unit}/s, {_time(left)} left"


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:,.0f} min"
