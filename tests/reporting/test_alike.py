"""Rows that are one and the same run: they are said to be, and neither is the better one."""

from __future__ import annotations

from typing import Any

import pytest

from bits.config.recipe import Recipe
from bits.plan.alike import training_of


def with_resets(recipe: Recipe, **values: Any) -> Recipe:
    return recipe.model_copy(update={"head_reset": recipe.head_reset.model_copy(update=values)})


@pytest.fixture
def coinciding(fake):
    """BITS-reset is BITS-fixed with a reset that five epochs do not reach, and has its numbers."""
    fixed = fake.run("bits-fixed")
    short = fixed.recipe.model_copy(update={"schedule": fixed.recipe.schedule.model_copy(update={"epochs": 5})})
    runs = {
        **fake.plan.runs,
        fixed.id: fixed.model_copy(update={"recipe": short}),
        fake.id("bits-reset"): fake.run("bits-reset").model_copy(
            update={"recipe": with_resets(short, every_epochs=10)}
        ),
    }
    fake.change(runs=runs)
    for name in ("bits-fixed", "bits-reset"):
        fake.change_metrics(name, knn={"top1_k20": 0.3})
    return fake


def test_rows_of_one_run_are_named_and_neither_is_bold(coinciding):
    table = coinciding.table("table-1")
    said = (
        "BITS-fixed, BITS-reset: one and the same run in this set-up, because head_reset.every_epochs never comes into "
        "play in 5 epochs"
    )
    assert table.alike == (said,)
    column = next(i for i, head in enumerate(table.heads) if head.label.startswith("k-NN"))
    best = {row.label: row.cells[column].best for row in table.rows if row.kind == "run"}
    assert best == {"DINO": False, "SimDINO": False, "BITS-fixed": False, "BITS-reset": False}
    folder = coinciding.render_exhibit("table-1")
    for ending in ("md", "html", "tex"):
        assert "head" in (text := (folder / f"table-1.{ending}").read_text(encoding="utf-8")) and "same run" in text


def test_the_best_of_other_rows_stays_bold(coinciding):
    coinciding.change_metrics("dino", knn={"top1_k20": 0.4})
    table = coinciding.table("table-1")
    column = next(i for i, head in enumerate(table.heads) if head.label.startswith("k-NN"))
    assert [row.label for row in table.rows if row.cells[column].best] == ["DINO"]


def test_runs_that_differ_in_what_is_trained_are_not_alike(fake):
    assert fake.table("table-1").alike == ()
    plan = fake.plan
    run = fake.run("bits-fixed")
    epochs = run.recipe.schedule.epochs

    def training(recipe: Recipe) -> str:
        return training_of(
            plan.model_copy(update={"runs": {run.id: run.model_copy(update={"recipe": recipe})}}), run.id
        )

    same = training(run.recipe)
    assert training(with_resets(run.recipe, every_epochs=epochs)) == same, "after the last epoch there is none"
    assert training(with_resets(run.recipe, every_epochs=epochs - 1)) != same
    assert training(with_resets(run.recipe, at_start=True)) != same
    assert training(run.recipe.model_copy(update={"seed": 1})) != same
    assert training(run.recipe.model_copy(update={"method": "other"})) == same, "a name"


def test_curves_of_one_run_are_named_on_the_page_of_their_figure(coinciding):
    chart = coinciding.chart("figure-4")
    said = "BITS-fixed, BITS-reset: one and the same run in this set-up, because head_reset.every_epochs never comes"
    assert [line[: len(said)] for line in chart.alike] == [said], "once, though two panels show it"
    page = (coinciding.render_exhibit("figure-4") / "figure-4.html").read_text(encoding="utf-8")
    assert said in page
    assert coinciding.chart("figure-5").alike == chart.alike


def test_curves_of_different_runs_are_not(fake):
    assert fake.chart("figure-4").alike == ()
    assert "same run" not in (fake.render_exhibit("figure-4") / "figure-4.html").read_text(encoding="utf-8")
