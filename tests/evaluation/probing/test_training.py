"""Probes against torch.optim.SGD with autograd, head by head, and on planted data."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bits.errors import BitsError
from bits.evaluation.probing.batches import shuffled
from bits.evaluation.probing.heads import HiddenLayerHeads, LinearHeads
from bits.evaluation.probing.settings import ProbeSettings
from bits.evaluation.probing.training import train_probe

DIMENSION, CLASSES = 10, 4
SETTINGS = {
    "epochs": 1,
    "learning_rate": 0.001,
    "momentum": 0.9,
    "weight_decay": 0.0,
    "batch_size": 256,
    "schedule": "step",
    "grid": (),
}


def probe(**settings: Any) -> ProbeSettings:
    return ProbeSettings(**{**SETTINGS, **settings})


def blobs(n: int, seed: int, spread: float = 1.0, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    centres = torch.randn(CLASSES, DIMENSION, generator=torch.Generator().manual_seed(99), dtype=dtype)
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(CLASSES, (n,), generator=generator)
    return centres[labels] + spread * torch.randn(n, DIMENSION, generator=generator, dtype=dtype), labels


def reference_curve(
    batches, test, truth, settings: ProbeSettings, seed: int, hidden: int | None, rate: float
) -> list[float]:
    """The same training by torch.optim.SGD and torch.optim.lr_scheduler.LambdaLR, one head alone."""
    generator = torch.Generator().manual_seed(seed)
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
    by_step = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda i: (1 + math.cos(math.pi * i / steps)) / 2)
    by_epoch = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.epochs, eta_min=0)  # as in public DINO
    curve = []
    for epoch in range(settings.epochs):
        for features, labels in batches(epoch):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(features), labels).backward()
            optimiser.step()
            if settings.schedule == "step":
                by_step.step()
        if settings.schedule == "epoch":
            by_epoch.step()
        curve.append((model(test).argmax(1) == truth).double().mean().item())
    return curve


@pytest.mark.parametrize("hidden", [None, 6])
@pytest.mark.parametrize("weight_decay", [0.0, 0.01])
@pytest.mark.parametrize("schedule", ["step", "epoch"])
def test_heads_trained_side_by_side_equal_separate_sgd(hidden: int | None, weight_decay: float, schedule: str) -> None:
    features, labels = blobs(150, 0, spread=2.0)
    test, truth = blobs(200, 1, spread=2.0)
    batches = shuffled(features, labels, 32, seed=5)
    settings = probe(
        epochs=6,
        learning_rate=0.02,
        batch_size=32,
        grid=(0.3, 0.02, 3.0),
        weight_decay=weight_decay,
        schedule=schedule,
    )
    result = train_probe(batches, DIMENSION, CLASSES, test, truth, settings, 3, hidden=hidden)
    assert list(result.grid) == [0.3, 0.02, 3.0]
    for rate, head in result.grid.items():
        expected = reference_curve(batches, test, truth, settings, 3, hidden, rate)
        assert head.curve == pytest.approx(expected, abs=1e-12)
        assert (head.last, head.best) == (head.curve[-1], max(head.curve))
    assert result.curve == result.grid[0.02].curve
    assert len({tuple(head.curve) for head in result.grid.values()}) == 3


def test_learns_planted_classes_and_repeats_exactly() -> None:
    features, labels = blobs(400, 0, spread=0.3, dtype=torch.float32)
    test, truth = blobs(200, 1, spread=0.3, dtype=torch.float32)
    settings = probe(epochs=8, learning_rate=0.1, batch_size=64)
    runs = [
        train_probe(shuffled(features, labels, 64, 1), DIMENSION, CLASSES, test, truth, settings, 1) for _ in range(2)
    ]
    assert runs[0] == runs[1]
    assert runs[0].last > 0.97 and len(runs[0].curve) == 8 and not runs[0].grid


def test_a_hidden_layer_solves_what_a_line_cannot() -> None:
    x = torch.rand(600, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1
    y = ((x[:, 0] > 0) ^ (x[:, 1] > 0)).long()
    settings = probe(epochs=60, learning_rate=2.0, batch_size=50)
    line, layer = (
        train_probe(shuffled(x[:400], y[:400], 50, 0), 2, 2, x[400:], y[400:], settings, 0, hidden=hidden)
        for hidden in (None, 32)
    )
    assert line.last < 0.75 < 0.9 < layer.last


def test_features_from_inference_mode_and_half_precision_batches_are_welcome() -> None:
    with torch.inference_mode():
        features, labels = blobs(64, 0, dtype=torch.float32)
    batches = shuffled(features.half(), labels, 16, 0)
    settings = probe(epochs=2, batch_size=16)
    plain = train_probe(batches, DIMENSION, CLASSES, features, labels, settings, 0)
    with torch.inference_mode():
        inside = train_probe(batches, DIMENSION, CLASSES, features, labels, settings, 0)
    assert plain == inside


def test_batches_without_a_length_need_their_number() -> None:
    features, labels = blobs(64, 0)
    sized = shuffled(features, labels, 16, 0)
    settings = probe(epochs=3, batch_size=16, learning_rate=0.5)

    def stream(epoch: int):
        yield from sized(epoch)

    arguments = (DIMENSION, CLASSES, features, labels, settings, 0)
    expected = train_probe(sized, *arguments)
    assert train_probe(stream, *arguments, steps_per_epoch=4) == expected
    with pytest.raises(BitsError, match="steps_per_epoch"):
        train_probe(stream, *arguments)
    with pytest.raises(BitsError, match="5 batches were announced and 4 came"):
        train_probe(stream, *arguments, steps_per_epoch=5)


def test_a_diverged_head_is_wrong_and_leaves_the_others_alone() -> None:
    features, labels = blobs(64, 0, dtype=torch.float32)
    batches = shuffled(1e20 * features, labels, 16, 0)
    both = probe(epochs=2, batch_size=16, learning_rate=1e-22, grid=(1e38,))
    result, alone = (
        train_probe(batches, DIMENSION, CLASSES, 1e20 * features, labels, settings, 0)
        for settings in (both, both.model_copy(update={"grid": ()}))
    )
    assert result.grid[1e38].last == 0.0 and result.curve == alone.curve


def test_refuses_what_it_cannot_train_on() -> None:
    x, y = blobs(20, 0)
    good = shuffled(x, y, 5, 0)
    for batches, test, truth, match in (
        (good, x, y + 1, r"test set: labels lie in 1\.\.4, expected 0\.\.3"),
        (good, x[:, :3], y, r"test set: expected features \[N, 10\]"),
        (good, x, y[:5], r"int64 labels \[20\]"),
        (good, x * float("nan"), y, "NaN"),
        (shuffled(x, y - 1, 5, 0), x, y, r"training batch \d: labels lie in -1"),
        (lambda epoch: [], x, y, "number of batches is 0"),
    ):
        with pytest.raises(ValueError, match=match) as error:
            train_probe(batches, DIMENSION, CLASSES, test, truth, probe(), 0)
        assert isinstance(error.value, BitsError)


@pytest.mark.parametrize(
    "broken",
    [
        {"epochs": 0},
        {"learning_rate": 0.0},
        {"grid": (0.0,)},
        {"momentum": 1.0},
        {"weight_decay": -0.1},
        {"batch_size": 0},
        {"rounds": 3},
    ],
)
def test_settings_outside_their_range_are_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(broken))):
        probe(**broken)
