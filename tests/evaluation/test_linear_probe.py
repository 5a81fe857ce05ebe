"""Probes against torch.optim.SGD with autograd, head by head, and on planted data."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from bits.errors import BitsError
from bits.evaluation.probing.heads import HiddenLayerHeads, LinearHeads
from bits.evaluation.probing.training import ProbeSettings, shuffled, standardise, train_linear_probe

DIMENSION, CLASSES = 10, 4


def blobs(n: int, seed: int, spread: float = 1.0, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    centres = torch.randn(CLASSES, DIMENSION, generator=torch.Generator().manual_seed(99), dtype=dtype)
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(CLASSES, (n,), generator=generator)
    return centres[labels] + spread * torch.randn(n, DIMENSION, generator=generator, dtype=dtype), labels


def reference_curve(batches, test, truth, settings: ProbeSettings, hidden: int | None, rate: float) -> list[float]:
    """The same training by torch.optim.SGD and torch.optim.lr_scheduler.LambdaLR, one head alone."""
    generator = torch.Generator().manual_seed(settings.seed)
    if hidden is None:
        drawn = LinearHeads(1, DIMENSION, CLASSES, generator, test).parameters
        model = nn.Linear(DIMENSION, CLASSES)
    else:
        drawn = HiddenLayerHeads(1, DIMENSION, hidden, CLASSES, generator, test).parameters
        model = nn.Sequential(nn.Linear(DIMENSION, hidden), nn.ReLU(), nn.Linear(hidden, CLASSES))
    model.to(test.dtype)
    with torch.no_grad():
        for parameter, values in zip(model.parameters(), drawn, strict=True):
            parameter.copy_(values[0])
    scale = settings.batch_size / 256
    optimiser = torch.optim.SGD(
        model.parameters(), lr=rate * scale, momentum=settings.momentum, weight_decay=settings.weight_decay
    )
    steps = len(batches(0)) * settings.epochs
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda i: (1 + math.cos(math.pi * i / steps)) / 2)
    curve = []
    for epoch in range(settings.epochs):
        for features, labels in batches(epoch):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(features), labels).backward()
            optimiser.step()
            schedule.step()
        curve.append((model(test).argmax(1) == truth).double().mean().item())
    return curve


@pytest.mark.parametrize("hidden", [None, 6])
@pytest.mark.parametrize("weight_decay", [0.0, 0.01])
def test_heads_trained_side_by_side_equal_separate_sgd(hidden: int | None, weight_decay: float) -> None:
    features, labels = blobs(150, 0, spread=2.0)
    test, truth = blobs(200, 1, spread=2.0)
    batches = shuffled(features, labels, 32, seed=5)
    settings = ProbeSettings(
        epochs=6, base_lr=0.02, batch_size=32, weight_decay=weight_decay, lr_grid=(0.3, 0.02, 3.0), seed=3
    )
    result = train_linear_probe(batches, DIMENSION, CLASSES, test, truth, settings, hidden=hidden)
    assert list(result.grid) == [0.3, 0.02, 3.0]
    for rate, probe in result.grid.items():
        expected = reference_curve(batches, test, truth, settings, hidden, rate)
        assert probe.curve == pytest.approx(expected, abs=1e-12)
        assert (probe.last, probe.best) == (probe.curve[-1], max(probe.curve))
    assert result.curve == result.grid[0.02].curve
    assert len({tuple(probe.curve) for probe in result.grid.values()}) == 3


@pytest.mark.parametrize("hidden", [None, 5])
def test_written_gradients_equal_autograd(hidden: int | None) -> None:
    features, labels = blobs(20, 0)
    generator = torch.Generator().manual_seed(0)
    if hidden is None:
        heads = LinearHeads(3, DIMENSION, CLASSES, generator, features)
    else:
        heads = HiddenLayerHeads(3, DIMENSION, hidden, CLASSES, generator, features)
    for parameter in heads.parameters:
        parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator).to(parameter)).requires_grad_()
    losses = [nn.functional.cross_entropy(heads.logits(features)[:, head], labels) for head in range(3)]
    expected = torch.autograd.grad(sum(losses), heads.parameters)
    for got, want in zip(heads.gradients(features, labels), expected, strict=True):
        torch.testing.assert_close(got, want, rtol=0, atol=1e-12)


def test_learns_planted_classes_and_repeats_exactly() -> None:
    features, labels = blobs(400, 0, spread=0.3, dtype=torch.float32)
    test, truth = blobs(200, 1, spread=0.3, dtype=torch.float32)
    settings = ProbeSettings(epochs=8, base_lr=0.1, batch_size=64, seed=1)
    runs = [
        train_linear_probe(shuffled(features, labels, 64, 1), DIMENSION, CLASSES, test, truth, settings)
        for _ in range(2)
    ]
    assert runs[0] == runs[1]
    assert runs[0].last > 0.97 and len(runs[0].curve) == 8 and not runs[0].grid


def test_a_hidden_layer_solves_what_a_line_cannot() -> None:
    x = torch.rand(600, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1
    y = ((x[:, 0] > 0) ^ (x[:, 1] > 0)).long()
    settings = ProbeSettings(epochs=60, base_lr=2.0, batch_size=50)
    line, layer = (
        train_linear_probe(shuffled(x[:400], y[:400], 50, 0), 2, 2, x[400:], y[400:], settings, hidden=hidden)
        for hidden in (None, 32)
    )
    assert line.last < 0.75 < 0.9 < layer.last


def test_features_from_inference_mode_and_half_precision_batches_are_welcome() -> None:
    with torch.inference_mode():
        features, labels = blobs(64, 0, dtype=torch.float32)
    batches = shuffled(features.half(), labels, 16, 0)
    settings = ProbeSettings(epochs=2, batch_size=16)
    plain = train_linear_probe(batches, DIMENSION, CLASSES, features, labels, settings)
    with torch.inference_mode():
        inside = train_linear_probe(batches, DIMENSION, CLASSES, features, labels, settings)
    assert plain == inside


def test_batches_without_a_length_need_their_number() -> None:
    features, labels = blobs(64, 0)
    sized = shuffled(features, labels, 16, 0)
    settings = ProbeSettings(epochs=3, batch_size=16, base_lr=0.5)

    def stream(epoch: int):
        yield from sized(epoch)

    arguments = (DIMENSION, CLASSES, features, labels, settings)
    expected = train_linear_probe(sized, *arguments)
    assert train_linear_probe(stream, *arguments, steps_per_epoch=4) == expected
    with pytest.raises(BitsError, match="steps_per_epoch"):
        train_linear_probe(stream, *arguments)
    with pytest.raises(BitsError, match="5 batches were announced and 4 came"):
        train_linear_probe(stream, *arguments, steps_per_epoch=5)


def test_a_diverged_head_is_wrong_and_leaves_the_others_alone() -> None:
    features, labels = blobs(64, 0, dtype=torch.float32)
    batches = shuffled(1e20 * features, labels, 16, 0)
    settings = ProbeSettings(epochs=2, batch_size=16, base_lr=1e-22, lr_grid=(1e38,))
    result = train_linear_probe(batches, DIMENSION, CLASSES, 1e20 * features, labels, settings)
    alone = train_linear_probe(
        batches,
        DIMENSION,
        CLASSES,
        1e20 * features,
        labels,
        ProbeSettings(epochs=2, batch_size=16, base_lr=1e-22),
    )
    assert result.grid[1e38].last == 0.0 and result.curve == alone.curve


def test_shuffled_visits_every_row_once_in_an_order_of_seed_and_epoch() -> None:
    features, labels = torch.arange(10.0)[:, None], torch.arange(10)
    batches = shuffled(features, labels, 4, seed=0)
    assert len(batches(0)) == 3
    orders = [torch.cat([y for _, y in batches(epoch)]).tolist() for epoch in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == list(range(10))
    assert all(torch.equal(x[:, 0].long(), y) for x, y in batches(3))
    assert orders[0] != torch.cat([y for _, y in shuffled(features, labels, 4, seed=1)(0)]).tolist()


def test_standardise_uses_training_statistics_and_survives_constants() -> None:
    train, test = torch.randn(50, 3) * torch.tensor([1.0, 100.0, 0.0]) + 0.1, torch.randn(20, 3)
    scaled, scaled_test = standardise(train, test)
    torch.testing.assert_close(scaled.mean(0), torch.zeros(3), rtol=0, atol=1e-5)
    torch.testing.assert_close(scaled.std(0, correction=0), torch.tensor([1.0, 1.0, 0.0]), rtol=1e-5, atol=0)
    want = (test[:, :2] - train[:, :2].mean(0)) / train[:, :2].std(0, correction=0)
    torch.testing.assert_close(scaled_test[:, :2], want, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(scaled_test[:, 2], test[:, 2] - 0.1)


def test_refuses_what_it_cannot_train_on() -> None:
    x, y = blobs(20, 0)
    good, settings = shuffled(x, y, 5, 0), ProbeSettings(epochs=1)
    for batches, test, truth, match in (
        (good, x, y + 1, r"test set: labels lie in 1\.\.4, expected 0\.\.3"),
        (good, x[:, :3], y, r"test set: expected features \[N, 10\]"),
        (good, x, y[:5], r"int64 labels \[20\]"),
        (good, x * float("nan"), y, "NaN"),
        (shuffled(x, y - 1, 5, 0), x, y, r"training batch \d: labels lie in -1"),
        (lambda epoch: [], x, y, "number of batches is 0"),
    ):
        with pytest.raises(ValueError, match=match) as error:
            train_linear_probe(batches, DIMENSION, CLASSES, test, truth, settings)
        assert isinstance(error.value, BitsError)
    for broken in ({"epochs": 0}, {"epochs": 1, "lr_grid": (0.0,)}, {"epochs": 1, "momentum": 1.0}):
        with pytest.raises(ValueError, match="probe:"):
            ProbeSettings(**broken)
    with pytest.raises(ValueError, match="3 labels"):
        shuffled(x, y[:3], 5, 0)
