"""The training loop: determinism, resuming, resets, outcomes."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
import torch

from bits.training.interrupt import Interrupted
from bits.training.loop import Pretraining

METHODS = ["dino", "simdino", "bits-fixed", "bits-reset", "bits-cosine", "bits-soft-0.1"]
SHORT = ("schedule.epochs=6", "optimizer.warmup_epochs=2", "curve.every_epochs=2")


def weights(run: Pretraining) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in run.model.state_dict().items()}


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("method", METHODS)
def test_same_seed_same_bits_and_every_weight_moves(pretraining, tmp_path, method):
    first = pretraining(method, *SHORT, folder=tmp_path / "first")
    start = weights(first)
    outcome = first.run()
    assert outcome.step == 6 * first.steps_per_epoch
    second = pretraining(method, *SHORT, folder=tmp_path / "second")
    second.run()
    assert same(weights(first), weights(second))
    other = pretraining(method, *SHORT, "seed=1", folder=tmp_path / "other")
    other.run()
    assert not same(weights(first), weights(other))
    still = [name for name, tensor in weights(first).items() if torch.equal(tensor, start[name])]
    assert not still, f"untrained: {still}"


@pytest.mark.parametrize("method", ["dino", "simdino", "bits-reset-1"])
def test_interrupted_and_resumed_equals_uninterrupted(pretraining, tmp_path, method):
    whole = pretraining(method, *SHORT, "backbone.drop_path=0.2", folder=tmp_path / "whole")
    whole.run()

    def stop_once(backbone: object) -> float:
        calls.append(1)
        if len(calls) == 2:  # during the evaluation after epoch 2
            os.kill(os.getpid(), signal.SIGTERM)
        return 0.5

    calls: list[int] = []
    folder = tmp_path / "parts"
    part = pretraining(method, *SHORT, "backbone.drop_path=0.2", folder=folder, evaluate=stop_once)
    with pytest.raises(Interrupted) as stop:
        part.run()
    assert stop.value.exit_code == 143
    assert 0 < part.step < part.steps
    rest = pretraining(method, *SHORT, "backbone.drop_path=0.2", folder=folder)
    rest.run()
    assert same(weights(whole), weights(rest))
    assert rest.curve == whole.curve
    logged = [[line for line in lines(f) if "loss" in line] for f in (tmp_path / "whole", folder)]
    assert [entry["loss"] for entry in logged[0]] == [entry["loss"] for entry in logged[1]]


def lines(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_log_says_what_a_reader_needs(pretraining, tmp_path):
    run = pretraining("bits-reset", *SHORT, "head_reset.every_epochs=3", "site.log_every_steps=1")
    run.run()
    entries = lines(tmp_path / "run")
    steps = [entry for entry in entries if "loss" in entry]
    assert [entry["step"] for entry in steps] == list(range(1, run.steps + 1))
    for key in ("loss_bce", "loss_coding_rate", "learning_rate", "gradient_norm", "images_per_s", "seconds_left"):
        assert all(isinstance(entry[key], (int, float)) for entry in steps), key
    for entry in steps:
        assert 0 <= entry["code_entropy"] <= 1
        assert entry["effective_rank"] > 0
        assert entry["loss"] == pytest.approx(entry["loss_bce"] + 0.1 * entry["loss_coding_rate"], rel=1e-4)
    assert [entry["epoch"] for entry in entries if entry.get("event") == "head reset"] == [3]
    assert [entry["epoch"] for entry in entries if entry.get("event") == "evaluation"] == [0, 2, 4, 6]


def test_reset_touches_both_heads_and_no_backbone(pretraining):
    run = pretraining("bits-reset", *SHORT, "head.init_std=0.02")
    run.run()
    before = weights(run)
    run.model.reset_heads(torch.Generator().manual_seed(3))
    after = weights(run)
    for name in before:
        if ".backbone." in name:
            assert torch.equal(before[name], after[name]), name
        elif name.endswith("weight"):
            assert not torch.equal(before[name], after[name]), name
    for name, tensor in run.model.student.head.state_dict().items():
        assert torch.equal(tensor, run.model.teacher.head.state_dict()[name])
    first = run.model.student.head.mlp[0].weight.detach()
    assert first.std() == pytest.approx(0.02, rel=0.1)
    assert first.abs().max() <= 2.0
    assert run.model.student.head.mlp[0].bias.abs().max() == 0


def test_resets_come_at_n_2n_but_not_at_the_start_or_the_end(pretraining, tmp_path):
    run = pretraining("bits-reset", *SHORT, "head_reset.every_epochs=2")
    run.run()
    resets = [entry["epoch"] for entry in lines(tmp_path / "run") if entry.get("event") == "head reset"]
    assert resets == [2, 4]


def test_teacher_equals_the_closed_form_average(pretraining):
    run = pretraining("simdino", *SHORT, "teacher.momentum=0.8", "teacher.momentum_end=0.8")
    history = [weights(run)]
    update = run.model.update_teacher

    def recorded(momentum: float) -> None:
        update(momentum)
        history.append(weights(run))

    run.model.update_teacher = recorded  # type: ignore[method-assign]
    run.run()
    k = len(history) - 1
    name = "backbone.blocks.0.mlp.fc1.weight"
    expected = 0.8**k * history[0][f"teacher.{name}"].double()
    for step in range(1, k + 1):
        expected += 0.2 * 0.8 ** (k - step) * history[step][f"student.{name}"].double()
    assert torch.allclose(history[-1][f"teacher.{name}"].double(), expected, atol=1e-6)


def test_a_trained_run_whose_end_was_lost_is_not_trained_again(pretraining, monkeypatch):
    def fails_at_the_end(backbone: object) -> float:
        calls.append(1)
        if len(calls) == 4:
            raise OSError("disk full")
        return 0.5

    calls: list[int] = []
    first = pretraining("bits-fixed", *SHORT, evaluate=fails_at_the_end)
    with pytest.raises(OSError, match="disk full"):
        first.run()
    again = pretraining("bits-fixed", *SHORT)
    monkeypatch.setattr(again, "update", None)  # calling it would fail
    facts = {"outcome": "finished", "detail": "trained to the end", "step": 6, "epochs": 6, "channel": None}
    assert again.run().facts() == facts
    assert same(weights(first), weights(again))
    assert again.curve["x"] == [0, 2, 4, 6]


def test_prototypes_stay_frozen_for_the_first_epoch(pretraining):
    run = pretraining("dino", *SHORT, "head.freeze_prototypes_epochs=6")
    before = run.model.student.head.prototypes.clone()
    run.run()
    assert torch.equal(before, run.model.student.head.prototypes)


def test_batchnorm_backbones_without_tokens_train_too(pretraining):
    run = pretraining("bits-fixed", *SHORT, "backbone.name=resnet10t", "crops.global_size=32", "crops.local_size=32")
    assert run.run().step == run.steps


def test_a_head_reset_at_the_start_is_the_same_after_a_stop_before_the_first_step(pretraining, tmp_path):
    words = (*SHORT, "head_reset.at_start=true")

    def stop(backbone: object) -> float:
        assert (tmp_path / "parts/resume/step-000000000.safetensors").is_file()
        raise KeyboardInterrupt

    whole = pretraining("bits-fixed", *words, folder=tmp_path / "whole")
    start = weights(whole)
    whole.run()
    part = pretraining("bits-fixed", *words, folder=tmp_path / "parts", evaluate=stop)
    with pytest.raises(KeyboardInterrupt):
        part.run()
    name = "head.mlp.0.weight"
    reset = weights(part)
    assert not torch.equal(reset[f"student.{name}"], start[f"student.{name}"])
    assert torch.equal(reset[f"student.{name}"], reset[f"teacher.{name}"])
    assert all(torch.equal(reset[key], start[key]) for key in start if ".backbone." in key)
    rest = pretraining("bits-fixed", *words, folder=tmp_path / "parts")
    rest.run()
    assert same(weights(whole), weights(rest))
    for folder in (tmp_path / "whole", tmp_path / "parts"):
        resets = [entry for entry in lines(folder) if entry.get("event") == "head reset"]
        assert [(entry["step"], entry["epoch"]) for entry in resets] == [(0, 0)]


def test_training_starts_from_the_state_that_it_is_given_unless_there_is_a_checkpoint(pretraining):
    zero = [f"optimizer.{key}=0" for key in ("min_learning_rate", "weight_decay", "weight_decay_end")]
    words = ("dino", *SHORT, "optimizer.learning_rate=1e-12", *zero, "head.init_std=0.1")
    words = (*words, "objective.cross_entropy.centre_momentum=1")
    run, other = pretraining(*words), pretraining(*words)
    with torch.no_grad():
        for tensor in (*run.model.parameters(), *run.objective.buffers()):
            tensor.add_(0.5)
    given, centre = weights(run), run.objective.cross_entropy.centre.clone()
    for pretrained in (run, other):  # the second resumes from the first one's checkpoint
        pretrained.run()
        assert torch.equal(pretrained.objective.cross_entropy.centre, centre)
        for name, tensor in weights(pretrained).items():
            torch.testing.assert_close(tensor, given[name], rtol=0, atol=1e-6)
