"""The linear probe as an evaluator: each setting arrives where it counts."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor

from bits.evaluation.declaration import Tokens, Workload
from bits.evaluation.intervals import values_of
from bits.evaluation.linear import EVALUATOR, Linear
from bits.evaluation.probing.batches import shuffled, standardise
from bits.evaluation.probing.training import train_probe
from bits.evaluation.progress import State

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
    "interpolation": "bilinear",
    "precision": "auto",
    "schedule": "step",
    "grid": (),
    "standardised": False,
}


def settings(**others: Any) -> Linear:
    return Linear(**{**SETTINGS, **others})


def probe(subject: FakeSubject, **others: Any) -> dict[str, Any]:
    return values_of(EVALUATOR.measure(subject, settings(**others)))


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
    expected = train_probe(batches, 4, 3, val, subject.val.labels, settings(grid=(0.5,)), 5)
    values = probe(subject, grid=(0.5,))
    assert (values["last"], values["best"], values["curve"]["y"]) == (expected.last, expected.best, expected.curve)
    assert (values["last_lr_0.5"], values["best_lr_0.5"]) == (expected.grid[0.5].last, expected.grid[0.5].best)
    assert values["last_tuned"] == max(expected.last, expected.grid[0.5].last)


def test_standardised_features_are_a_probe_of_their_own(subject: FakeSubject) -> None:
    train, val = standardise(subject.vectors["train"], subject.vectors["val"])
    batches = shuffled(train, subject.train.labels, 16, 0)
    expected = train_probe(batches, 4, 3, val, subject.val.labels, settings(), 0)
    values = probe(subject, standardised=True)
    assert (values["last_standardised"], values["best_standardised"]) == (expected.last, expected.best)
    assert values["curve"] == probe(subject)["curve"]
    assert "last_standardised" not in probe(subject)


class StoppedError(Exception):
    pass


class Memory:
    """A Progress that stops the computation when it keeps something for the `stop`-th time."""

    def __init__(self, stop: int = 0) -> None:
        self.kept: dict[str, State] = {}
        self.left = stop

    def state(self, part: str) -> State | None:
        return self.kept.get(part)

    def keep(self, part: str, tensors: Mapping[str, Tensor], facts: Mapping[str, Any], *_: int) -> None:
        copies = {name: tensor.clone() for name, tensor in tensors.items()}
        self.kept[part] = State(copies, deepcopy(dict(facts)))
        self.left -= 1
        if self.left == 0:
            raise StoppedError


@pytest.mark.parametrize("stop", range(1, 7))
@pytest.mark.parametrize("augment", [False, True])
def test_stopped_after_any_epoch_it_goes_on_to_the_same_bits(subject: FakeSubject, stop: int, augment: bool) -> None:
    """Of three epochs on the images, and three on standardised features."""
    others = {"augment": augment, "standardised": True, "grid": (0.5,), "schedule": "epoch"}
    whole = Memory()
    subject.progress = whole
    expected = probe(subject, **others)
    assert set(whole.kept) == {"linear", "linear-standardised"}
    subject.progress = memory = Memory(stop)
    with pytest.raises(StoppedError):
        probe(subject, **others)
    assert probe(subject, **others) == expected
    assert memory.left == stop - 6, "no epoch was trained twice"
    for part, state in whole.kept.items():
        assert memory.kept[part].facts == state.facts
        for name, tensor in state.tensors.items():
            assert torch.equal(memory.kept[part].tensors[name], tensor)


def test_augmented_images_where_there_is_a_backbone(subject: FakeSubject) -> None:
    plain = probe(subject)
    subject.asked.clear()
    assert probe(subject, augment=True) != plain
    assert [what for what, _ in subject.asked] == ["val", "augmented"]
    assert probe(subject, augment=True, interpolation="bicubic", precision="float32")
    assert subject.augmented == [("bilinear", "auto"), ("bicubic", "float32")]
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
    augmented = EVALUATOR.cost(load, settings(augment=True, precision="bfloat16"))
    assert (augmented.passes, augmented.precision) == (3 * 100, "bfloat16")
    assert EVALUATOR.cost(load, settings(blocks=4, grid=(0.5,), standardised=True)).flops["probing"] == (
        2 * plain.flops["probing"]
    )
    torch.testing.assert_close(load.width_of(Tokens(1, True)), 16)
