"""Backbones that were trained elsewhere in a report: a row like any, with its origin and what others published."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import pytest

from bits.config.imports import ImportLine, ImportRecipe
from bits.config.published import Published
from bits.plan.imports import planned_import
from bits.plan.sources import Import
from bits.records.seal import write_record
from bits.reporting.files import ReportError
from bits.reporting.imports import imported_backbones
from bits.reporting.results import Results

TAKEN = {
    "prefix": "teacher.backbone.",
    "branch": "teacher",
    "tensors_in_file": 310,
    "tensors_taken": 150,
    "left_out": {"student.backbone": 150, "teacher.head": 10},
    "not_given": [],
    "changed": ["150 tensors were float16, and are float32 here"],
}
SHA = "0123456789abcdef" * 4


@pytest.fixture
def theirs(fake: Any) -> Import:
    """An import that Table 1 and the table of channels show, measured, with a published k-NN accuracy."""
    recipe = fake.run("dino").recipe
    line = ImportLine(weights="/x/dino.pth", backbone="vit-convstem-nano", label="from a friend")
    values = {name: recipe.model_dump()[name] for name in ("backbone", "seed")}
    norm = {"mean": recipe.augmentation.mean, "std": recipe.augmentation.std}
    made = planned_import("theirs", line, ImportRecipe(weights=SHA, augmentation=norm, **values), fake.plan.folder)
    metrics = fake.plan.folder / "metrics" / made.id / fake.metrics_path("dino").name
    fake.change(
        imports={made.id: made},
        sources={**fake.plan.sources, "theirs": [made.id]},
        metrics={**fake.plan.metrics, made.id: {"imagenet1k": metrics}},
        published={"theirs": Published(source="arXiv 2104.14294", values={"imagenet1k.knn.top1_k20": 72.8})},
    )
    fake.show("theirs", "table-1", "DINO, theirs")
    fake.plant("theirs", knn={"top1_k20": 0.7123}, retrieval={"map": 0.3}, linear={"last": 0.75, "best": 0.76})
    return made


def test_its_row_has_measured_and_published_numbers_and_says_where_it_is_from(fake: Any, theirs: Import) -> None:
    folder = Path(fake.render_exhibit("table-1"))
    (row,) = (line for line in (folder / "table-1.md").read_text().splitlines() if "DINO, theirs" in line)
    assert "71.23 (72.8)" in row and "30.00 |" in row
    assert "weights from dino.pth, sha256 0123456789abcdef, not trained here; published: arXiv 2104.14294" in row
    page = html.unescape((folder / "table-1.html").read_text())
    assert "not trained here" in page and "72.8" in page


def test_a_table_beyond_the_paper_shows_what_was_published_too(fake: Any, theirs: Import) -> None:
    fake.plan.shown.clear()
    fake.show("theirs", "extra-theirs", "theirs")
    text = (Path(fake.render_exhibit("extra-theirs")) / "extra-theirs.md").read_text()
    assert "Measured here (published)" in text and "71.23 (72.8)" in text
    fake.change(published={})
    text = (Path(fake.render_exhibit("extra-theirs")) / "extra-theirs.md").read_text()
    assert "Measured here." in text and "72.8" not in text


def test_what_only_a_training_has_does_not_apply_and_is_no_hole(fake: Any, theirs: Import) -> None:
    fake.without_pending()
    fake.show("theirs", "extra-channel", "theirs")
    table = fake.table("extra-channel")
    (row,) = (row for row in table.rows if row.label == "theirs")
    assert {cell.status for cell in row.cells} == {"does not apply"}
    assert "not trained here" in row.note and "published" not in row.note
    assert not any("theirs" in hole for hole in table.holes())


def test_a_figure_of_trainings_has_no_curve_of_it_and_no_hole(fake: Any, theirs: Import) -> None:
    fake.show("theirs", "figure-4", "theirs")
    folder = Path(fake.render_exhibit("figure-4"))
    (line,) = (line for line in (folder / "figure-4.csv").read_text().splitlines() if "theirs" in line)
    assert "does not apply" in line
    assert "Missing" not in (folder / "figure-4.html").read_text()


def test_one_that_is_not_measured_yet_is_a_hole_with_the_command(fake: Any, theirs: Import) -> None:
    path = fake.metrics_path("theirs")
    path.unlink()
    (hole,) = {hole for hole in fake.table("table-1").holes() if "theirs" in hole and "knn" in hole}
    assert f"snakemake {fake.plan.metrics[theirs.id]['imagenet1k']}" in hole


def test_the_report_lists_what_was_taken_of_its_file(fake: Any, theirs: Import) -> None:
    results = Results(fake.plan, fake.root)
    (before,) = imported_backbones(results)
    assert before.taken == "" and before.links == {}
    record = {"id": theirs.id, "taken": TAKEN}
    write_record(fake.root / theirs.provenance, record)
    (line,) = imported_backbones(results)
    assert line.taken == "150 of 310 tensors, behind 'teacher.backbone.', the teacher's"
    assert line.left_out == "student.backbone (150), teacher.head (10)" and set(line.links) == {"provenance"}
    write_record(fake.root / theirs.provenance, {**record, "id": "another"})
    with pytest.raises(ReportError, match="is of another"):
        imported_backbones(results)
