"""The plan as a whole: what the paper shows, what an override changes, and what stays as it was."""

from __future__ import annotations

import shutil

from bits.plan import Request, make_plan, write_plan
from bits.records.code import ROOT

from .conftest import made, names


def test_counts_of_the_paper(plan):
    assert len(set(names(plan, "pretraining"))) == len(names(plan, "pretraining")) == 25
    assert len(set(names(plan, "finetuning"))) == len(names(plan, "finetuning")) == 16
    assert len({run.recipe.digest() for run in plan.runs.values()}) == 41, "two runs train the same"
    exhibits = [*plan.needs, *plan.pending]
    assert sum(name.startswith("table-") for name in exhibits) == 14
    assert sum(name.startswith("figure-") for name in exhibits) == 10
    assert sum(not name.startswith("extra-") for name in exhibits) == 26
    assert len(exhibits) == len(set(exhibits)) == 31


def test_a_changed_set_up_says_so_on_every_page_and_is_no_reproduction():
    same = made("paper", "site.threads=3", "seeds=[0,1]", "seed=4", "site.data.imagenet1k='/x'")
    assert same.scale == made("paper").scale
    assert same.scale.reproduction
    assert same.changed == ()
    words = ("schedule.epochs=20", "site.threads=3", "++backbone.options.depth=2")
    changed = made("paper", *words)
    assert not changed.scale.reproduction
    assert changed.overrides == words
    assert changed.changed == (words[0], words[2])
    assert changed.scale.stamp.startswith("CHANGED SET-UP (schedule.epochs=20, ++backbone.options.depth=2)")
    assert "not a reproduction" in changed.scale.stamp
    assert "DEMO" in made("demo", "crops.n_local=2").scale.stamp


def test_choices_in_force_have_their_values(plan):
    choices = {choice.key: choice.value for choice in plan.choices}
    assert choices["objective.bce.reduction"] == '"mean"'
    assert choices["evaluation.retrieval.queries_per_class"] == "5"


def test_an_override_of_one_part_changes_just_what_it_can_change(plan):
    other = made("smoke", "evaluation.knn.temperature=0.1")
    assert list(other.runs) == list(plan.runs)
    (dino,) = plan.sources["dino"]
    assert other.metrics[dino]["imagenet1k"] != plan.metrics[dino]["imagenet1k"]
    assert other.metrics[dino]["training"] == plan.metrics[dino]["training"]
    quicker = made("smoke", "site.workers=3")
    assert quicker.metrics == plan.metrics


def test_what_is_of_a_machine_leaves_the_report_alone(plan):
    words = ("site.threads=3", "site.scratch=/scratch", "site.data.birds525=data/nowhere")
    elsewhere = made("smoke", *words)
    other = made("smoke", "evaluation.knn.temperature=0.1")
    assert elsewhere.digest != plan.digest
    assert elsewhere.report_digest == plan.report_digest != other.report_digest


def test_a_title_changes_no_run_and_no_number(plan, tmp_path, monkeypatch):
    config = shutil.copytree(ROOT / "config", tmp_path / "config")
    path = config / "dataset/scenes.yaml"
    path.write_text(path.read_text().replace("title: procedural scenes", "title: other scenes"))
    other = make_plan(Request.of_scale("smoke", (), config))
    assert other.datasets["imagenet1k"].title == "other scenes"
    assert other.sources == plan.sources
    assert other.metrics == plan.metrics
    assert other.declared["table-1"] != plan.declared["table-1"]
    assert other.report_digest != plan.report_digest
    monkeypatch.chdir(tmp_path)
    write_plan(plan)
    frozen = [run.config for run in plan.runs.values()] + [plan.evaluation_file(name) for name in plan.evaluations]
    dates = [path.stat().st_mtime_ns for path in frozen]
    write_plan(other)
    assert [path.stat().st_mtime_ns for path in frozen] == dates
    assert other.file != plan.file


def test_what_is_tuned_for_a_method_at_a_scale_is_known():
    assert made("smoke").tuned == {"dino": {"head.prototypes": "128"}}
    assert made("paper").tuned == {}
