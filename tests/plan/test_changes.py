"""Why a run is not there, in plain words."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bits.config.recipe import Recipe
from bits.data.fingerprint import fingerprint
from bits.plan import Plan, Run
from bits.plan.changes import differences, why_untrained
from bits.plan.runs import frozen_run, planned_run

from .conftest import run_of


@pytest.fixture
def run(plan: Plan, tmp_path: Path) -> Run:
    recipe = changed(run_of(plan, "bits-cosine").recipe, clip_norm=1.0, betas=(0.9, 0.999))
    return planned_run("bits-cosine", recipe, "imagenet1k", tmp_path, None)


def changed(recipe: Recipe, **optimizer: object) -> Recipe:
    return recipe.model_copy(update={"optimizer": recipe.optimizer.model_copy(update=optimizer)})


def test_a_run_says_what_it_differs_in_from_the_nearest_of_its_name(run, tmp_path):
    def trained(name: str, recipe: Recipe) -> None:
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text(yaml.safe_dump({"recipe": recipe.model_dump(mode="json")}))
        (folder / "outcome.json").write_text("{}")

    trained("bits-cosine-00000001", run.recipe.model_copy(update={"seed": 1}))
    assert why_untrained(run) == "was never trained here with this seed"
    trained("bits-cosine-00000003", changed(run.recipe, clip_norm=3.0, betas=(0.9, 0.95)))
    trained("bits-cosine-00000002", changed(run.recipe, clip_norm=3.0))
    trained("bits-cosine-more-00000003", run.recipe)  # another run's name
    (tmp_path / "runs/bits-cosine-00000004").mkdir()  # never finished
    said = why_untrained(run)
    assert said.endswith("bits-cosine-00000002, which is kept: optimizer.clip_norm 3.0 -> 1.0")
    frozen = frozen_run("bits-cosine", "imagenet1k", changed(run.recipe, clip_norm=3.0))
    (tmp_path / "runs/bits-cosine-00000002/config.yaml").write_text(yaml.safe_dump(frozen))
    assert why_untrained(run) == said, "a title, which is not frozen, is no difference"


def test_states_of_a_run_that_is_not_all_there(run):
    assert why_untrained(run) == "was never trained here"
    run.resume.mkdir(parents=True)
    (run.resume / "step-000000120.safetensors").write_bytes(b"")
    assert why_untrained(run) == "was interrupted; resumes from step 120"
    run.failure.write_text("{}")
    assert why_untrained(run).startswith("its last attempt failed")
    assert str(run.failure) in why_untrained(run)
    assert why_untrained(run).endswith("resumes from step 120")
    run.outcome.write_text("{}")
    assert why_untrained(run) == "some of its files are missing"


def test_differences_of_recipes_in_words():
    old = {"a": {"b": 1}, "dataset": {"fingerprint": "x"}, "start": {"run": "dino", "digest": "1"}}
    new = {"a": {"c": 2}, "dataset": {"fingerprint": "y"}, "start": {"run": "dino", "digest": "2"}}
    assert differences(old, new) == [
        "a.c absent -> 2",
        "its images have changed",
        "the run that it starts from, dino, has changed",
        "a.b 1 -> absent",
    ]
    assert differences(old, old) == []


def test_images_that_were_replaced_are_named_where_both_sets_have_been_seen_here(tmp_path):
    path = tmp_path / "set/train/cat/0.png"
    path.parent.mkdir(parents=True)
    prints = []
    for content in (b"one", b"two"):
        path.write_bytes(content)
        prints.append({"dataset": {"fingerprint": fingerprint(tmp_path / "set")}})
    assert differences(*prints) == ["its images have changed: 1 replaced (train/cat/0.png)"]
