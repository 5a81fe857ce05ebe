"""Runs whose heads end in a batch norm: running statistics, checkpoints, steps that come to nothing."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from bits.training.checkpoint import NotFiniteError
from bits.training.loop import Pretraining
from bits.training.update import Wants

SHORT = ("schedule.epochs=3", "optimizer.warmup_epochs=0", "curve.every_epochs=3", "head.batch_norm=true")


def of_norm(run: Pretraining) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in run.model.state_dict().items() if ".norm.running" in name}


@pytest.mark.parametrize("micro", [0, 6])
def test_running_statistics_are_those_of_torchs_average_called_once_per_view(pretraining: Any, micro: int) -> None:
    run = pretraining("bits-fixed", *SHORT, f"site.micro_batch={micro}")
    branches = {"student": (run.model.student, slice(None)), "teacher": (run.model.teacher, slice(2))}
    outputs = run.recipe.head.dimension
    expected = {name: nn.BatchNorm1d(outputs, momentum=None) for name in branches}
    for number in (0, 1):
        images = run.images.batch(torch.arange(16) + number)
        views, factors = run.update._inputs(images, number)
        for name, (branch, seen) in branches.items():
            with torch.no_grad():
                features, _ = branch.raw(views.render(seen, slice(None)), factors if name == "student" else None)
                for view in features:
                    expected[name](branch.head.mlp(view))
        run.update(images, number, Wants())
    for name, (branch, _) in branches.items():
        for key, tensor in expected[name].named_buffers():
            torch.testing.assert_close(branch.head.norm.get_buffer(key), tensor, rtol=1e-5, atol=1e-6)
        assert int(branch.head.norm.num_batches_tracked) == 2 * (2 if name == "teacher" else len(run.update.specs))
    assert not torch.allclose(*(branch.head.norm.running_var for branch, _ in branches.values()), rtol=1e-3)


def test_a_resumed_run_has_the_running_statistics_of_an_uninterrupted_one(pretraining: Any, tmp_path: Any) -> None:
    whole = pretraining("bits-fixed", *SHORT, folder=tmp_path / "whole")
    whole.run()

    def broken(*arguments: Any) -> Any:
        if part.step == 2:
            raise KeyboardInterrupt
        return update(*arguments)

    part = pretraining("bits-fixed", *SHORT, "site.checkpoint_minutes=1e-9", folder=tmp_path / "parts")
    update, part.update = part.update, broken
    with pytest.raises(KeyboardInterrupt):
        part.run()
    assert part.state.saved == 2
    rest = pretraining("bits-fixed", *SHORT, folder=tmp_path / "parts")
    rest.run()
    assert len(of_norm(rest)) == 4
    assert all(not torch.equal(tensor, of_norm(part)[name]) for name, tensor in of_norm(rest).items())
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, rest.model.state_dict()[name]), name


def test_a_step_without_a_finite_loss_leaves_the_running_statistics_alone(pretraining: Any) -> None:
    run = pretraining("simdino", *SHORT)
    run.update(run.images.batch(torch.arange(16)), 0, Wants())
    before = of_norm(run)
    means = run.objective.means
    run.objective.means = lambda *rows: {name: value * math.nan for name, value in means(*rows).items()}
    with pytest.raises(NotFiniteError):
        run.update(run.images.batch(torch.arange(16)), 1, Wants())
    assert all(torch.equal(tensor, before[name]) for name, tensor in of_norm(run).items())


def test_a_reset_starts_both_norms_anew(pretraining: Any) -> None:
    run = pretraining("bits-fixed", *SHORT)
    fresh = {name: tensor.clone() for name, tensor in run.model.student.head.norm.state_dict().items()}
    run.run()
    run.model.reset_heads(torch.Generator().manual_seed(0))
    for branch in (run.model.student, run.model.teacher):
        assert all(torch.equal(fresh[name], tensor) for name, tensor in branch.head.norm.state_dict().items())


def test_bfloat16_takes_its_statistics_in_float32(pretraining: Any) -> None:
    exact, rounded = (pretraining("bits-fixed", *SHORT, f"precision={kind}") for kind in ("float32", "bfloat16"))
    norms = []
    for run in (exact, rounded):
        step, _ = run.update(run.images.batch(torch.arange(16)), 0, Wants())
        assert {raw.dtype for raw in step.raw} == {torch.float32}
        norms.append(torch.cat([weight.grad.flatten() for weight in run.model.student.parameters()]))
    assert float((norms[0] - norms[1]).norm() / norms[0].norm()) < 0.1
