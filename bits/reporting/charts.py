"""A chart as CSV, measured and published points side by side."""

from __future__ import annotations

from collections.abc import Iterator

from bits.reporting.csv_text import VALUES, csv_text, digits, interval_texts, not_live, problems
from bits.reporting.curves import Chart, Curve

COLUMNS = ("scale", "exhibit", "panel", "series", "source", "run_id", "status", "x", "measured", *VALUES)


def chart_csv(chart: Chart) -> str:
    """One line per measured or published point, and one for a curve that has neither points nor a run.

    seeds: how many that finished have a point at that x / expected; the figure's line passes where all of them have.
    n: test images or queries; low, high: the ends of the 95 % interval of each seed's point, in their order.
    Of a single seed that did not finish, its points: measured nevertheless, and 0/1.
    """
    lines = []
    for panel in chart.panels:
        for curve in panel.curves:
            seeds, measure = curve.seeds, panel.measure
            place = (chart.about.scale, chart.about.id, panel.title, curve.full_label)
            source = (seeds.readings[0].source, seeds.run_ids, seeds.status or "")
            facts = (measure.unit, measure.id, seeds.origins, problems(seeds), chart.about.stamp)
            lines += [(*place, *source, *numbers, *facts) for numbers in _points(curve)]
    return csv_text(COLUMNS, lines)


def _points(curve: Curve) -> Iterator[tuple[str, ...]]:
    """(x, measured, sd, seeds, n, low, high, not live, published) of each point."""
    expected = curve.seeds.expected
    for spread in curve.spreads:
        counted = f"{spread.count if curve.seeds.status == 'measured' else 0}/{expected}"
        numbers = digits(spread.x), digits(spread.mean), digits(spread.deviation), counted
        yield *numbers, *interval_texts(curve.seeds.intervals_at(spread.x)), not_live(curve.seeds), ""
    for x, y in curve.published:
        yield digits(x), *[""] * 7, digits(y)
    if not curve.spreads:
        yield *[""] * 3, f"0/{expected}", *[""] * 3, not_live(curve.seeds), ""
