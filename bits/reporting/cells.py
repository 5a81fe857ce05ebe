"""Tables and charts with their values, ready to be rendered in any format."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby, pairwise

from bits.exhibits import Measure
from bits.reporting.results import Points, Reading


@dataclass(frozen=True)
class Cell:
    """One value of a table in its unit; `text` is what is shown. status "quoted": a number from elsewhere."""

    status: str
    value: float | None = None
    published: float | str | None = None
    note: str = ""
    source: str = ""
    run_id: str = ""
    measure: str = ""
    unit: str = ""
    decimals: int = 2
    origin: str | None = None
    problem: str = ""
    best: bool = False

    @property
    def number(self) -> str:
        """The measured number as shown, or nothing."""
        return "" if self.value is None else f"{self.value:.{self.decimals}f}"

    @property
    def text(self) -> str:
        """The number; the word for a run that collapsed, diverged or has none; nothing when quoted."""
        return self.number if self.status == "measured" else "" if self.status == "quoted" else self.status

    @property
    def published_text(self) -> str:
        """The published value with the digits it was published with; an outcome word as it is."""
        return f"{self.published:.10g}" if isinstance(self.published, float) else self.published or ""

    @property
    def tooltip(self) -> str:
        """Where the value comes from, or why there is none."""
        measured = f"measured {self.number}" if self.number and self.status != "measured" else ""
        origin = self.origin if self.status != "quoted" else ""
        published = f"published: {self.note}" if self.note else ""
        parts = (self.run_id or self.source, self.measure, measured, self.problem, origin, published)
        return "\n".join(part for part in parts if part)


@dataclass(frozen=True)
class TableRow:
    """kind: run, reference or quoted."""

    label: str
    kind: str
    cells: tuple[Cell, ...]
    group: str = ""
    colour: str = ""
    note: str = ""


@dataclass(frozen=True)
class Head:
    """A column's head."""

    label: str
    group: str
    unit: str
    about: str
    extra: bool


@dataclass(frozen=True)
class About:
    """What every exhibit says of itself."""

    id: str
    name: str
    title: str
    caption: str
    section: str
    notes: tuple[str, ...]
    scale: str
    stamp: str
    reproduction: bool


@dataclass(frozen=True)
class Table:
    """A grid with its values."""

    about: About
    row_title: str
    heads: tuple[Head, ...]
    rows: tuple[TableRow, ...]

    def head_groups(self) -> list[tuple[str, int]]:
        """(group, number of its columns) of neighbouring columns; one entry when nothing is grouped."""
        groups = groupby(self.heads, key=lambda head: head.group)
        return [(group, len(list(heads))) for group, heads in groups]

    def bodies(self) -> list[tuple[str, str, list[TableRow]]]:
        """(kind, group, rows) of neighbouring rows that belong together."""
        bodies = groupby(self.rows, key=lambda row: (row.kind, row.group))
        return [(kind, group, list(rows)) for (kind, group), rows in bodies]

    def coloured(self) -> bool:
        """Whether any row has a method's colour."""
        return any(row.colour for row in self.rows)

    def holes(self) -> list[str]:
        """Why each missing cell is missing, each reason once."""
        cells = (cell for row in self.rows for cell in row.cells)
        return list(dict.fromkeys(cell.problem for cell in cells if cell.status in ("not run", "failed")))

    def counts(self) -> tuple[int, int]:
        """(cells that have a value or an outcome, cells of runs and references)."""
        cells = [cell for row in self.rows if row.kind != "quoted" for cell in row.cells]
        return sum(cell.status not in ("not run", "failed") for cell in cells), len(cells)


@dataclass(frozen=True)
class Curve:
    """One curve in its unit; one that collapsed may have points. width: the dimensions, if known."""

    label: str
    colour: str
    reading: Reading
    points: Points
    published: Points
    width: int | None = None

    @property
    def text(self) -> str:
        """The label, with the outcome unless it was measured."""
        return self.label if self.reading.status == "measured" else f"{self.label} ({self.reading.status})"


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
        found, measure = curve.reading, self.measure
        return Cell(
            found.status,
            interpolated(curve.points, x),
            dict(curve.published).get(x),
            source=found.source,
            run_id=found.run_id,
            measure=measure.id,
            unit=measure.unit,
            decimals=measure.decimals,
            origin=found.origin,
            problem=found.problem,
        )


@dataclass(frozen=True)
class Chart:
    """Lines with their values."""

    about: About
    x_label: str
    panels: tuple[ChartPanel, ...]

    @property
    def alt(self) -> str:
        """The figure in words, for who cannot see it."""
        names = ", ".join(dict.fromkeys(curve.text for curve in self.curves()))
        panels = "; ".join(f"{panel.measure.label} {panel.title}".strip() for panel in self.panels)
        shown = f"line chart of {panels} against {self.x_label} for {names}"
        return f"{self.about.title}: {shown}, measured and published."

    def curves(self) -> Iterable[Curve]:
        return (curve for panel in self.panels for curve in panel.curves)

    def holes(self) -> list[str]:
        """Why each missing curve is missing, each reason once."""
        readings = (curve.reading for curve in self.curves())
        return list(dict.fromkeys(found.problem for found in readings if found.status in ("not run", "failed")))

    def counts(self) -> tuple[int, int]:
        """(curves that were measured or have an outcome, curves)."""
        statuses = [curve.reading.status for curve in self.curves()]
        return sum(status not in ("not run", "failed") for status in statuses), len(statuses)


def interpolated(points: Points, x: float) -> float | None:
    """y at x, linear between neighbouring points by increasing x; None outside them."""
    for (x0, y0), (x1, y1) in pairwise(points):
        if x0 <= x <= x1 and x1 > x0:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return None
