"""A table in LaTeX (booktabs), measured and published values side by side."""

from __future__ import annotations

from collections.abc import Iterator

from bits.reporting.cells import Cell, Table, TableRow
from bits.reporting.tables import seeds_said

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "*": "{*}",  # at the start of a row, \\\\ would take it for its star
    "[": "{[}",
    "]": "{]}",
    "±": r"$\pm$",
    "β": r"$\beta$",
    "τ": r"$\tau$",
    "∞": r"$\infty$",
    "×": r"$\times$",
    "–": "--",
    "—": "---",
}
_WIDE = 6  # columns; more are scaled to the page


def latex_escaped(text: str) -> str:
    """text with every character that LaTeX would read as a command made printable."""
    return "".join(_LATEX.get(character, character) for character in text)


def table_latex(table: Table) -> str:
    """A floating booktabs table, the stamp in its caption, outcomes below it."""
    about, wide = table.about, len(table.heads) > _WIDE
    origin = "not in the paper" if about.beyond else f"{about.name} of the paper"
    key = "Measured." if about.beyond else "Measured, and published in parentheses."
    text = " ".join((f"{about.title} ({origin}).", about.caption, key, seeds_said(table))).rstrip()
    caption = f"{latex_escaped(text)} \\textbf{{{latex_escaped(about.stamp)}}}"
    packages = r"\usepackage{booktabs,graphicx}" if wide else r"\usepackage{booktabs}"
    float_ = "table*" if wide else "table"
    lines = [
        f"% {about.id}, scale {' '.join(about.scale.split())}; needs {packages}",
        f"\\begin{{{float_}}}[t]",
        r"\centering",
        f"\\caption{{{caption}}}",
        f"\\label{{{about.id}}}",
        *([r"\resizebox{\textwidth}{!}{%"] if wide else []),
        f"\\begin{{tabular}}{{l{'r' * len(table.heads)}}}",
        r"\toprule",
        *_latex_heads(table),
    ]
    for kind, group, rows in table.bodies():
        lines.append(r"\midrule")
        if group:
            lines.append(f"\\multicolumn{{{len(table.heads) + 1}}}{{l}}{{\\textit{{{latex_escaped(group)}}}}} \\\\")
        lines += [_latex_row(row, kind) for row in rows]
    lines += [r"\bottomrule", r"\end{tabular}" + ("}" if wide else ""), *_latex_outcomes(table)]
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
    labels = (table.row_title, *(head.label for head in table.heads))
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
    tally = f"{{\\footnotesize({latex_escaped(cell.seeds.tally)})}}" if text and cell.seeds.tally else ""
    published = f"{{\\footnotesize({latex_escaped(cell.published_text)})}}" if cell.published_text else ""
    return " ".join(part for part in (text, tally, published) if part)


def _latex_outcomes(table: Table) -> Iterator[str]:
    if table.outcomes():
        said = "; ".join(latex_escaped(outcome) for outcome in table.outcomes())
        yield f"\\par\\smallskip\\raggedright\\footnotesize Outcomes. {said}."
