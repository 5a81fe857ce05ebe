"""The evaluators under their configured protocol: each setting arrives where it counts."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from bits.evaluation.protocol import linear_values, retrieval_values
from torch import Tensor

from bits.config.evaluation import Linear, Retrieval
from bits.data.images import ImageSet
from bits.evaluation.ranking.average_precision import average_precision

LINEAR = {
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
RETRIEVAL = {"queries_per_class": 1, "seed": 0, "cutoffs": (5,)}


class Labelled(ImageSet):
    """Labels and identities; nobody looks at its pixels."""

    def __init__(self, split: str, labels: Tensor) -> None:
        self.name, self.split, self.class_names = "labelled", split, ("a", "b", "c")
        self.labels, self.identities = labels, tuple(f"{split}/{number}" for number in range(len(labels)))

    def decode(self, index: int) -> Tensor:
        raise NotImplementedError


@pytest.fixture
def split() -> dict[str, tuple[Tensor, Labelled]]:
    """Features of few values, so that many similarities are equal."""
    generator = torch.Generator().manual_seed(0)
    made = {}
    for name, count in (("train", 60), ("val", 30)):
        features = torch.randint(0, 2, (count, 4), generator=generator).float()
        made[name] = features, Labelled(name, torch.randint(0, 3, (count,), generator=generator))
    return made


def probe(split: dict[str, tuple[Tensor, Labelled]], **settings: Any) -> dict[str, Any]:
    (train, train_set), (val, val_set) = split["train"], split["val"]
    return linear_values(lambda: train, val, train_set, val_set, Linear(**{**LINEAR, **settings}), 0)


def test_the_probes_curve_counts_from_0_after_its_first_epoch(split) -> None:
    values = probe(split)
    assert values["curve"]["x"] == [0, 1, 2]
    assert values["curve"]["y"][-1] == values["last"]


@pytest.mark.parametrize("other", [{"momentum": 0.0}, {"weight_decay": 10.0}])
def test_momentum_and_weight_decay_of_the_probe_are_settings(split, other) -> None:
    assert probe(split, **other)["curve"] != probe(split)["curve"]


@pytest.mark.parametrize("protocol", ["val-against-train", "each-against-all"])
@pytest.mark.parametrize("ties", ["expected", "stable"])
def test_ties_are_resolved_as_the_settings_say(split, protocol, ties) -> None:
    (train, train_set), (val, val_set) = split["train"], split["val"]
    settings = Retrieval(protocol=protocol, ties=ties, **RETRIEVAL)
    found = retrieval_values(lambda: train, val, train_set, val_set, settings)
    gallery, labels = (train, train_set.labels) if protocol == "val-against-train" else (val, val_set.labels)
    similarity = torch.nn.functional.normalize(val, dim=1) @ torch.nn.functional.normalize(gallery, dim=1).T
    relevant = val_set.labels[:, None] == labels
    if protocol == "each-against-all":
        similarity.fill_diagonal_(-torch.inf)
        relevant.fill_diagonal_(False)
    expected = {
        name: average_precision(similarity, relevant, ties=name).whole.mean() for name in ("expected", "stable")
    }
    assert found["map"] == pytest.approx(float(expected[ties]), abs=1e-6)
    assert abs(float(expected["expected"] - expected["stable"])) > 1e-3
