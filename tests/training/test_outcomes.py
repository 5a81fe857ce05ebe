"""How runs end: with planted divergence and collapse; no NaN is ever kept."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from bits.training.checkpoint import NotFiniteError, read_tensors, save
from bits.training.loop import Pretraining
from bits.training.monitor import collapse, constant_codes, health
from bits.training.schedules import Schedules

SHORT = ("schedule.epochs=6", "optimizer.warmup_epochs=2", "curve.every_epochs=2", "site.log_every_steps=1")


def lines(folder: Path) -> list[dict]:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} in the log")

    return [json.loads(line, parse_constant=refuse) for line in (folder / "log.jsonl").read_text().splitlines()]


def assert_nothing_infinite(run: Pretraining) -> None:
    for module in (run.model, run.objective):
        assert all(bool(torch.isfinite(tensor).all()) for tensor in module.state_dict().values())
    kept = sorted((run.folder / "resume").glob("*.safetensors"))
    assert kept
    for path in kept:
        assert all(bool(torch.isfinite(tensor.double()).all()) for tensor in read_tensors(path).tensors.values())
    assert lines(run.folder)[-1]["event"] == "diverged"


@pytest.mark.parametrize("method", ["simdino", "dino"])
def test_a_non_finite_loss_is_an_outcome_and_never_reaches_a_weight(pretraining, method):
    run = pretraining(method, *SHORT)
    means = run.objective.means

    def changed(*rows):
        return {name: value * (math.nan if run.step == 4 else 1) for name, value in means(*rows).items()}

    run.objective.means = changed
    outcome = run.run()
    assert (outcome.outcome, outcome.step) == ("diverged", 4)
    assert outcome.detail.endswith("weights are those before that step")
    assert_nothing_infinite(run)
    kept = sorted(path.stem for path in (run.folder / "resume").iterdir())
    assert kept == ["step-000000002", "step-000000004"]  # one before every evaluation


def test_a_non_finite_gradient_is_one_too(pretraining):
    run = pretraining("bits-fixed", *SHORT)
    weight = run.model.student.backbone.blocks[0].mlp.fc1.weight
    weight.register_hook(lambda gradient: gradient * float("inf") if run.step == 3 else gradient)
    outcome = run.run()
    assert (outcome.outcome, outcome.step) == ("diverged", 3)
    assert_nothing_infinite(run)


def test_a_nan_in_the_head_after_a_reset_gives_the_weights_of_the_newest_checkpoint(pretraining):
    run = pretraining("simdino-reset", *SHORT, "head_reset.every_epochs=3", "site.checkpoint_minutes=1e-9")
    reset = run.model.reset_heads

    def planted(generator: torch.Generator) -> None:
        reset(generator)
        with torch.no_grad():
            run.model.student.head.mlp[2].weight[0, 0] = math.nan

    run.model.reset_heads = planted
    outcome = run.run()
    assert (outcome.outcome, outcome.step) == ("diverged", 3)
    assert outcome.detail == "loss or gradient not finite at step 3; weights are those of the checkpoint of step 3"
    assert_nothing_infinite(run)


def test_an_absurd_learning_rate_after_a_reset_diverges(pretraining, monkeypatch):
    run = pretraining("simdino-reset", *SHORT, "head_reset.every_epochs=2", "curve.every_epochs=6")
    usual = Schedules.learning_rate
    monkeypatch.setattr(Schedules, "learning_rate", lambda self, step: 3e37 if step >= 2 else usual(self, step))
    outcome = run.run()
    assert (outcome.outcome, outcome.step) == ("diverged", 3)
    assert outcome.detail.endswith("before that step")
    assert_nothing_infinite(run)


def test_weights_that_are_not_finite_are_neither_evaluated_nor_saved(pretraining):
    def evaluated(backbone: torch.nn.Module) -> float:
        assert all(bool(torch.isfinite(tensor).all()) for tensor in backbone.state_dict().values())
        return 0.5

    run = pretraining("bits-fixed", *SHORT, evaluate=evaluated)
    update = run.update

    def planted(*arguments):
        result = update(*arguments)
        if run.step == 3:  # like an overflow in the optimiser
            next(run.model.teacher.backbone.parameters()).data.fill_(math.inf)
        return result

    run.update = planted
    outcome = run.run()
    assert (outcome.outcome, outcome.step) == ("diverged", 4)
    assert "model.teacher.backbone" in outcome.detail
    assert "of the checkpoint of step 2" in outcome.detail
    assert_nothing_infinite(run)


@pytest.mark.parametrize("method", ["bits-fixed", "bits-cosine", "simdino", "dino"])
def test_a_teacher_that_is_not_finite_is_a_divergence_although_its_codes_are_bits(pretraining, method):
    run = pretraining(method, *SHORT, "curve.every_epochs=6", "site.log_every_steps=100")
    update = run.update

    def planted(*arguments):
        result = update(*arguments)
        if run.step == 2:
            next(run.model.teacher.backbone.parameters()).data.fill_(math.inf)
        return result

    run.update = planted
    outcome = run.run()
    assert (outcome.outcome, outcome.step) == ("diverged", 3)
    assert_nothing_infinite(run)


def test_a_start_that_is_not_finite_is_an_error(pretraining):
    run = pretraining("bits-fixed", *SHORT)
    run.model.student.head.mlp[0].bias.data.fill_(math.nan)
    with pytest.raises(NotFiniteError, match="weights that training starts from"):
        run.run()


def test_save_names_what_is_not_finite_and_writes_nothing(tmp_path):
    tensors = {"a": torch.ones(3), "b": torch.tensor([1.0, math.inf]), "c": torch.tensor(3), "d": torch.empty(0)}
    with pytest.raises(NotFiniteError, match=r"^b not finite"):
        save(tmp_path / "resume", 1, tensors, {})
    assert not (tmp_path / "resume").exists()
    save(tmp_path / "resume", 1, {"a": torch.tensor([3e38, -3e38])}, {})


@pytest.mark.parametrize("method", ["bits-fixed", "bits-soft-1"])
def test_constant_features_are_a_collapse_and_said_while_it_happens(pretraining, method):
    run = pretraining(method, *SHORT)
    with torch.no_grad():  # features that do not depend on the image
        for branch in (run.model.student, run.model.teacher):
            branch.backbone.norm.weight.zero_()
            branch.backbone.norm.weight.requires_grad_(False)
    outcome = run.run()
    assert outcome.outcome == "collapsed"
    assert "effective rank" in outcome.detail
    assert any("warning" in entry for entry in lines(run.folder))


@pytest.mark.parametrize(("method", "sends"), [("bits-fixed", True), ("bits-cosine", True), ("simdino", False)])
def test_constant_codes_are_told_where_codes_are_the_message(pretraining, method, sends):
    run = pretraining(method, *SHORT, "optimizer.learning_rate=1e-6")
    with torch.no_grad():
        for branch in (run.model.student, run.model.teacher):
            branch.head.mlp[4].bias.fill_(100.0)
    outcome = run.run()
    assert outcome.outcome == "finished"  # the features are still spread out
    assert ("constant codes" in outcome.detail) == sends
    assert any("0.000 < 0.05 bits" in entry.get("warning", "") for entry in lines(run.folder)) == sends


def test_health_of_planted_spreads():
    generator = torch.Generator().manual_seed(0)
    spread = health(torch.randn(4000, 8, generator=generator), torch.tensor([0.5, 0.0]))
    assert spread["effective_rank"] == pytest.approx(8, rel=0.01)
    assert spread["feature_std"] == pytest.approx(1, rel=0.02)
    assert spread["code_entropy"] == pytest.approx(0.5, abs=1e-4)
    line = torch.randn(50, 1, generator=generator) * torch.ones(8)
    assert health(line, torch.tensor([0.5]))["effective_rank"] == pytest.approx(1, abs=1e-3)
    assert health(torch.ones(1, 8), torch.tensor([1.0]))["feature_std"] == 0
    noise = 1 + 1e-7 * torch.randn(50, 8, generator=generator)
    assert health(noise, torch.tensor([0.5]))["effective_rank"] == 0, "rounding taken for spread"
    halves = (torch.randn(8, generator=generator) * (1 + 1e-3 * torch.randn(500, 8, generator=generator))).bfloat16()
    assert len(halves.unique(dim=0)) > 10
    assert health(halves, torch.tensor([0.5]))["effective_rank"] == 0, "bfloat16's rounding taken for spread"
    little = 1 + 0.02 * torch.randn(500, 8, generator=generator)
    assert health(little, torch.tensor([0.5]))["effective_rank"] > 7
    assert collapse(spread) is constant_codes(spread) is None
    assert collapse({**spread, "code_entropy": 0.04}) is None
    assert "0.040 < 0.05 bits" in str(constant_codes({**spread, "code_entropy": 0.04}))
    assert "1.50 < 2.0" in str(collapse({**spread, "effective_rank": 1.5}))


@pytest.mark.parametrize("epoch", [0, 1, 4])
def test_an_evaluation_that_comes_to_nothing_is_a_divergence(pretraining, epoch):
    """Weights can be finite but so large that no feature is."""
    seen: list[int] = []

    def evaluate(backbone: object) -> float:
        seen.append(len(seen))
        if len(seen) > epoch:
            raise NotFiniteError("features not finite")
        return 0.5

    run = pretraining("bits-fixed", "schedule.epochs=4", "curve.every_epochs=1", evaluate=evaluate)
    outcome = run.run()
    assert outcome.outcome == "diverged"
    assert outcome.detail.startswith(f"features not finite at step {epoch * run.steps_per_epoch}")
    assert run.curve["x"] == list(range(epoch))
    assert len(run.curve["y"]) == epoch
