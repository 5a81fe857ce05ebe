"""Parameter groups, clipping and schedules, compared with plain transcriptions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from bits.config.validation import ConfigError
from bits.training.optimizer import adamw, clip_gradients, parameter_groups, set_rates
from bits.training.schedules import Schedules, cosine, warmup_cosine


def network() -> nn.Module:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.LayerNorm(5), nn.Linear(5, 6))
    for parameter in net.parameters():
        parameter.grad = torch.randn_like(parameter) * 3
    return net


def test_biases_and_vectors_have_no_weight_decay():
    net = network()
    decayed, plain = parameter_groups(net)
    assert {p.shape for p in decayed["params"]} == {net[0].weight.shape, net[2].weight.shape}
    assert len(plain["params"]) == 4
    optimizer = adamw(net, (0.9, 0.999))
    set_rates(optimizer, 0.1, 0.3)
    assert [(g["lr"], g["weight_decay"]) for g in optimizer.param_groups] == [(0.1, 0.3), (0.1, 0.0)]


def test_clipping_by_tensor_is_clip_grad_norm_of_each():
    ours, theirs = network(), network()
    total = clip_gradients(ours.parameters(), 1.0, "tensor")
    expected = torch.linalg.vector_norm(torch.cat([p.grad.flatten() for p in theirs.parameters()]))
    assert total == pytest.approx(float(expected), rel=1e-6)
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.nn.utils.clip_grad_norm_(other, 1.0)
        assert torch.allclose(mine.grad, other.grad, atol=1e-6)


def test_global_clipping_is_clip_grad_norm_of_all():
    ours, theirs = network(), network()
    clip_gradients(ours.parameters(), 1.0, "global")
    torch.nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(mine.grad, other.grad, atol=1e-6)


def test_no_clipping_leaves_gradients_as_they_are():
    ours, theirs = network(), network()
    clip_gradients(ours.parameters(), None, "tensor")
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine.grad, other.grad)


@pytest.mark.parametrize(("steps", "warmup"), [(100, 10), (100, 0), (50, 50), (7, 3)])
def test_schedule_against_the_array_of_the_public_recipe(steps, warmup):
    peak, end = 0.3, 0.01
    rise = np.linspace(0, peak, warmup) if warmup else np.array([])
    fall = np.arange(steps - warmup)
    fall = end + 0.5 * (peak - end) * (1 + np.cos(np.pi * fall / max(len(fall), 1)))
    expected = np.concatenate([rise, fall])
    ours = [warmup_cosine(peak, end, step, steps, warmup) for step in range(steps)]
    np.testing.assert_allclose(ours, expected, atol=1e-12)
    assert cosine(0.996, 1.0, 0, steps) == 0.996
    assert 0.996 < cosine(0.996, 1.0, steps - 1, steps) < 1.0


def test_ten_epochs_are_a_whole_schedule_or_the_beginning_of_one_of_a_hundred(compose):
    words = ("schedule.epochs=10", "teacher.momentum=0.996", "teacher.momentum_end=1", "optimizer.learning_rate=5e-4")
    words = (*words, "schedule.batch_size=256", "schedule.images_per_epoch=null")
    begun, _ = compose("bits-beta-0.1", *words)  # Table 4
    whole, _ = compose("bits-beta-0.1", *words, "schedule.horizon_epochs=null")
    per_epoch = 5004
    last = 10 * per_epoch - 1
    for recipe, horizon, decay, momentum in ((whole, 10, 0.4, 1.0), (begun, 100, 0.0488, 0.9961)):
        schedules = Schedules(recipe, per_epoch)
        done, settings = (last + 1) / per_epoch, recipe.optimizer
        falling = (1 + np.cos(np.pi * done / horizon)) / 2
        assert schedules.weight_decay(last) == pytest.approx(0.4 - 0.36 * falling, abs=1e-4)
        assert schedules.weight_decay(last) == pytest.approx(decay, abs=1e-4)
        assert schedules.momentum(last) == pytest.approx(1 - 0.004 * falling, abs=1e-6)
        assert schedules.momentum(last) == pytest.approx(momentum, abs=1e-4)
        after_warmup = (done - settings.warmup_epochs) / max(horizon - settings.warmup_epochs, 1)
        rate = settings.min_learning_rate + (5e-4 - settings.min_learning_rate) * (1 + np.cos(np.pi * after_warmup)) / 2
        assert schedules.learning_rate(last) == pytest.approx(rate, rel=1e-3)
    assert begun.digest() != whole.digest()


def test_a_horizon_is_not_before_the_end_and_at_the_end_it_is_none(compose):
    with pytest.raises(ConfigError, match=r"schedule\.horizon_epochs = 5: .*before the last of 10 epochs"):
        compose("bits-beta-0.1", "schedule.horizon_epochs=5", "schedule.epochs=10")
    same, _ = compose("bits-fixed", "schedule.horizon_epochs=20")
    plain, _ = compose("bits-fixed")
    assert same.schedule.epochs == 20 and same.digest() == plain.digest()
