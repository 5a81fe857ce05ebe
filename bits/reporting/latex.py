"""A table in LaTeX (booktabs), measured and published values side by side."""

from __future__ import annotations

from collections.abc import Iterable

from bits.reporting.cells import Cell, Table, TableRow

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
    "[": "{[}",
    "]": "{]}",
    "β": r"$\beta$",
    "τ": r"$\tau$",
    "∞": r"$\infty$",
    "×": r"$\times$",
    "–": "--",
    "—": "---",
}


def latex_escaped(text: str) -> str:
    """text with every character that LaTeX would read as a command made printable."""
    return "".join(_LATEX.get(character, character) for character in text)


def table_latex(table: Table) -> str:
    """A floating booktabs table, the stamp in its caption."""
    about = table.about
    text = f"{about.title} ({about.name} of the paper). {about.caption} Measured, and published in parentheses."
    caption = f"{latex_escaped(text)} \\textbf{{{latex_escaped(about.stamp)}}}"
    lines = [
        f"% {about.id}, scale {' '.join(about.scale.split())}; needs \\usepackage{{booktabs}}",
        r"\begin{table}[t]",
        r"\centering",
        f"\\caption{{{caption}}}",
        f"\\label{{{about.id}}}",
        f"\\begin{{tabular}}{{l{'r' * len(table.heads)}}}",
        r"\toprule",
        *_latex_heads(table),
    ]
    for kind, group, rows in table.bodies():
        lines.append(r"\midrule")
        if group:
            lines.append(f"\\multicolumn{{{len(table.heads) + 1}}}{{l}}{{\\textit{{{latex_escaped(group)}}}}} \\\\")
        lines += [_latex_row(row, kind) for row in rows]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}"]) + "\n"


def _latex_heads(table: Table) -> Iterable[str]:
    if len(table.head_groups()) > 1:
        groups = (f"\\multicolumn{{{n}}}{{c}}{{{latex_escaped(name)}}}" for name, n in table.head_groups())
        yield " & ".join(["", *groups]) + r" \\"
    labels = (table.row_title, *(head.label for head in table.heads))
    yield " & ".join(latex_escaped(label) for label in labels) + r" \\"


def _latex_row(row: TableRow, kind: str) -> str:
    label = latex_escaped(row.label) if kind == "run" else f"\\textit{{{latex_escaped(row.label)}}}"
    return " & ".join([label, *(_latex_cell(cell) for cell in row.cells)]) + r" \\"


def _latex_cell(cell: Cell) -> str:
    text = latex_escaped(cell.text)
    if cell.text and cell.status != "measured":
        text = f"\\textit{{{text}}}"
    elif cell.best:
        text = f"\\textbf{{{text}}}"
    published = f"{{\\footnotesize({latex_escaped(cell.published_text)})}}" if cell.published_text else ""
    return " ".join(part for part in (text, published) if part)
