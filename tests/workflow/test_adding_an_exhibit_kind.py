"""A new kind of exhibit: its declaration, its renderer, and an exhibit of it; nothing else is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from bits.exhibits import load_declarations
from bits.exhibits.kinds.base import RECORD
from bits.records.code import ROOT
from tests.workflow.conftest import Project

pytestmark = pytest.mark.workflow
SMOKE = ("--config", "scale=smoke")
KIND = '''"""Pages: a list of numbers of one run."""

from __future__ import annotations

from bits.exhibits.kinds.base import Exhibit, ExhibitKind, Need


class Page(Exhibit):
    """Numbers of one run, a line each."""

    run: str
    numbers: tuple[str, ...]

    def needs(self) -> list[Need]:
        return [(self.run, measure) for measure in self.numbers]


KIND = ExhibitKind(name="page", model=Page, shape="number", formats=("html", "txt"))
'''
RENDERER = '''"""Pages: every number with its label."""

from __future__ import annotations

from dataclasses import dataclass

from bits.exhibits import Declarations
from bits.exhibits.kinds.page import Page
from bits.reporting.about import About, about
from bits.reporting.cells import Cell
from bits.reporting.renderers.base import Renderer
from bits.reporting.results import Results
from bits.reporting.seeds import Seeds


@dataclass(frozen=True)
class Numbers:
    """(label, value) of every number."""

    about: About
    lines: tuple[tuple[str, Cell], ...]

    def holes(self) -> list[str]:
        return [hole for _, cell in self.lines for hole in cell.seeds.holes()]

    def dead(self) -> list[str]:
        return [line for label, cell in self.lines for line in cell.seeds.dead(label)]

    def outcomes(self) -> list[str]:
        return [outcome for label, cell in self.lines for outcome in cell.seeds.outcomes(label)]

    def seeds(self) -> tuple[int, ...]:
        return tuple(sorted({cell.seeds.expected for _, cell in self.lines}))

    def counts(self) -> tuple[int, int]:
        return sum(cell.seeds.settled for _, cell in self.lines), len(self.lines)


def collect(page: Page, declared: Declarations, results: Results) -> Numbers:
    measures = [declared.measures[name] for name in page.numbers]
    cells = [Cell(Seeds(results.readings(page.run, measure)), decimals=measure.decimals) for measure in measures]
    lines = zip((measure.label for measure in measures), cells, strict=True)
    return Numbers(about(page, results.plan), tuple(lines))


def contents(numbers: Numbers) -> dict[str, bytes]:
    lines = [f"{label}: {cell.text}" for label, cell in numbers.lines]
    return {"txt": "\\n".join([numbers.about.stamp, *lines, ""]).encode()}


RENDERER = Renderer(name="page", collect=collect, contents=contents, counted="numbers")
'''
TEMPLATE = "<ul>{% for label, cell in exhibit.lines %}<li>{{ label }}: {{ cell.text }}</li>{% endfor %}</ul>\n"
EXHIBIT = """\
exhibits:
  extra-page:
    kind: page
    title: One run in numbers
    section: Beyond the paper
    caption: The numbers of BITS-fixed.
    run: bits-fixed
    numbers: [imagenet1k.retrieval.map, imagenet1k.variance.d_eff]
"""
DIGESTS = """\
import json
from bits.plan import Request, make_plan
from bits.reporting.renderers.base import files_of
from bits.workflow.code import code_state_of
plan = make_plan(Request.of_scale("smoke"))
codes = {name: code_state_of("report", files_of(kind, name)) for name, kind in plan.kinds.items()}
print(json.dumps({"runs": sorted(plan.runs), "evaluations": {name: sorted(map(str, files.values()))
                  for name, files in plan.metrics.items()}, "exhibits": {name: [plan.declared[name], codes[name]]
                  for name in codes}, "report": code_state_of("report")}))
"""


def add_the_kind(folder: Path) -> None:
    (folder / "bits/exhibits/kinds/page.py").write_text(KIND)
    (folder / "bits/reporting/renderers/page.py").write_text(RENDERER)
    (folder / "bits/reporting/renderers/page.html.j2").write_text(TEMPLATE)
    (folder / "config/exhibits/mine.yaml").write_text(EXHIBIT)


def test_a_kind_and_its_exhibit_are_added_and_nothing_else_changes(project: Project) -> None:
    before = project.says(DIGESTS)
    add_the_kind(project.folder)
    after = project.says(DIGESTS)
    assert set(after["exhibits"]) - set(before["exhibits"]) == {"extra-page"}
    del after["exhibits"]["extra-page"]
    assert after == before


def test_its_exhibit_is_made_and_in_the_report(project: Project) -> None:
    add_the_kind(project.folder)
    lines = [f"{name}: not asked for here\n" for name in load_declarations(ROOT / "config").exhibits]
    (project.folder / "config/pending.yaml").write_text("".join(lines))
    project.made("extra-page", *SMOKE)
    exhibits = project.folder / "reports/smoke/exhibits"
    assert {path.name for path in exhibits.iterdir()} == {f"extra-page.{ending}" for ending in ("html", "txt", RECORD)}
    text = (exhibits / "extra-page.txt").read_text()
    assert "SMOKE SCALE" in text
    label, _, value = text.splitlines()[1].partition(": ")
    assert (label, 0 < float(value.split()[0]) < 100) == ("mAP", True)
    assert f"<li>mAP: {value}</li>" in (exhibits / "extra-page.html").read_text()
    project.made(*SMOKE)
    report = (project.folder / "reports/smoke/index.html").read_text()
    assert '<article class="card" id="extra-page">' in report
    assert f"<li>mAP: {value}</li>" in report
    assert "2 of 2 numbers" in report
    assert 'href="./exhibits/extra-page.txt"' in report
    assert project.jobs(*SMOKE) == {}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("numbers:", "nombers:", "mine.yaml: exhibits.extra-page.nombers: unknown key; did you mean 'numbers' or"),
        ("kind: page", "kind: pages", "exhibits.extra-page.kind: no kind of exhibit 'pages'; did you mean 'page'?"),
    ],
)
def test_a_typo_in_its_yaml_is_refused_by_name(project: Project, old: str, new: str, message: str) -> None:
    add_the_kind(project.folder)
    with project.edited("config/exhibits/mine.yaml", old, new):
        refused = project.snakemake("-n", "extra-page", *SMOKE)
    assert refused.returncode != 0
    assert message in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_kind_without_a_renderer_is_refused_with_what_to_do(project: Project) -> None:
    add_the_kind(project.folder)
    (project.folder / "bits/reporting/renderers/page.py").unlink()
    refused = project.snakemake("-n", "extra-page", *SMOKE)
    assert refused.returncode != 0
    assert "extra-page: nothing renders exhibits of kind page yet" in refused.stderr
    assert "Add bits/reporting/renderers/page.py, or say in config/pending.yaml what is missing" in refused.stderr
    assert "Traceback" not in refused.stderr
