"""Grids: each cell measured beside published, with run, outcome and origin. Holes are loud."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

from bits.exhibits import Declarations, Measure
from bits.exhibits.kinds.base import Row
from bits.exhibits.kinds.grid import Column, Grid, QuotedRow, ReferenceRow, source_of
from bits.reporting.about import about
from bits.reporting.alike import Alike
from bits.reporting.cells import ADDED, Cell, Head, Table, TableRow
from bits.reporting.imports import weights_said
from bits.reporting.latex import table_latex
from bits.reporting.renderers.base import Renderer
from bits.reporting.results import Results
from bits.reporting.seeds import Seeds
from bits.reporting.tables import table_csv, table_markdown


def collect(grid: Grid, declared: Declarations, results: Results) -> Table:
    """A grid's rows - methods, added ones, references, quoted numbers - with every cell filled or loud."""
    measures = [declared.measures[column.measure] for column in grid.columns]
    own, alike = [row for row in grid.rows if not row.extra or grid.beyond], Alike(results.plan)
    rows = [_row(grid, row, declared, results) for row in own]
    rows = _best_marked(rows, measures, alike) if grid.bold else rows
    rows += [_added(_row(grid, row, declared, results)) for row in grid.rows if row not in own]
    columns = zip(*(row.cells for row in rows), strict=True)
    same = alike.said([(row.full_label, cell.source) for row, cell in zip(rows, of, strict=True)] for of in columns)
    rows += [_reference_row(row, measures, declared, results) for row in grid.references]
    rows += [_quoted_row(grid, row, measures) for row in grid.quoted]
    heads = tuple(_head(column, measure) for column, measure in zip(grid.columns, measures, strict=True))
    return _counted(Table(about(grid, results.plan), grid.row_title, heads, tuple(rows), same))


def contents(table: Table) -> dict[str, bytes]:
    """LaTeX, Markdown and CSV."""
    texts = {"tex": table_latex(table), "md": table_markdown(table), "csv": table_csv(table)}
    return {ending: text.encode() for ending, text in texts.items()}


def in_paper(table: Table) -> Table:
    """The table without the rows that users added."""
    return replace(table, rows=tuple(row for row in table.rows if row.kind != "added"))


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
        cell = _cell(source_of(row, column), declared.measures[column.measure], results)
        if (own := row.elsewhere.get(column.measure)) is not None:
            cell = replace(cell, published=own, note=row.elsewhere_in)
        elif not (column.extra or row.extra or grid.beyond):
            published = declared.published.get(grid.published_key(row, column))
            cell = replace(cell, published=published.value, note=published.note) if published else cell
        cells.append(cell)
    colour, note = declared.colours.get(row.label, ""), _origin(row, grid, results)
    return TableRow(_label(row, grid, results), "run", tuple(cells), row.group, colour, note)


def _origin(row: Row, grid: Grid, results: Results) -> str:
    """Where a row's backbone is from, and the numbers beside its own, where it was not trained here; else ""."""
    ids = results.plan.sources.get(row.run, ())
    said = [weights_said(results.plan.imports[one]) for one in ids if one in results.plan.imports]
    beside = any(column.measure in row.elsewhere for column in grid.columns)
    return "; ".join([*said, *([f"published: {row.elsewhere_in}"] if beside else [])])


def _label(row: Row, grid: Grid, results: Results) -> str:
    """The row's label, with the value that its run has here where that is another."""
    source = source_of(row, grid.columns[0])
    runs = [results.plan.runs[one] for one in results.plan.sources.get(source, ()) if one in results.plan.runs]
    if row.here is None or not runs:
        return row.label
    value = f"{reduce(getattr, row.here.split('.'), runs[0].recipe)}"
    return row.label if value == row.label else f"{row.label} ({value} here)"


def _added(row: TableRow) -> TableRow:
    """The row as one that the paper does not have."""
    return replace(row, kind="added", group=f"{ADDED}, {row.group}" if row.group else ADDED)


def _reference_row(row: ReferenceRow, measures: list[Measure], declared: Declarations, results: Results) -> TableRow:
    cells = tuple(_cell(row.reference, measure, results) for measure in measures)
    return TableRow(row.label or declared.references[row.reference], "reference", cells)


def _quoted_row(grid: Grid, row: QuotedRow, measures: list[Measure]) -> TableRow:
    cells = (
        Cell(Seeds(()), published=row.value(column), source=row.source, unit=measure.unit)
        for column, measure in zip(grid.columns, measures, strict=True)
    )
    return TableRow(row.label, "quoted", tuple(cells), note=row.source)


def _head(column: Column, measure: Measure) -> Head:
    return Head(column.label, column.group, measure.unit, f"{measure.label} ({measure.id})", column.extra)


def _best_marked(rows: list[TableRow], measures: list[Measure], alike: Alike) -> list[TableRow]:
    """The rows with the best mean of each column marked, within each group.

    Only cells of which every seed was measured and is live compete. A run that several rows show is marked in none: no
    row of them is the better one.
    """
    cells = [list(row.cells) for row in rows]
    for group in dict.fromkeys(row.group for row in rows):
        members = [index for index, row in enumerate(rows) if row.group == group]
        for column, measure in enumerate(measures):
            several = alike.coincide([cells[index][column].source for index in members])
            values = {
                index: value
                for index in members
                if cells[index][column].seeds.complete
                and not cells[index][column].mark
                and (value := cells[index][column].value) is not None
            }
            if len(set(values.values())) > 1:  # where all are equal, none is the best
                best = (max if measure.direction == "higher" else min)(values.values())
                same = {index for index, one_run in zip(members, several, strict=True) if one_run}
                for index in (index for index, value in values.items() if value == best and index not in same):
                    cells[index][column] = replace(cells[index][column], best=True)
    return [replace(row, cells=tuple(of_row)) for row, of_row in zip(rows, cells, strict=True)]


def _counted(table: Table) -> Table:
    """The table; where cells differ in their number of seeds, every cell states its own."""
    if len(table.seeds()) < 2:
        return table
    rows = (replace(row, cells=tuple(replace(cell, counted=True) for cell in row.cells)) for row in table.rows)
    return replace(table, rows=tuple(rows))


RENDERER = Renderer(name="grid", collect=collect, contents=contents, counted="cells", in_paper=in_paper)
