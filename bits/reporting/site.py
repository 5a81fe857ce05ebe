"""The report of one scale, its summary, and the front page that lists every scale's report."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup
from pydantic import BaseModel, ValidationError

from bits.exhibits import Declarations
from bits.plan.model import Project, Scale
from bits.reporting.costs_table import cost_groups
from bits.reporting.files import ReportError, read_json
from bits.reporting.first import read_this_first
from bits.reporting.imports import imported_backbones
from bits.reporting.pages import moved, page
from bits.reporting.provenance_table import origins_of
from bits.reporting.rendered import ExhibitRecord, read_exhibit_record
from bits.reporting.results import Results
from bits.reporting.runs_table import run_groups

STATES = ("computed", "incomplete", "no data", "pending")


class Headline(BaseModel):
    """The exhibit that stands for a report on the front page. content: HTML; its links are relative to the report."""

    name: str
    title: str
    content: str


class Summary(BaseModel):
    """What the front page says of a report. counts: of the paper's exhibits alone. made: when measuring ended."""

    study: str
    overrides: tuple[str, ...]
    report_digest: str
    scale: Scale
    project: Project
    counts: dict[str, int]
    made: str
    headline: Headline | None


@dataclass(frozen=True)
class Entry:
    """An exhibit in the report; state: one of STATES; beyond: not the paper's.

    content, dead, outcomes, holes, formats (ending -> path from the root): of one that was rendered.
    """

    id: str
    name: str
    title: str
    section: str
    notes: tuple[str, ...]
    beyond: bool
    state: str
    detail: str
    content: Markup | None = None
    dead: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    holes: tuple[str, ...] = ()
    formats: Mapping[str, str] | None = None


@dataclass(frozen=True)
class _Listed:
    """A report on the front page. link, and links in the headline: from the front page."""

    summary: Summary
    link: str
    headline: Markup


def read_records(declared: Declarations, results: Results, folder: Path) -> dict[str, ExhibitRecord]:
    """By id, of every exhibit that can be computed; raises ReportError for one that was not rendered in `folder`."""
    return {name: read_exhibit_record(declared.exhibits[name], folder) for name in computed(declared, results)}


def report_page(
    declared: Declarations, results: Results, records: Mapping[str, ExhibitRecord], folder: Path, out: Path
) -> tuple[bytes, Summary]:
    """The report at `out` and its summary. folder: of the exhibits that the records are of."""
    exhibits = [_entry(name, declared, results, records, folder, out) for name in declared.exhibits]
    own = [entry for entry in exhibits if not entry.beyond]
    counts = {state: sum(entry.state == state for entry in own) for state in STATES}
    plan, origins = results.plan, origins_of(results)
    content = page(
        "report.html.j2",
        out,
        results.root,
        plan=plan,
        exhibits=exhibits,
        counts=counts,
        origins=origins,
        runs=run_groups(results),
        imports=imported_backbones(results),
        costs=cost_groups(results),
        first=read_this_first(declared, results),
        sections=list(dict.fromkeys(entry.section for entry in exhibits if entry.content)),
    )
    leading = next((entry for entry in own if entry.id in records and records[entry.id].headline), None)
    return content, Summary(
        study=plan.study,
        overrides=plan.asked,
        report_digest=plan.report_digest,
        scale=plan.scale,
        project=plan.project,
        counts=counts,
        made=origins.finished,
        headline=_headline(leading, records[leading.id], folder, out) if leading else None,
    )


def _headline(entry: Entry, record: ExhibitRecord, folder: Path, out: Path) -> Headline:
    content = moved(record.headline, folder / f"{entry.id}.html", out)
    return Headline(name=entry.name, title=entry.title, content=content)


def front_page(reports: Path, out: Path, root: Path) -> bytes:
    """The landing page of every reports/*/summary.json; raises ReportError when there is none."""
    found = [_listed(path, out) for path in sorted(reports.glob("*/summary.json"))]
    if not found:
        raise ReportError(f"{reports}: no */summary.json. Render a report first: python -m bits.commands.render report")
    found.sort(key=lambda report: (not report.summary.scale.reproduction, report.summary.study))
    return page("front.html.j2", out, root, reports=found)


def _listed(path: Path, out: Path) -> _Listed:
    try:
        summary = Summary.model_validate(read_json(path, "a report's summary"))
    except ValidationError as error:
        remedy = "Write that report again, or delete the file"
        raise ReportError(f"{path}: not a report's summary ({error.error_count()} errors). {remedy}.") from error
    report = path.with_name("index.html")
    headline = moved(summary.headline.content, report, out) if summary.headline else Markup()
    return _Listed(summary, str(report.resolve()), headline)


def _entry(
    name: str,
    declared: Declarations,
    results: Results,
    records: Mapping[str, ExhibitRecord],
    folder: Path,
    out: Path,
) -> Entry:
    exhibit = declared.exhibits[name]
    about = (name, exhibit.name, exhibit.title, exhibit.section, exhibit.notes, exhibit.beyond)
    reason = why_not(name, declared, results.plan.left_out)
    if reason is not None:
        return Entry(*about, *reason)
    record = records[name]
    within = Path(os.path.relpath(folder.resolve(), results.root.resolve()))
    return Entry(
        *about,
        state="computed" if record.have == record.of else "incomplete",
        detail=f"{record.have} of {record.of} {record.counted}",
        content=moved(record.content, folder / f"{name}.html", out),
        dead=record.dead,
        outcomes=record.outcomes,
        holes=record.holes,
        formats={ending: str(within / f"{name}.{ending}") for ending in exhibit.formats},
    )


def computed(declared: Declarations, results: Results) -> list[str]:
    """Ids of the exhibits that are computed here, in the paper's order."""
    return [name for name in declared.computable() if name not in results.plan.left_out]


def why_not(name: str, declared: Declarations, left_out: Mapping[str, str]) -> tuple[str, str] | None:
    """(state, reason) of an exhibit that is not computed: nothing computes it yet, or its data are not here."""
    if name in declared.pending:
        return "pending", declared.pending[name]
    return ("no data", left_out[name]) if name in left_out else None
