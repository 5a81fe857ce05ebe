"""The linear probe as an evaluator: each setting arrives where it counts."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from bits.evaluation.declaration import Tokens, Workload
from bits.evaluation.linear import EVALUATOR, Linear
from bits.evaluation.probing.batches import shuffled, standardise
from bits.evaluation.probing.training import train_linear_probe

from .conftest import FakeSubject

SETTINGS = {
    "blocks": 1,
    "average_patches": False,
    "augment": False,
    "epochs": 3,
    "learning_rate": 0.1,
    "momentum": 0.9,
    "weight_decay": 0.0,
    "batch_size": 16,
    "grid": (),
    "standardised": False,
}


def settings(**others: Any) -> Linear:
    return Linear(**{**SETTINGS, **others})


def probe(subject: FakeSubject, **others: Any) -> dict[str, Any]:
    return dict(EVALUATOR.measure(subject, settings(**others)))


def test_the_probes_curve_counts_from_0_after_its_first_epoch(subject: FakeSubject) -> None:
    values = probe(subject)
    assert values["curve"]["x"] == [0, 1, 2]
    assert values["curve"]["y"][-1] == values["last"]


@pytest.mark.parametrize("other", [{"momentum": 0.0}, {"weight_decay": 10.0}])
def test_momentum_and_weight_decay_of_the_probe_are_settings(subject: FakeSubject, other: dict[str, float]) -> None:
    assert probe(subject, **other)["curve"] != probe(subject)["curve"]


def test_it_is_a_probe_on_the_training_images_with_the_seed_of_the_run(subject: FakeSubject) -> None:
    subject.seed = 5
    train, val = subject.vectors["train"], subject.vectors["val"]
    batches = shuffled(train, subject.train.labels, 16, 5)
    expected = train_linear_probe(batches, 4, 3, val, subject.val.labels, settings(grid=(0.5,)), 5)
    values = probe(subject, grid=(0.5,))
    assert (values["last"], values["best"], values["curve"]["y"]) == (expected.last, expected.best, expected.curve)
    assert (values["last_lr_0.5"], values["best_lr_0.5"]) == (expected.grid[0.5].last, expected.grid[0.5].best)
    assert values["last_tuned"] == max(expected.last, expected.grid[0.5].last)


def test_standardised_features_are_a_probe_of_their_own(subject: FakeSubject) -> None:
    train, val = standardise(subject.vectors["train"], subject.vectors["val"])
    batches = shuffled(train, subject.train.labels, 16, 0)
    expected = train_linear_probe(batches, 4, 3, val, subject.val.labels, settings(), 0)
    values = probe(subject, standardised=True)
    assert (values["last_standardised"], values["best_standardised"]) == (expected.last, expected.best)
    assert values["curve"] == probe(subject)["curve"]
    assert "last_standardised" not in probe(subject)


def test_augmented_images_where_there_is_a_backbone(subject: FakeSubject) -> None:
    plain = probe(subject)
    subject.asked.clear()
    assert probe(subject, augment=True) != plain
    assert [what for what, _ in subject.asked] == ["val", "augmented"]
    subject.has_backbone = False
    assert probe(subject, augment=True) == plain


@pytest.mark.parametrize(
    ("others", "backbone", "tokens"),
    [
        ({"blocks": 4}, True, Tokens(4, False, True)),
        ({"blocks": 4, "augment": True}, True, Tokens(4, False, False)),
        ({"blocks": 4, "augment": True}, False, Tokens(4, False, True)),
        ({"blocks": 4, "augment": True, "standardised": True}, True, Tokens(4, False, True)),
        ({"blocks": 4, "average_patches": True}, True, Tokens(1, True, True)),
    ],
)
def test_the_tokens_that_it_asks_for_are_those_that_it_declares(
    subject: FakeSubject, others: dict[str, Any], backbone: bool, tokens: Tokens
) -> None:
    subject.has_backbone = backbone
    assert EVALUATOR.tokens(settings(**others), backbone) == tokens
    probe(subject, **others)
    assert {asked for _, asked in subject.asked} == {tokens}
    assert ("train" in {what for what, _ in subject.asked}) == tokens.train


def test_its_cost_is_that_of_its_steps() -> None:
    load = Workload(train=100, val=40, classes=10, width=8, blocks=3, bare=False)
    plain = EVALUATOR.cost(load, settings(blocks=4, grid=(0.5,)))
    assert plain.flops == {"probing": 4.0 * (3 * 8) * 10 * 2 * 3 * (100 + 20)}
    assert plain.passes == 0
    assert EVALUATOR.cost(load, settings(augment=True)).passes == 3 * 100
    assert EVALUATOR.cost(load, settings(blocks=4, grid=(0.5,), standardised=True)).flops["probing"] == (
        2 * plain.flops["probing"]
    )
    torch.testing.assert_close(load.width_of(Tokens(1, True)), 16)
