"""The plan as files: made once, never stale, and frozen copies that jobs read."""

from __future__ import annotations

import yaml

from bits.config.evaluation import EvaluationSettings
from bits.config.frozen import read_section, read_site
from bits.config.recipe import Dataset, Recipe
from bits.plan import Request, current_plan, read_plan, write_plan

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
    other = current_plan(Request.of_scale("smoke", ("objective.rate_eps=0.1",)))
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
