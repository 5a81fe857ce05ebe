"""Charts with their values, ready to be rendered in any format."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from bits.exhibits import Measure
from bits.reporting.about import About
from bits.reporting.cells import ADDED, Cell
from bits.reporting.results import Points, Reading
from bits.reporting.seeds import MARK, Seeds, Spread


@dataclass(frozen=True)
class Curve:
    """One curve in its unit; one that collapsed may have points. widths: the dimensions of its seeds, if known.

    counted: whether it states its number of seeds, because other curves have more or fewer.
    """

    label: str
    colour: str
    seeds: Seeds
    published: Points
    widths: tuple[int, ...] = ()
    added: bool = False
    counted: bool = False

    @cached_property
    def spreads(self) -> tuple[Spread, ...]:
        """Mean and deviation at every x where any seed has a point."""
        return self.seeds.curve()

    @property
    def drawn(self) -> tuple[Spread, ...]:
        """The spreads where every seed that left points has one: what a line may go through."""
        return tuple(spread for spread in self.spreads if spread.count == len(self.seeds.drawable))

    @property
    def points(self) -> Points:
        return tuple((spread.x, spread.mean) for spread in self.drawn)

    @property
    def full_label(self) -> str:
        """The label, marked if the curve was added."""
        return f"{ADDED}: {self.label}" if self.added else self.label

    @property
    def standing(self) -> str:
        """What keeps it from being complete: the outcome, or "2 of 3 seeds, 1 collapse"; "3 seeds" when counted."""
        tally = self.seeds.counted(self.counted).replace(
            f" of {self.seeds.expected}", f" of {self.seeds.expected} seeds", 1
        )
        word = "" if self.seeds.status == "measured" else str(self.seeds.status)
        said = f"{word} ({tally})" if word and tally else word or tally
        dead = "; ".join(self.seeds.dead(MARK))
        return "; ".join(part for part in (said, dead) if part)

    @property
    def text(self) -> str:
        """The label with the standing."""
        return f"{self.full_label} ({self.standing})" if self.standing else self.full_label

    def gaps(self) -> str:
        """Where some seeds have no point, so that no mean is drawn; or nothing."""
        among = len(self.seeds.drawable)
        left_out = [spread for spread in self.spreads if spread.count < among]
        if not left_out:
            return ""
        where = ", ".join(f"{spread.x:.4g} ({spread.count} of {among} seeds)" for spread in left_out[:8])
        return f"{self.full_label}: no mean is drawn at {where}{' and more' if len(left_out) > 8 else ''}"


@dataclass(frozen=True)
class ChartPanel:
    title: str
    measure: Measure
    curves: tuple[Curve, ...]

    def comparison(self) -> list[tuple[float, list[Cell]]]:
        """At every published x a cell per curve: measured there (interpolated), and published."""
        xs = sorted({x for curve in self.curves for x, _ in curve.published})
        return [(x, [self._cell(curve, x) for curve in self.curves]) for x in xs]

    def _cell(self, curve: Curve, x: float) -> Cell:
        measure = self.measure
        return Cell(
            Seeds(tuple(_at(reading, x) for reading in curve.seeds.readings)),
            dict(curve.published).get(x),
            source=curve.seeds.readings[0].source,
            measure=measure.id,
            unit=measure.unit,
            decimals=measure.decimals,
            counted=curve.counted,
        )


@dataclass(frozen=True)
class Chart:
    """Lines with their values. alike: which curves show one and the same run, a sentence each."""

    about: About
    x_label: str
    panels: tuple[ChartPanel, ...]
    alike: tuple[str, ...] = ()

    @property
    def alt(self) -> str:
        """The figure in words, for readers who cannot see it."""
        names = ", ".join(dict.fromkeys(curve.text for curve in self.curves()))
        panels = "; ".join(f"{panel.measure.label} {panel.title}".strip() for panel in self.panels)
        shown = f"line chart of {panels} against {self.x_label} for {names}"
        return f"{self.about.title}: {shown}, measured{'' if self.about.beyond else ' and published'}."

    def curves(self) -> Iterable[Curve]:
        return (curve for panel in self.panels for curve in panel.curves)

    def holes(self) -> list[str]:
        """Why each missing seed of a curve is missing, each reason once."""
        return list(dict.fromkeys(hole for curve in self.curves() for hole in curve.seeds.holes()))

    def outcomes(self) -> list[str]:
        """Which runs collapsed or diverged, and by which criterion, each once."""
        return list(dict.fromkeys(line for label, seeds in self._labelled() for line in seeds.outcomes(label)))

    def dead(self) -> list[str]:
        """Which runs are not live, and why, each once."""
        return list(dict.fromkeys(line for label, seeds in self._labelled() for line in seeds.dead(label)))

    def _labelled(self) -> Iterable[tuple[str, Seeds]]:
        """The seeds of every curve with its label after its panel's title."""
        return (
            (f"{panel.title}: {curve.full_label}" if panel.title else curve.full_label, curve.seeds)
            for panel in self.panels
            for curve in panel.curves
        )

    def caveats(self) -> list[str]:
        """What is to be kept in mind of its points, each once."""
        return list(
            dict.fromkeys(
                f"{panel.title}: {caveat}" if panel.title else caveat
                for panel in self.panels
                for curve in panel.curves
                for caveat in curve.seeds.caveats
            )
        )

    def gaps(self) -> list[str]:
        """Where curves have no mean because seeds have points at different x."""
        return [
            f"{panel.title}: {gap}" if panel.title else gap
            for panel in self.panels
            for curve in panel.curves
            if (gap := curve.gaps())
        ]

    def seeds(self) -> tuple[int, ...]:
        """The numbers of seeds that curves expect, each once, increasing; if they differ, each curve states its own."""
        return tuple(sorted({curve.seeds.expected for curve in self.curves()}))

    def counts(self) -> tuple[int, int]:
        """(curves of which every seed was measured or has an outcome, curves)."""
        settled = [curve.seeds.settled for curve in self.curves()]
        return sum(settled), len(settled)


def _at(reading: Reading, x: float) -> Reading:
    """The value at x, interpolated; with its interval where x is a point."""
    interval = reading.interval_at(x)
    intervals = (interval,) if interval else ()
    return replace(reading, value=interpolated(reading.points, x), points=(), intervals=intervals)


def interpolated(points: Points, x: float) -> float | None:
    """y at x, linear between neighbouring points by increasing x; None outside them."""
    for (x0, y0), (x1, y1) in pairwise(points):
        if x0 <= x <= x1 and x1 > x0:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return None
