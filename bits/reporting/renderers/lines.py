"""Lines: each curve measured beside published, with run, outcome and origin. Holes are loud."""

from __future__ import annotations

from dataclasses import replace

from bits.exhibits import Declarations
from bits.exhibits.kinds.base import Row
from bits.exhibits.kinds.lines import Lines, Panel
from bits.reporting.about import about
from bits.reporting.alike import Alike
from bits.reporting.charts import chart_csv
from bits.reporting.curves import Chart, ChartPanel, Curve
from bits.reporting.renderers.base import Renderer
from bits.reporting.results import Reading, Results
from bits.reporting.seeds import Seeds


def collect(lines: Lines, declared: Declarations, results: Results) -> Chart:
    """A figure's panels, each curve measured or loud."""
    panels = []
    for panel in lines.panels:
        curves = tuple(_curve(lines, panel, row, declared, results) for row in lines.series)
        panels.append(ChartPanel(panel.title, declared.measures[panel.measure], curves))
    beside = [[(row.label, row.source(panel.measure)) for row in lines.series] for panel in lines.panels]
    alike = Alike(results.plan).said(beside)
    return _counted(Chart(about(lines, results.plan), _x_label(lines, panels), tuple(panels), alike))


def contents(chart: Chart) -> dict[str, bytes]:
    """PNG, PDF, SVG and CSV."""
    from bits.reporting.figures import chart_files  # seaborn takes seconds to import

    return {**chart_files(chart), "csv": chart_csv(chart).encode()}


def _x_label(lines: Lines, panels: list[ChartPanel]) -> str:
    """The axis label, with the widths of the measured and published backbones where x is a share of the width."""
    widths = sorted({width for panel in panels for curve in panel.curves for width in curve.widths})
    if lines.x.span is None:
        return lines.x.label
    measured = f"measured: {', '.join(map(str, widths))}; " if widths else ""
    return f"{lines.x.label} ({measured}published: {lines.x.span})"


def _counted(chart: Chart) -> Chart:
    """The chart; where curves differ in their number of seeds, every curve states its own."""
    if len(chart.seeds()) < 2:
        return chart
    panels = (
        replace(panel, curves=tuple(replace(curve, counted=True) for curve in panel.curves)) for panel in chart.panels
    )
    return replace(chart, panels=tuple(panels))


def _curve(lines: Lines, panel: Panel, row: Row, declared: Declarations, results: Results) -> Curve:
    readings = results.readings(row.source(panel.measure), declared.measures[panel.measure])
    published = tuple(lines.published_points(panel, row, declared.published).values())
    widths: tuple[int, ...] = ()
    if lines.x.span is not None:
        published = tuple((x / lines.x.span, y) for x, y in published)
        widths = tuple(sorted({len(one.points) - 1 for one in readings if len(one.points) > 1}))
        readings = tuple(map(_as_shares, readings))
    added = row.extra and not lines.beyond
    return Curve(row.label, declared.colours[row.label], Seeds(readings), published, widths, added)


def _as_shares(reading: Reading) -> Reading:
    """A reading with one point per dimension, x as a share of their number."""
    width = max(len(reading.points) - 1, 1)
    return replace(reading, points=tuple((x / width, y) for x, y in reading.points))


RENDERER = Renderer(name="lines", collect=collect, contents=contents, counted="curves", plotted=("x", "measured"))
