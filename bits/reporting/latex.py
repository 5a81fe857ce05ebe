"""A table in LaTeX (booktabs), measured and published values side by side."""

from __future__ import annotations

from collections.abc import Iterator

from bits.reporting.cells import Cell, Table, TableRow
from bits.reporting.keys import bold_said, dead_said, seeds_said
from bits.reporting.latex_text import latex_escaped

DAGGER = r"\textsuperscript{\dag}"
DOUBLE_DAGGER = r"\textsuperscript{\ddag}"
_WIDE = 6  # columns; more take both columns of a page that has two
# At its own width where that fits the line, else scaled to the line.
_SCALED = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{"


def table_latex(table: Table) -> str:
    """A floating booktabs table, scaled to the line if wider, the stamp in its caption, outcomes below it."""
    about, float_ = table.about, "table*" if len(table.heads) > _WIDE else "table"
    origin = "not in the paper" if about.beyond else f"{about.name} of the paper"
    key = "Measured, and published in parentheses." if table.compared else "Measured."
    said = (bold_said(table), seeds_said(table), dead_said(table))
    parts = (f"{about.title} ({origin}).", about.caption, key, *said)
    text = " ".join(part for part in parts if part)
    caption = f"{latex_escaped(text)} \\textbf{{{latex_escaped(about.stamp)}}}"
    lines = [
        f"% {about.id}, scale {' '.join(about.scale.split())}; needs \\usepackage{{booktabs,graphicx}}",
        f"\\begin{{{float_}}}[t]",
        r"\centering",
        f"\\caption{{{caption}}}",
        f"\\label{{{about.id}}}",
        f"{_SCALED}\\begin{{tabular}}{{l{'r' * len(table.heads)}}}",
        r"\toprule",
        *_latex_heads(table),
    ]
    for kind, group, rows in table.bodies():
        lines.append(r"\midrule")
        if group:
            lines.append(f"\\multicolumn{{{len(table.heads) + 1}}}{{l}}{{\\textit{{{latex_escaped(group)}}}}} \\\\")
        lines += [_latex_row(row, kind) for row in rows]
    lines += [r"\bottomrule", r"\end{tabular}}", *_latex_outcomes(table)]
    return "\n".join([*lines, f"\\end{{{float_}}}"]) + "\n"


def _latex_heads(table: Table) -> Iterator[str]:
    groups = table.head_groups()
    if len(groups) > 1:
        yield " & ".join(["", *(f"\\multicolumn{{{n}}}{{c}}{{{latex_escaped(name)}}}" for name, n in groups)]) + r" \\"
        first = 2
        rules = []
        for name, n in groups:
            rules += [f"\\cmidrule(lr){{{first}-{first + n - 1}}}"] if name else []
            first += n
        yield " ".join(rules)
    units = (f" ({head.shown_unit})" if head.shown_unit else "" for head in table.heads)
    labels = (table.row_title, *(head.label + unit for head, unit in zip(table.heads, units, strict=True)))
    yield " & ".join(latex_escaped(label) for label in labels) + r" \\"


def _latex_row(row: TableRow, kind: str) -> str:
    label = latex_escaped(f"{row.label} [{row.note}]" if row.note else row.label)
    label = label if kind == "run" else f"\\textit{{{label}}}"
    return " & ".join([label, *(_latex_cell(cell) for cell in row.cells)]) + r" \\"


def _latex_cell(cell: Cell) -> str:
    text = latex_escaped(cell.core)
    if text and cell.status != "measured":
        text = f"\\textit{{{text}}}"
    elif cell.best:
        text = f"\\textbf{{{text}}}"
    tally = f"{{\\footnotesize({latex_escaped(cell.tally)})}}" if cell.tally else ""
    published = f"{{\\footnotesize({latex_escaped(cell.published_text)})}}" if cell.published_text else ""
    marked = f"{text}{DAGGER if cell.mark else ''}{DOUBLE_DAGGER if cell.caveat else ''}"
    return " ".join(part for part in (marked, tally, published) if part)


def _latex_outcomes(table: Table) -> Iterator[str]:
    if table.alike:
        said = "; ".join(latex_escaped(line) for line in table.alike)
        yield f"\\par\\smallskip\\raggedright\\footnotesize The same run. {said}."
    if table.dead():
        said = "; ".join(latex_escaped(line) for line in table.dead())
        yield f"\\par\\smallskip\\raggedright\\footnotesize {DAGGER} Not live. {said}."
    if table.caveats():
        said = "; ".join(latex_escaped(line) for line in table.caveats())
        yield f"\\par\\smallskip\\raggedright\\footnotesize {DOUBLE_DAGGER} To be kept in mind. {said}."
    if table.outcomes():
        said = "; ".join(latex_escaped(outcome) for outcome in table.outcomes())
        yield f"\\par\\smallskip\\raggedright\\footnotesize Outcomes. {said}."
