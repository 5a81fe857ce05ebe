"""A table or chart as text: CSV and Markdown. Measured and published values side by side in each."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Iterable, Sequence

from bits.reporting.cells import Cell, Chart, Table

_MARKDOWN = re.compile(r"([\\`*_\[\]|#~])")
_TABLE_COLUMNS = (
    "scale",
    "exhibit",
    "row",
    "column",
    "source",
    "run_id",
    "status",
    "measured",
    "published",
    "unit",
    "measure",
    "origin",
    "note",
    "stamp",
)
_CHART_COLUMNS = (
    "scale",
    "exhibit",
    "panel",
    "series",
    "source",
    "run_id",
    "status",
    "x",
    "measured",
    "published",
    "unit",
    "measure",
    "origin",
    "note",
    "stamp",
)


def markdown_escaped(text: str) -> str:
    """text on one line, safe inside a Markdown table and as HTML."""
    return _MARKDOWN.sub(r"\\\1", html.escape(" ".join(text.split()), quote=False))


def table_csv(table: Table) -> str:
    """One line per cell; numbers in the unit named beside them, to ten digits."""
    lines = []
    for row in table.rows:
        label = f"{row.group}: {row.label}" if row.group else row.label
        for head, cell in zip(table.heads, row.cells, strict=True):
            column = f"{head.group} {head.label}" if head.group else head.label
            lines.append(
                (
                    table.about.scale,
                    table.about.id,
                    label,
                    column,
                    cell.source,
                    cell.run_id,
                    cell.status,
                    _digits(cell.value),
                    cell.published_text,
                    cell.unit,
                    cell.measure,
                    cell.origin or "",
                    cell.problem or cell.note,
                    table.about.stamp,
                )
            )
    return _csv(_TABLE_COLUMNS, lines)


def chart_csv(chart: Chart) -> str:
    """One line per measured or published point, and one for a curve that has neither points nor a run."""
    lines = []
    for panel in chart.panels:
        for curve in panel.curves:
            points = [(_digits(x), _digits(y), "") for x, y in curve.points]
            points += [(_digits(x), "", _digits(y)) for x, y in curve.published]
            points += [] if curve.points else [("", "", "")]
            found, measure = curve.reading, panel.measure
            lines += [
                (
                    chart.about.scale,
                    chart.about.id,
                    panel.title,
                    curve.label,
                    found.source,
                    found.run_id,
                    found.status,
                    *point,
                    measure.unit,
                    measure.id,
                    found.origin or "",
                    found.problem,
                    chart.about.stamp,
                )
                for point in points
            ]
    return _csv(_CHART_COLUMNS, lines)


def table_markdown(table: Table) -> str:
    """A Markdown page: stamp, table with "measured (published)" cells, caption, holes."""
    heads = [
        markdown_escaped(" ".join((head.group, head.label, f"({head.unit})" if head.unit in ("%", "bits") else "")))
        for head in table.heads
    ]
    groups = any(row.group for row in table.rows)
    lines = [
        f"# {markdown_escaped(f'{table.about.name}. {table.about.title}')}",
        "",
        f"> **{markdown_escaped(table.about.stamp)}**",
        "",
        "Measured here (published). Bold: the best measured value of a column.",
        "",
        f"| {markdown_escaped(table.row_title)} | {' | '.join(heads)} |",
        f"|:---|{'---:|' * len(heads)}",
    ]
    for row in table.rows:
        label = f"{row.group}: {row.label}" if groups and row.group else row.label
        label = f"{label} [{row.note}]" if row.note else label
        cells = " | ".join(_markdown_cell(cell) for cell in row.cells)
        emphasised = markdown_escaped(label) if row.kind == "run" else f"*{markdown_escaped(label)}*"
        lines.append(f"| {emphasised} | {cells} |")
    lines += ["", markdown_escaped(table.about.caption), ""]
    lines += [f"- Not run: {markdown_escaped(hole)}" for hole in table.holes()]
    lines += [f"- Note: {markdown_escaped(note)}" for note in table.about.notes]
    return "\n".join(lines).rstrip() + "\n"


def _markdown_cell(cell: Cell) -> str:
    text = cell.text
    if text and cell.status != "measured":
        text = f"*{text}*"
    elif cell.best:
        text = f"**{text}**"
    return " ".join(part for part in (text, f"({cell.published_text})" if cell.published_text else "") if part)


def _digits(value: float | None) -> str:
    return "" if value is None else f"{value:.10g}"


def _csv(columns: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(lines)
    return buffer.getvalue()
