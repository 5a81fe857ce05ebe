"""The plan as files: made once, never stale, and frozen copies that jobs read."""

from __future__ import annotations

import pytest
import yaml

from bits.config.evaluation import EvaluationSettings
from bits.config.frozen import read_section, read_site
from bits.config.recipe import Dataset, Recipe
from bits.errors import BitsError
from bits.plan import Request, current_plan, read_plan, write_plan
from bits.plan.model import PlanError
from bits.plan.runs import read_frozen_run

from .conftest import run_of


def test_the_plan_is_read_again_until_something_it_is_made_from_changes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = current_plan(Request.of_scale("smoke"))
    path = tmp_path / "results/smoke/plan.json"
    made = path.stat().st_mtime_ns
    config = run_of(first, "dino").config
    frozen = config.stat().st_mtime_ns
    assert current_plan(Request.of_scale("smoke")) == first
    assert path.stat().st_mtime_ns == made
    other = current_plan(Request.of_scale("smoke", ("objective.coding_rate.eps=0.1",)))
    assert other.sources["bits-fixed"] != first.sources["bits-fixed"]
    assert config.stat().st_mtime_ns == frozen, "a frozen configuration was written again"
    path.write_text("{half")
    assert current_plan(Request.of_scale("smoke")) == first


def test_jobs_read_frozen_files_that_say_what_the_plan_says(plan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_plan(plan)
    assert read_plan(plan.file) == plan
    assert read_site(plan.site_file, 0) == plan.site
    for run in plan.runs.values():
        recipe = read_section(run.config, Recipe, "recipe")
        assert recipe.digest() == run.recipe.digest() == yaml.safe_load(run.config.read_text())["digest"]
    for name, evaluation in plan.evaluations.items():
        file = plan.evaluation_file(name)
        assert read_section(file, EvaluationSettings, "settings") == evaluation.settings
        untitled = evaluation.dataset.model_copy(update={"title": ""})
        assert read_section(file, Dataset, "dataset") == untitled
        facts = yaml.safe_load(file.read_text())
        assert (facts["name"], facts["id"], facts["role"]) == (name, evaluation.id, evaluation.role)


def test_a_frozen_file_that_somebody_removed_is_written_again(plan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kept = plan.model_copy(update={"key": Request.of_scale("smoke").key()})
    kept.write(kept.folder / "plan.json")
    write_plan(kept)
    files = [kept.file, kept.site_file, run_of(kept, "dino").config, kept.evaluation_file(next(iter(kept.evaluations)))]
    before = [path.read_text() for path in files]
    for path in files:
        path.unlink()
        assert current_plan(Request.of_scale("smoke")) == kept
    assert [path.read_text() for path in files] == before


def test_a_plan_that_was_edited_by_hand_is_refused_and_never_followed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = current_plan(Request.of_scale("smoke"))
    path = first.folder / "plan.json"
    run = run_of(first, "dino")
    for edited in (path, first.file):
        text = edited.read_text()
        changed = text.replace(f'"learning_rate": {run.recipe.optimizer.learning_rate}', '"learning_rate": 7.0')
        assert changed != text
        edited.write_text(changed)
        with pytest.raises(PlanError, match=rf"{edited}: was changed by hand.*bits plan"):
            read_plan(edited)
    run.config.unlink()
    assert current_plan(Request.of_scale("smoke")) == first, "made anew"
    assert read_plan(first.file) == first
    assert read_frozen_run(run.config) == ("dino", run.role, untitled(run.recipe))


def test_the_configuration_of_another_run_or_value_is_refused(plan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_plan(plan)
    dino, other = run_of(plan, "dino"), run_of(plan, "simdino")
    dino.config.write_text(other.config.read_text())
    with pytest.raises(
        BitsError, match=rf"{dino.config}: is the configuration of {other.id}, in the folder of another"
    ):
        read_frozen_run(dino.config)
    text = other.config.read_text()
    other.config.write_text(text.replace("learning_rate:", "learning_rate: 7.0 #", 1))
    with pytest.raises(BitsError, match=rf"{other.config}: was changed by hand"):
        read_frozen_run(other.config)


def untitled(recipe: Recipe) -> Recipe:
    return recipe.model_copy(update={"dataset": recipe.dataset.model_copy(update={"title": ""})})
