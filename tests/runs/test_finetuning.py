"""Fine-tuning: what it loads from its pretraining, and which files it refuses."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from bits.commands import prepare
from bits.config.recipe import Recipe
from bits.plan import Plan, Request, Run, current_plan
from bits.records.digests import file_digest
from bits.records.seal import RecordError, write_record
from bits.runs.build import objective_of, teacher_student
from bits.runs.train import train
from bits.training.checkpoint import CheckpointError, read_tensors, write_tensors
from bits.training.start import load_start

SHORT = ("schedule.epochs=3", "optimizer.warmup_epochs=1", "curve.every_epochs=3", "finetuning.epochs=2")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plan]:
    """A plan with trained DINO and BITS-reset; its folder is the working directory."""
    folder = tmp_path_factory.mktemp("train")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        plan = current_plan(Request.of_scale("smoke", SHORT))
        for role in ("imagenet1k", "birds525"):
            patch.setattr(sys, "argv", ["prepare", "--plan", "results/smoke/plan.json", "--dataset", role])
            prepare.main()
        for name in ("dino", "bits-reset"):
            run = run_of(plan, name)
            assert train(run.recipe, plan.site, name, run.role, run.folder) == 0
        yield plan


def run_of(plan: Plan, name: str) -> Run:
    (identity,) = plan.sources[name]
    return plan.runs[identity]


def started(plan: Plan, name: str) -> tuple[Any, Any, Recipe]:
    recipe = run_of(plan, f"{name}-on-birds525").recipe
    model, objective = teacher_student(recipe), objective_of(recipe)
    assert recipe.start is not None
    load_start(recipe.start, run_of(plan, name).folder, model, objective)
    return model, objective, recipe


def test_student_teacher_heads_and_centre_are_carried_over(trained):
    folder = run_of(trained, "dino").folder
    model, objective, _ = started(trained, "dino")
    found = {part: read_tensors(folder / f"{part}.safetensors").tensors for part in ("student", "teacher", "heads")}
    heads = found["heads"]
    for name, branch in (("student", model.student), ("teacher", model.teacher)):
        assert all(torch.equal(value, found[name][key]) for key, value in branch.backbone.state_dict().items())
        assert all(torch.equal(value, heads[f"{name}.{key}"]) for key, value in branch.head.state_dict().items())
    assert float(objective.cross_entropy.centre.abs().sum()) > 0, "DINO's centre started anew"
    assert torch.equal(objective.cross_entropy.centre, heads["objective.cross_entropy.centre"])
    weights = zip(model.student.parameters(), model.teacher.parameters(), strict=True)
    assert not all(torch.equal(mine, theirs) for mine, theirs in weights), "the teacher is the student again"


def test_a_fine_tuning_is_trained_from_there_and_measures_every_epoch(trained):
    run = run_of(trained, "bits-reset-on-birds525")
    recipe = run.recipe
    recipe = recipe.model_copy(update={"curve": recipe.curve.model_copy(update={"every_epochs": 1})})
    start, folder = run_of(trained, "bits-reset").folder, Path("results/tuned")
    assert train(recipe, trained.site, run.name, run.role, folder, start) == 0

    curve = json.loads((folder / "curve.json").read_text())
    assert curve["values"]["training"]["map"]["x"] == [0, 1, 2]
    assert curve["dataset"] == "birds525"
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    resets = [line for line in log if line.get("event") == "head reset"]
    assert [line["step"] for line in resets] == [0]
    before = read_tensors(start / "teacher.safetensors").tensors
    after = read_tensors(folder / "teacher.safetensors").tensors
    drift = max(float((after[key] - before[key]).abs().max()) for key in before)
    assert 0 < drift < 0.5  # changed, starting from there
    provenance = json.loads((folder / "provenance.json").read_text())
    assert provenance["start"]["run"] == "bits-reset"


def test_missing_foreign_and_damaged_starts_are_refused(trained, tmp_path):
    recipe = run_of(trained, "dino-on-birds525").recipe
    model, objective = teacher_student(recipe), objective_of(recipe)
    assert recipe.start is not None
    with pytest.raises(CheckpointError, match="--from-run"):
        load_start(recipe.start, None, model, objective)
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        load_start(recipe.start, tmp_path, model, objective)
    with pytest.raises(CheckpointError, match=f"expected {recipe.start.digest}"):
        load_start(recipe.start, run_of(trained, "bits-reset").folder, model, objective)
    for part in ("student", "teacher", "heads"):
        write_tensors(tmp_path / f"{part}.safetensors", {"x": torch.zeros(1)}, {"run": recipe.start.digest})
    with pytest.raises(RecordError, match=r"provenance\.json"):
        load_start(recipe.start, tmp_path, model, objective)
    digests = {path.stem: file_digest(path) for path in tmp_path.glob("*.safetensors")}
    write_record(tmp_path / "provenance.json", {"weights": digests | {"heads": digests["student"][::-1]}})
    with pytest.raises(CheckpointError, match=r"heads\.safetensors: is not the file that the training wrote"):
        load_start(recipe.start, tmp_path, model, objective)
    write_record(tmp_path / "provenance.json", {"weights": digests})
    with pytest.raises(CheckpointError, match="does not fit"):
        load_start(recipe.start, tmp_path, model, objective)
    (tmp_path / "heads.safetensors").write_bytes(b"half")
    with pytest.raises(CheckpointError, match="damaged"):
        load_start(recipe.start, tmp_path, model, objective)
