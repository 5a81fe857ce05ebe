"""The files that a training writes for each way in which it can end."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from bits.models.teacher_student import TeacherStudent
from bits.plan import resume_folder
from bits.records.seal import is_intact
from bits.runs import train as trained
from bits.runs.train import _write_failure, curve_intervals, train
from bits.training import loop
from bits.training.checkpoint import read_tensors
from bits.training.possession import let_go


def test_a_failure_is_left_on_paper_and_taken_away_by_a_new_start(composed, tmp_path, monkeypatch):
    made = composed("bits-fixed")
    folder = tmp_path / "run"
    arguments = (made.recipe, made.site, "bits-fixed", "imagenet1k", folder)

    def fail(*arguments: object) -> None:
        raise RuntimeError("planted")

    with monkeypatch.context() as patch:
        patch.setattr(loop, "health", fail)  # for the first time at the last step
        with pytest.raises(RuntimeError, match="planted"):
            train(*arguments)
    found = json.loads((folder / "failure.json").read_text())
    assert is_intact(found)
    assert found["detail"] == "RuntimeError: planted"
    assert (found["run"], found["outcome"], found["step"], found["epochs"]) == ("run", "failed", 5, 5)
    assert not (folder / "outcome.json").exists()
    assert train(*arguments) == 0
    assert not (folder / "failure.json").exists()
    assert json.loads((folder / "outcome.json").read_text())["outcome"] == "finished"
    assert len(list((folder / "resume").glob("step-*"))) == 1


def test_a_run_that_is_asked_for_again_before_it_is_recorded_ends_at_once_with_the_same_bits(
    composed, tmp_path, monkeypatch
):
    """As when the Snakemake that waited for it was killed: the next one deletes what the run left, and starts it."""
    made = composed("bits-reset", "site.log_every_steps=1", f"site.scratch={tmp_path / 'scratch'}")
    folder, scratch = tmp_path / "run", made.site.scratch
    arguments = (made.recipe, made.site, "bits-reset", "imagenet1k", folder)
    assert train(*arguments) == 0
    weights = {path: read_tensors(path).tensors for path in folder.glob("*.safetensors")}
    curve, log = json.loads((folder / "curve.json").read_text()), (folder / "log.jsonl").read_text()
    assert '"evaluation"' in log.splitlines()[-1]
    interval, points = curve["intervals"]["training"]["map"], curve["values"]["training"]["map"]
    assert all(low <= y <= high for low, y, high in zip(interval["low"], points["y"], interval["high"], strict=True))
    assert interval["n"] == 5 * 20, "queries of each class"
    for path in (*weights, *(folder / f"{name}.json" for name in ("outcome", "curve", "provenance"))):
        path.unlink()

    def no_more(*arguments: object) -> None:
        raise AssertionError("trains or measures again")

    monkeypatch.setattr(loop.BatchUpdate, "__call__", no_more)
    monkeypatch.setattr(trained, "retrieval_values", no_more)
    assert train(*arguments) == 0
    for path, tensors in weights.items():
        again = read_tensors(path).tensors
        assert again.keys() == tensors.keys()
        assert all(torch.equal(again[name], tensor) for name, tensor in tensors.items())
    again = json.loads((folder / "curve.json").read_text())
    assert (again["values"], again["intervals"]) == (curve["values"], curve["intervals"])
    assert (folder / "log.jsonl").read_text() == log
    let_go(folder, resume_folder(folder, scratch))
    assert list((tmp_path / "scratch").iterdir()) == []


def test_checkpoints_of_one_scratch_belong_to_one_checkout_each(composed, tmp_path):
    """Two checkouts that train the same run: neither goes on from the other's steps nor removes them."""
    made = composed("bits-fixed", f"site.scratch={tmp_path / 'scratch'}")
    folders = [tmp_path / clone / "results/runs/bits-fixed-12345678" for clone in ("a", "b")]
    for folder in folders:
        assert train(made.recipe, made.site, "bits-fixed", "imagenet1k", folder) == 0
    places = [resume_folder(folder, made.site.scratch) for folder in folders]
    assert len(set(places)) == 2
    let_go(folders[0], places[0])
    assert not places[0].exists()
    assert list(places[1].glob("step-*"))


def test_what_cannot_be_read_is_a_failure_at_step_0(composed, tmp_path):
    made = composed("bits-fixed")
    site = made.site.model_copy(update={"data": {**made.site.data, "scenes": str(tmp_path / "none")}})
    with pytest.raises(Exception, match="none"):
        train(made.recipe, site, "bits-fixed", "imagenet1k", tmp_path / "run")
    found = json.loads((tmp_path / "run/failure.json").read_text())
    assert (found["outcome"], found["step"], found["epochs"]) == ("failed", 0, 0)


def test_the_first_failure_is_the_one_that_is_left(tmp_path):
    for error in (ValueError("the cause"), RuntimeError("Connection closed by peer")):
        _write_failure(tmp_path, error, None)
    assert json.loads((tmp_path / "failure.json").read_text())["detail"] == "ValueError: the cause"


def test_a_diverged_run_publishes_finite_weights_only(composed, tmp_path, monkeypatch):
    reset = TeacherStudent.reset_heads

    def planted(self: TeacherStudent, generator: torch.Generator) -> None:
        reset(self, generator)
        self.student.head.mlp[0].weight.data[0, 0] = math.nan

    monkeypatch.setattr(TeacherStudent, "reset_heads", planted)
    made = composed("simdino-reset", "head_reset.every_epochs=2")
    folder = tmp_path / "run"
    assert train(made.recipe, made.site, "simdino-reset", "imagenet1k", folder) == 0
    outcome = json.loads((folder / "outcome.json").read_text())
    assert (outcome["outcome"], outcome["step"]) == ("diverged", 2)
    assert "weights are those of the checkpoint of step 0" in outcome["detail"]
    files = list(Path(folder).glob("*.safetensors"))
    assert len(files) == 3
    for path in files:
        assert all(bool(torch.isfinite(tensor).all()) for tensor in read_tensors(path).tensors.values())
    for path in folder.glob("*.json*"):
        assert "NaN" not in path.read_text() and "Infinity" not in path.read_text()


def test_a_curve_that_was_begun_without_intervals_has_none() -> None:
    interval = {"n": 100, "low": 0.1, "high": 0.3}
    points = {"x": [0.0, 10.0], "y": [0.2, 0.2]}
    assert curve_intervals(points, [interval]) == curve_intervals(points, [None, interval]) == {}
    whole = {"n": 100, "low": [0.1, 0.1], "high": [0.3, 0.3]}
    assert curve_intervals(points, [interval, interval]) == {"training": {"map": whole}}
