"""The MLP probe as an evaluator: one hidden layer, trained as the linear probe is."""

from __future__ import annotations

from typing import Any

import torch

from bits.evaluation.declaration import Tokens, Workload
from bits.evaluation.intervals import accuracy, values_of
from bits.evaluation.mlp import EVALUATOR, Mlp
from bits.evaluation.probing.batches import shuffled
from bits.evaluation.probing.training import train_probe

from .conftest import FakeSubject, Labelled
from .test_linear import SETTINGS


def settings(**others: Any) -> Mlp:
    shared = {name: value for name, value in SETTINGS.items() if name != "standardised"}
    return Mlp(**{**shared, "hidden": 8, **others})


def test_it_is_a_probe_with_a_hidden_layer_and_reports_what_the_linear_probe_does(subject: FakeSubject) -> None:
    train, val = subject.vectors["train"], subject.vectors["val"]
    batches = shuffled(train, subject.train.labels, 16, 0)
    expected = train_probe(batches, 4, 3, val, subject.val.labels, settings(grid=(0.5,)), 0, hidden=8)
    found = EVALUATOR.measure(subject, settings(grid=(0.5,)))
    values = values_of(found)
    assert values["curve"] == {"x": [0, 1, 2], "y": expected.curve}
    assert (values["last"], values["best"]) == (expected.last, expected.best)
    assert (values["last_lr_0.5"], values["best_lr_0.5"]) == (expected.grid[0.5].last, expected.grid[0.5].best)
    assert values["last_tuned"] == max(expected.last, expected.grid[0.5].last)
    assert found["last"] == accuracy(expected.last, 30)
    assert values_of(EVALUATOR.measure(subject, settings(hidden=2)))["curve"] != values["curve"]


def test_it_separates_what_no_line_does() -> None:
    """Whether two coordinates have the same sign."""
    x = torch.rand(700, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1
    y = ((x[:, 0] > 0) ^ (x[:, 1] > 0)).long()
    sets = {"train": Labelled("train", y[:500]), "val": Labelled("val", y[500:])}
    subject = FakeSubject(sets["train"], sets["val"], {"train": x[:500], "val": x[500:]})
    found = EVALUATOR.measure(subject, settings(hidden=32, epochs=60, learning_rate=8.0))
    assert found["last"].low > 0.9


def test_it_reads_augmented_images_as_the_linear_probe_does(subject: FakeSubject) -> None:
    assert EVALUATOR.tokens(settings(blocks=4, augment=True), True) == Tokens(4)
    assert EVALUATOR.tokens(settings(augment=True), False) == Tokens(1, train=True)
    EVALUATOR.measure(subject, settings(augment=True, interpolation="bicubic"))
    assert [what for what, _ in subject.asked] == ["val", "augmented"]
    assert subject.augmented == [("bicubic", "auto")]


def test_its_cost_is_that_of_its_layers() -> None:
    load = Workload(train=100, val=40, classes=10, width=8, blocks=3, bare=False)
    found = EVALUATOR.cost(load, settings(blocks=2, hidden=32, grid=(0.5,), augment=True))
    hidden, output = 16 * 32, 32 * 10
    of_images = 100 * (4 * hidden + 6 * output) + 40 * (2 * hidden + 2 * output)
    assert found.flops == {"probing": 2 * 3 * of_images}
    assert (found.passes, found.images) == (3 * 100, settings(blocks=2, augment=True).images)
    assert EVALUATOR.cost(load, settings()).passes == 0
