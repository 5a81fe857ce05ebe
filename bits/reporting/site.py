"""The report of one scale, its summary, and the front page that lists every scale's report."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from bits.exhibits import Declarations
from bits.reporting.cells import Table
from bits.reporting.collect import collect
from bits.reporting.costs_table import cost_groups
from bits.reporting.curves import Chart
from bits.reporting.files import ReportError, read_json
from bits.reporting.pages import page
from bits.reporting.plan_file import Scale
from bits.reporting.provenance_table import origin_of
from bits.reporting.results import Results
from bits.reporting.runs_table import run_groups

STATES = ("computed", "incomplete", "no data", "pending")
ENDINGS = {"grid": ("html", "md", "tex", "csv"), "lines": ("html", "svg", "png", "pdf", "csv")}


class Summary(BaseModel):
    """What the front page says of a report, and of the paper's exhibits alone. headline: the first table."""

    scale: Scale
    project: dict[str, Any]
    counts: dict[str, int]
    made: str
    headline: Table | None


@dataclass(frozen=True)
class Entry:
    """An exhibit; state: one of STATES; formats: ending -> path from the root; beyond: not the paper's."""

    id: str
    name: str
    title: str
    section: str
    kind: str
    state: str
    detail: str
    notes: tuple[str, ...]
    collected: Table | Chart | None
    formats: dict[str, str]
    beyond: bool


def report_page(declared: Declarations, results: Results, folder: Path, out: Path) -> tuple[bytes, Summary]:
    """The report at `out` and its summary; raises ReportError for a computable exhibit not yet rendered."""
    within = Path(os.path.relpath(folder.resolve(), results.root.resolve()))
    exhibits = [_entry(name, declared, results, within) for name in declared.exhibits]
    own = [entry for entry in exhibits if not entry.beyond]
    counts = {state: sum(entry.state == state for entry in own) for state in STATES}
    origin = origin_of(results)
    content = page(
        "report.html.j2",
        out,
        results.root,
        plan=results.plan,
        exhibits=exhibits,
        counts=counts,
        origin=origin,
        runs=run_groups(results),
        costs=cost_groups(results),
        sections=list(dict.fromkeys(e.section for e in exhibits if e.collected)),
    )
    headline = next((entry.collected for entry in own if isinstance(entry.collected, Table)), None)
    plan = results.plan
    return content, Summary(
        scale=plan.scale,
        project=plan.project,
        counts=counts,
        made=origin.finished,
        headline=_as_in_the_paper(headline) if headline else None,
    )


def _as_in_the_paper(table: Table) -> Table:
    """The table without the rows that users added."""
    return replace(table, rows=tuple(row for row in table.rows if row.kind != "added"))


def front_page(reports: Path, out: Path, root: Path) -> bytes:
    """The landing page of every reports/*/summary.json; raises ReportError when there is none."""
    found: list[tuple[Summary, str]] = []
    for path in sorted(reports.glob("*/summary.json")):
        try:
            summary = TypeAdapter(Summary).validate_python(read_json(path, "a report's summary"))
        except ValidationError as error:
            raise ReportError(
                f"{path}: not a report's summary ({error.error_count()} errors); render it anew"
            ) from error
        found.append((summary, str(path.with_name("index.html").resolve())))
    if not found:
        raise ReportError(f"{reports}: no */summary.json. Render a report first: python -m bits.commands.render report")
    found.sort(key=lambda item: (not item[0].scale.reproduction, item[0].scale.name))
    return page("front.html.j2", out, root, reports=found)


def _entry(name: str, declared: Declarations, results: Results, folder: Path) -> Entry:
    exhibit = declared.exhibits[name]
    state, detail = why_not(name, declared, results.plan.left_out) or ("", "")
    collected: Table | Chart | None = None
    formats: dict[str, str] = {}
    if not state:
        collected = collect(exhibit, declared, results)
        have, of = collected.counts()
        state = "computed" if have == of else "incomplete"
        detail = f"{have} of {of} {'cells' if exhibit.kind == 'grid' else 'curves'}"
        formats = _formats(name, ENDINGS[exhibit.kind], results.root, folder)
    return Entry(
        name,
        exhibit.name,
        exhibit.title,
        exhibit.section,
        exhibit.kind,
        state,
        detail,
        exhibit.notes,
        collected,
        formats,
        exhibit.beyond,
    )


def why_not(name: str, declared: Declarations, left_out: Mapping[str, str]) -> tuple[str, str] | None:
    """(state, reason) of an exhibit that is not computed: nothing computes it yet, or its data are not here."""
    if name in declared.pending:
        return "pending", declared.pending[name]
    return ("no data", left_out[name]) if name in left_out else None


def _formats(name: str, endings: tuple[str, ...], root: Path, folder: Path) -> dict[str, str]:
    paths = {ending: str(folder / f"{name}.{ending}") for ending in endings}
    missing = [path for path in paths.values() if not (root / path).is_file()]
    if missing:
        raise ReportError(
            f"{missing[0]} does not exist. Render the exhibit first: python -m bits.commands.render exhibit "
            f"--exhibit {name} --out-dir {folder}"
        )
    return paths


def summary_json(summary: Summary) -> dict[str, Any]:
    """The summary as JSON values."""
    values = summary.model_dump(mode="json", exclude={"headline"})
    return {**values, "headline": asdict(summary.headline) if summary.headline else None}
