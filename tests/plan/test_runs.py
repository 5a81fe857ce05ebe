"""Pretrainings and fine-tunings: their recipes, their seeds, and lines of runs.yaml that cannot be right."""

from __future__ import annotations

import shutil

import pytest

from bits.config.recipe import Start
from bits.errors import BitsError
from bits.plan import Request, make_plan
from bits.records.code import ROOT

from .conftest import made, names, run_of


def test_fine_tunings_are_what_table_8_says(plan):
    for run in plan.runs.values():
        recipe = run.recipe
        if run.kind == "pretraining":
            assert recipe.start is None
            assert not recipe.head_reset.at_start
            continue
        source = plan.runs[run.start]
        assert run.name == f"{source.name}-on-{run.role}"
        assert recipe.start == Start(run=source.name, digest=source.recipe.digest())
        assert recipe.head_reset.at_start == (source.name == "bits-reset")
        assert recipe.head_reset.every_epochs is None
        assert recipe.dataset.name == plan.datasets[run.role].name
        assert recipe.objective == source.recipe.objective
        assert set(plan.metrics[run.id]) == {run.role, "training"}
    paper = run_of(made("paper"), "dino-on-birds525")  # smoke has fewer epochs
    assert paper.recipe.schedule.epochs == 10
    assert paper.recipe.head.freeze_prototypes_epochs == 0


def test_what_the_paper_leaves_open_of_fine_tunings_is_one_override_away(plan):
    words = ("finetuning.reset=false", "finetuning.freeze_prototypes_epochs=1", "finetuning.min_learning_rate=0.0")
    other = made("smoke", *words, "schedule.horizon_epochs=40")
    for name in ("bits-reset", "dino"):
        before, after = (run_of(one, f"{name}-on-birds525").recipe for one in (plan, other))
        assert before.head_reset.at_start == (name == "bits-reset")
        assert before.optimizer.min_learning_rate == run_of(plan, name).recipe.optimizer.min_learning_rate
        assert not after.head_reset.at_start
        assert after.optimizer.min_learning_rate == 0
        assert (before.head.freeze_prototypes_epochs, after.head.freeze_prototypes_epochs) == (0, 1)
        assert run_of(other, name).recipe.schedule.horizon_epochs == 40
        assert after.schedule.horizon_epochs is None, "a fine-tuning is not the beginning of anything"


def test_another_pretraining_makes_another_fine_tuning(plan):
    other = made("smoke", "objective.coding_rate.eps=0.1")
    for name, ids in plan.sources.items():
        if name == "dino" or name.startswith("dino-on-"):
            assert other.sources[name] == ids, "it has no coding rate"
        elif name not in ("chance", "pixels", "random-init"):
            assert not set(ids) & set(other.sources[name])
    longer = made("smoke", "finetuning.epochs=6")
    for name, ids in plan.sources.items():
        assert (longer.sources[name] == ids) == ("-on-" not in name)


def test_a_rows_own_value_wins_over_one_for_all_runs(plan):
    """Else all rows of Table 4 would be one run under four names."""
    words = (
        "objective.coding_rate.weight=0.5",
        "schedule={epochs: 3}",
        "optimizer.warmup_epochs=1",
        "optimizer.clip_norm=9",
    )
    changed = made("smoke", *words)
    recipes = {name: run_of(changed, name).recipe for name in names(changed, "pretraining")}
    for weight in (0.05, 0.1, 0.2, 0.5):
        assert recipes[f"bits-beta-{weight}"].objective.coding_rate.weight == weight
        assert recipes[f"bits-beta-{weight}"].schedule.epochs == 10
    assert recipes["bits-fixed"].schedule.epochs == 3
    assert recipes["bits-fixed"].optimizer.clip_norm == 9
    assert recipes["bits-clip-2"].optimizer.clip_norm == 2


def test_seeds_of_all_runs_and_of_one(plan, tmp_path):
    three = made("smoke", "seeds=[0,1,2]")
    assert len(three.runs) == 3 * 41
    assert {len(ids) for ids in three.sources.values()} == {3}
    for name, ids in three.sources.items():
        assert ids[0] == plan.sources[name][0], "seed 0 stays the run that it was"
        assert [three.source(identity).seed for identity in ids] == [0, 1, 2]
    tuned = three.runs[three.sources["dino-on-food101"][2]]
    assert three.runs[tuned.start].seed == tuned.recipe.seed == 2
    assert len(three.needs["table-3"]) == (2 + 3) * 3
    config = shutil.copytree(ROOT / "config", tmp_path / "config")
    lines = (config / "runs.yaml").read_text()
    (config / "runs.yaml").write_text(lines.replace("dino: {method: dino}", "dino: {method: dino, seeds: [3, 4]}", 1))
    own = make_plan(Request.of_scale("smoke", ("seeds=[0,1]",), config))
    assert [own.runs[identity].seed for identity in own.sources["dino"]] == [3, 4]
    assert [own.runs[identity].seed for identity in own.sources["dino-on-food101"]] == [3, 4]
    assert len(own.sources["bits-fixed"]) == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{method: dino, seeds: 3}", "seeds = 3: expected a list"),
        ("{method: dino, seeds: [1, 1]}", "each seed once"),
        ("{method: dino, seeds: [-1]}", "seeds = \\[-1\\]"),
        ("{method: dino, shown: table-9}", "shown = 'table-9': expected"),
        ("{method: dino, sedes: [1]}", "did you mean 'seeds"),
        ("{method: dino, evaluation.linear.blocks: 1}", "the same for all runs"),
        ("{method: dino, finetuning.epochs: 1}", "the same for all runs"),
        ("{method: dino, site.threads: 1}", "the same for all runs"),
        ("{method: dino, start.run: simdino}", "no part of a run's recipe"),
        ("{method: dino, dataset.settings.train: 9}", "the same for all runs"),
        ("{method: dino, seed: 1, seed: 2}", "'seed' is given twice"),
    ],
)
def test_lines_of_runs_that_cannot_be_right(tmp_path, line, message):
    config = shutil.copytree(ROOT / "config", tmp_path / "config")
    lines = (config / "runs.yaml").read_text()
    (config / "runs.yaml").write_text(lines.replace("dino: {method: dino}", f"dino: {line}", 1))
    with pytest.raises(BitsError, match=message):
        make_plan(Request.of_scale("smoke", (), config))


def test_all_runs_go_without_a_term_but_those_whose_line_sets_it(plan):
    without = made("smoke", "objective.coding_rate=null")
    terms = {name: run_of(without, name).recipe.objective.model_dump() for name in names(without, "pretraining")}
    assert {name for name, found in terms.items() if "coding_rate" in found} == {
        f"bits-beta-{weight}" for weight in ("0.05", "0.1", "0.2", "0.5")
    }
    assert not [choice for choice in without.choices if choice.key.startswith("objective.coding_rate")]
    assert without.sources["dino"] == plan.sources["dino"]
