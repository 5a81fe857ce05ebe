"""The seeds of one thing together: mean, deviation, and how many of those expected there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean, stdev

from bits.reporting.intervals import Interval
from bits.reporting.results import MISSING, Reading, Status

MARK = "\N{DAGGER}"
_ENDED: tuple[Status, ...] = ("collapse", "diverges")
_WORDS: tuple[Status, ...] = ("measured", *_ENDED, "does not apply", *MISSING)


@dataclass(frozen=True)
class Spread:
    """A point of a curve: mean and sample standard deviation (None of one seed) of `count` seeds at x."""

    x: float
    mean: float
    deviation: float | None
    count: int


@dataclass(frozen=True)
class Seeds:
    """One measure of a source: a reading for every expected seed, in order. Empty: a number from elsewhere."""

    readings: tuple[Reading, ...]

    @property
    def expected(self) -> int:
        return len(self.readings)

    @property
    def status(self) -> Status | None:
        """measured if any seed was; else the outcome of most seeds, on a tie that of the first; else failed if any
        failed, not measured if any finished, or not run. None for a number from elsewhere."""
        found = [reading.status for reading in self.readings]
        ended = [word for word in found if word in _ENDED]
        if ended and "measured" not in found:
            return max(ended, key=ended.count)
        return next((word for word in _WORDS if word in found), None)

    @property
    def values(self) -> tuple[float, ...]:
        """The values of the seeds that finished; that of a single expected seed however it ended."""
        measured = [one for one in self.readings if one.status == "measured" or self.expected == 1]
        return tuple(one.value for one in measured if one.value is not None)

    @property
    def mean(self) -> float | None:
        return fmean(self.values) if len(self.values) > 1 else next(iter(self.values), None)

    @property
    def deviation(self) -> float | None:
        """The sample standard deviation (ddof 1); None of fewer than two values."""
        return stdev(self.values) if len(self.values) > 1 else None

    @property
    def count(self) -> int:
        """How many seeds were measured."""
        return sum(one.status == "measured" and (one.value is not None or one.points != ()) for one in self.readings)

    @property
    def complete(self) -> bool:
        """Whether every expected seed was measured."""
        return self.count == self.expected

    @property
    def settled(self) -> bool:
        """Whether every expected seed has a value or an outcome."""
        return not any(reading.missing for reading in self.readings)

    @property
    def tally(self) -> str:
        """How many of the expected seeds `status` holds for, unless it holds for all: "2 of 3, 1 collapse"."""
        status = self.status
        of = {word: sum(one.status == word for one in self.readings) for word in _WORDS}
        have = self.count if status == "measured" else of[status or "not run"]
        if have in (0, self.expected):
            return ""
        others = (f"{of[word]} {word}" for word in (*_ENDED, "failed", "not measured") if of[word] and word != status)
        return ", ".join([f"{have} of {self.expected}", *others])

    def counted(self, always: bool) -> str:
        """The tally; if always, for seeds that are all alike their number, "3 seeds"."""
        number = f"{self.expected} seed{'s' if self.expected > 1 else ''}"
        return self.tally or (number if always and self.expected and self.status not in MISSING else "")

    @property
    def run_ids(self) -> str:
        return " ".join(reading.run_id for reading in self.readings)

    @property
    def origins(self) -> str:
        return " ".join(reading.origin for reading in self.readings if reading.origin)

    def holes(self) -> Iterator[str]:
        """Why each seed that is missing is missing, and the command that makes it."""
        return (reading.problem for reading in self.readings if reading.missing)

    @property
    def mark(self) -> str:
        """Stands behind the value where the channel of a seed carries nothing; "" else."""
        return MARK if any(reading.dead for reading in self.readings) else ""

    @property
    def caveats(self) -> tuple[str, ...]:
        """What is to be kept in mind of its values, each once."""
        return tuple(dict.fromkeys(caveat for reading in self.readings for caveat in reading.caveats))

    @property
    def intervals(self) -> tuple[Interval | None, ...]:
        """Of each seed's value."""
        return tuple(next(iter(one.intervals), None) if one.points == () else None for one in self.readings)

    def intervals_at(self, x: float) -> tuple[Interval | None, ...]:
        """Of each seed's point at that x."""
        return tuple(one.interval_at(x) for one in self.readings)

    def dead(self, label: str) -> Iterator[str]:
        """label: why its channel carries nothing, for the seeds of which that is so; one line for those alike."""
        for why in dict.fromkeys(reading.dead for reading in self.readings if reading.dead):
            seeds = [str(reading.seed) for reading in self.readings if reading.dead == why]
            some = len(seeds) < self.expected
            yield f"{label}: {why}" + (f" (seed{'s' if len(seeds) > 1 else ''} {', '.join(seeds)})" if some else "")

    def outcomes(self, label: str) -> Iterator[str]:
        """label: outcome - criterion, for the seeds that collapsed or diverged; one line for those that ended alike."""
        alike: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for reading in self.readings:
            if reading.status in _ENDED:
                alike[reading.status, reading.problem].append(str(reading.seed))
        for (status, problem), seeds in alike.items():
            who = f"{label}, seed{'s' if len(seeds) > 1 else ''} {', '.join(seeds)}" if self.expected > 1 else label
            yield f"{who}: {status}" + (f" - {problem}" if problem else "")

    @property
    def drawable(self) -> tuple[Reading, ...]:
        """The seeds that a curve averages, chosen as in `values`."""
        kept = [one for one in self.readings if one.status == "measured" or self.expected == 1]
        return tuple(one for one in kept if one.points)

    def curve(self) -> tuple[Spread, ...]:
        """Mean and deviation of the drawable seeds at every x where any of them has a point."""
        at: defaultdict[float, list[float]] = defaultdict(list)
        for reading in self.drawable:
            for x, y in reading.points:
                at[x].append(y)
        return tuple(
            Spread(x, fmean(ys) if len(ys) > 1 else ys[0], stdev(ys) if len(ys) > 1 else None, len(ys))
            for x, ys in sorted(at.items())
        )
