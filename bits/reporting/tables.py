"""A table as CSV and Markdown, measured and published values side by side."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from bits.reporting.caveats import CAVEAT
from bits.reporting.cells import Cell, Table, TableRow
from bits.reporting.csv_text import VALUES, csv_text, digits, interval_texts, not_live, problems
from bits.reporting.keys import bold_said, dead_said, seeds_said

_MARKDOWN = re.compile(r"([\\`*_\[\]|#~])")
COLUMNS = ("scale", "exhibit", "row", "column", "source", "run_id", "status", "measured", *VALUES)


def markdown_escaped(text: str) -> str:
    """text on one line, safe inside a Markdown table and as HTML."""
    return _MARKDOWN.sub(r"\\\1", html.escape(" ".join(text.split()), quote=False))


def table_csv(table: Table) -> str:
    """One line per cell; numbers in the unit named beside them, to ten digits.

    sd: sample standard deviation among seeds; seeds: how many finished and were measured / expected; run ids and
    origins of all seeds. n: test images or queries; low, high: the ends of the 95 % interval of each seed, in their
    order. Of a single seed that did not finish: what it measured nevertheless, and 0/1.
    """
    lines = []
    for row in table.rows:
        for head, cell in zip(table.heads, row.cells, strict=True):
            column = f"{head.group} {head.label}" if head.group else head.label
            counted = f"{cell.seeds.count}/{cell.seeds.expected}" if cell.seeds.readings else ""
            intervals = interval_texts(cell.seeds.intervals)
            numbers = (digits(cell.value), digits(cell.seeds.deviation), counted, *intervals)
            stands = (not_live(cell.seeds), cell.published_text)
            facts = (cell.unit, cell.measure, cell.seeds.origins, problems(cell.seeds) or cell.note)
            place = (table.about.scale, table.about.id, row.full_label, column)
            lines.append(
                (*place, cell.source, cell.seeds.run_ids, cell.status, *numbers, *stands, *facts, table.about.stamp)
            )
    return csv_text(COLUMNS, lines)


def key_of(table: Table) -> str:
    """How to read the table: what is measured, published, bold, a mean."""
    published = "Measured here (published)" if table.compared else "Measured here"
    added = "Rows added here are not in the paper." if any(row.kind == "added" for row in table.rows) else ""
    parts = (f"{published}.", bold_said(table), seeds_said(table), added, dead_said(table))
    return " ".join(part for part in parts if part)


def table_markdown(table: Table) -> str:
    """A Markdown page: stamp, table with "measured (published)" cells, caption, outcomes, holes."""
    heads = [
        markdown_escaped(" ".join((head.group, head.label, f"({head.shown_unit})" if head.shown_unit else "")))
        for head in table.heads
    ]
    lines = [
        f"# {markdown_escaped(f'{table.about.name}. {table.about.title}')}",
        "",
        f"> **{markdown_escaped(table.about.stamp)}**",
        "",
        key_of(table),
        "",
        f"| {markdown_escaped(table.row_title)} | {' | '.join(heads)} |",
        f"|:---|{'---:|' * len(heads)}",
        *(_markdown_row(row) for row in table.rows),
        "",
        markdown_escaped(table.about.caption),
        "",
        *_markdown_list("The same run", table.alike),
        *_markdown_list("Not live", table.dead()),
        *_markdown_list(f"{CAVEAT} To be kept in mind", table.caveats()),
        *_markdown_list("Outcomes", table.outcomes()),
        *_markdown_list("Missing", table.holes()),
        *_markdown_list("In the paper", table.about.notes),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _markdown_row(row: TableRow) -> str:
    label = markdown_escaped(f"{row.full_label} [{row.note}]" if row.note else row.full_label)
    return f"| {label if row.kind == 'run' else f'*{label}*'} | {' | '.join(map(_markdown_cell, row.cells))} |"


def _markdown_list(title: str, items: Sequence[str]) -> list[str]:
    return [f"**{title}**", "", *(f"- {markdown_escaped(item)}" for item in items), ""] if items else []


def _markdown_cell(cell: Cell) -> str:
    text = cell.core
    if text and cell.status != "measured":
        text = f"*{text}*"
    elif cell.best:
        text = f"**{text}**"
    tally = f"({cell.tally})" if cell.tally else ""
    return " ".join(
        part for part in (text, cell.marks, tally, f"({cell.published_text})" if cell.published_text else "") if part
    )
