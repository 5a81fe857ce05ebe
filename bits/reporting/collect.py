"""An exhibit's cells and curves: measured beside published, with run, outcome and origin. Holes are loud."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bits.exhibits import Declarations, Exhibit, Grid, Lines, Measure
from bits.exhibits.kinds import Column, Panel, QuotedRow, ReferenceRow, Row, dataset_of
from bits.reporting.cells import ADDED, About, Cell, Head, Table, TableRow
from bits.reporting.curves import Chart, ChartPanel, Curve
from bits.reporting.files import ReportError
from bits.reporting.plan_file import ReportPlan
from bits.reporting.results import Reading, Results
from bits.reporting.seeds import Seeds


def collect(exhibit: Exhibit, declared: Declarations, results: Results) -> Table | Chart:
    """An exhibit with its values; raises ReportError for a kind that nothing renders."""
    if isinstance(exhibit, Grid):
        return collect_table(exhibit, declared, results)
    if isinstance(exhibit, Lines):
        return collect_chart(exhibit, declared, results)
    raise ReportError(
        f"{exhibit.id}: nothing renders exhibits of kind {exhibit.kind}. Say in config/pending.yaml what is missing."
    )


def collect_table(grid: Grid, declared: Declarations, results: Results) -> Table:
    """A grid's rows - methods, added ones, references, quoted numbers - with every cell filled or loud."""
    own = [row for row in grid.rows if not row.extra or grid.beyond]
    rows = [_row(grid, row, declared, results) for row in own]
    rows = _best_marked(rows, [declared.measures[column.measure] for column in grid.columns])
    rows += [_added(_row(grid, row, declared, results)) for row in grid.rows if row not in own]
    rows += [_reference_row(grid, row, declared, results) for row in grid.references]
    rows += [_quoted_row(grid, row, declared) for row in grid.quoted]
    heads = tuple(_head(column, declared.measures[column.measure]) for column in grid.columns)
    return _table_counted(Table(about(grid, results.plan), grid.row_title, heads, tuple(rows)))


def collect_chart(lines: Lines, declared: Declarations, results: Results) -> Chart:
    """A figure's panels, each curve measured or loud."""
    panels = []
    for panel in lines.panels:
        curves = tuple(_curve(lines, panel, row, declared, results) for row in lines.series)
        panels.append(ChartPanel(panel.title, declared.measures[panel.measure], curves))
    return _chart_counted(Chart(about(lines, results.plan), _x_label(lines, panels), tuple(panels)))


def require_complete(collected: Table | Chart) -> None:
    """Raise ReportError that lists the holes, if there are any."""
    holes = collected.holes()
    if holes:
        raise ReportError("\n".join([f"{collected.about.name} has holes:", *holes]))


def about(exhibit: Grid | Lines, plan: ReportPlan) -> About:
    """An exhibit's heading, with the scale's stamp; the caption says which data stand in for the paper's."""
    return About(
        id=exhibit.id,
        name=exhibit.name,
        title=exhibit.title,
        caption=" ".join((exhibit.caption, *_stand_ins(exhibit, plan))),
        section=exhibit.section,
        notes=exhibit.notes,
        scale=plan.scale.name,
        stamp=plan.scale.stamp,
        reproduction=plan.scale.reproduction,
        beyond=exhibit.beyond,
    )


def _stand_ins(exhibit: Grid | Lines, plan: ReportPlan) -> Iterator[str]:
    """One sentence that says which data were measured on in the place of the paper's, if any."""
    places = []
    for role in dict.fromkeys(dataset_of(measure) for _, measure in exhibit.needs()):
        dataset = plan.datasets.get(role, {})
        if dataset.get("name", role) != role:
            places.append(f"{dataset.get('title') or dataset['name']}, in the place of {role}")
    if places:
        yield f"Measured here on {'; '.join(places)}."


def _x_label(lines: Lines, panels: list[ChartPanel]) -> str:
    """The axis' label; with the widths of measured and published backbones where x is a share of them."""
    widths = sorted({width for panel in panels for curve in panel.curves for width in curve.widths})
    if lines.x.span is None:
        return lines.x.label
    measured = f"measured: {', '.join(map(str, widths))}; " if widths else ""
    return f"{lines.x.label} ({measured}published: {lines.x.span})"


def _cell(source: str, measure: Measure, results: Results) -> Cell:
    return Cell(
        Seeds(results.readings(source, measure)),
        source=source,
        measure=measure.id,
        unit=measure.unit,
        decimals=measure.decimals,
    )


def _row(grid: Grid, row: Row, declared: Declarations, results: Results) -> TableRow:
    cells = []
    for column in grid.columns:
        cell = _cell(row.source(column.measure), declared.measures[column.measure], results)
        if not (column.extra or row.extra or grid.beyond):
            published = declared.published.get(grid.published_key(row, column))
            cell = replace(cell, published=published.value, note=published.note) if published else cell
        cells.append(cell)
    return TableRow(row.label, "run", tuple(cells), row.group, declared.colours.get(row.label, ""))


def _added(row: TableRow) -> TableRow:
    """The row as one that the paper does not have."""
    return replace(row, kind="added", group=f"{ADDED}, {row.group}" if row.group else ADDED)


def _reference_row(grid: Grid, row: ReferenceRow, declared: Declarations, results: Results) -> TableRow:
    measures = [declared.measures[column.measure] for column in grid.columns]
    cells = tuple(_cell(row.reference, measure, results) for measure in measures)
    return TableRow(row.label or declared.references[row.reference], "reference", cells)


def _quoted_row(grid: Grid, row: QuotedRow, declared: Declarations) -> TableRow:
    measures = [declared.measures[column.measure] for column in grid.columns]
    cells = (
        Cell(Seeds(()), published=row.values.get(column.label), source=row.source, unit=measure.unit)
        for column, measure in zip(grid.columns, measures, strict=True)
    )
    return TableRow(row.label, "quoted", tuple(cells), note=row.source)


def _head(column: Column, measure: Measure) -> Head:
    return Head(column.label, column.group, measure.unit, f"{measure.label} ({measure.id})", column.extra)


def _best_marked(rows: list[TableRow], measures: list[Measure]) -> list[TableRow]:
    """The rows with the best mean of each column marked, within each group; of cells whose every seed was measured."""
    cells = [list(row.cells) for row in rows]
    for group in dict.fromkeys(row.group for row in rows):
        members = [index for index, row in enumerate(rows) if row.group == group]
        for column, measure in enumerate(measures):
            values = {
                index: value
                for index in members
                if cells[index][column].seeds.complete and (value := cells[index][column].value) is not None
            }
            if len(values) > 1:
                best = (max if measure.direction == "higher" else min)(values.values())
                for index in (index for index, value in values.items() if value == best):
                    cells[index][column] = replace(cells[index][column], best=True)
    return [replace(row, cells=tuple(of_row)) for row, of_row in zip(rows, cells, strict=True)]


def _table_counted(table: Table) -> Table:
    """The table; where cells differ in their number of seeds, with every cell saying its own."""
    if len(table.seeds()) < 2:
        return table
    rows = (replace(row, cells=tuple(replace(cell, counted=True) for cell in row.cells)) for row in table.rows)
    return replace(table, rows=tuple(rows))


def _chart_counted(chart: Chart) -> Chart:
    """The chart; where curves differ in their number of seeds, with every curve saying its own."""
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
    """A reading with one point a dimension, x as a share of their number."""
    width = max(len(reading.points) - 1, 1)
    return replace(reading, points=tuple((x / width, y) for x, y in reading.points))
