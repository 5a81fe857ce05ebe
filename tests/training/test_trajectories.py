"""Twelve steps of the public DINO and SimDINO training loops, repeated to rounding error.

The fixtures hold what those loops gave in float64 for a tiny ViT: four epochs of three steps, six images a step in two
views of 32 px and three of 16 px, whose pixels are a fixed stream of random numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bits.data.batch import ImageBatch
from bits.runs.build import objective_of, teacher_student
from bits.training.loop import Pretraining
from bits.training.update import BatchUpdate, Wants
from tests.training.conftest import RandomImages

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
STEPS, IMAGES, SIZES = 12, 6, (32, 32, 16, 16, 16)
SETTINGS = (
    "backbone.name=vit_tiny_patch16_224",
    "backbone.image_size=32",
    "backbone.options={patch_size: 4, embed_dim: 32, depth: 2, num_heads: 2}",
    "head.hidden=40",
    "head.layers=3",
    "head.outputs=24",
    f"crops={{global_size: {SIZES[0]}, local_size: {SIZES[-1]}, n_local: 3, global_scale: [0.4, 1.0], "
    "local_scale: [0.05, 0.4]}",
    f"schedule={{epochs: 4, batch_size: {IMAGES}, images_per_epoch: 18}}",
    "optimizer.learning_rate=0.02",
    "optimizer.min_learning_rate=1e-5",
    "optimizer.warmup_epochs=1",
    "optimizer.weight_decay=0.04",
    "optimizer.weight_decay_end=0.4",
    "optimizer.clip_norm=0.3",
    "teacher={momentum: 0.9, momentum_end: 1.0}",
    "curve.every_epochs=4",
)
METHODS = {
    "simdino": ("objective.coding_rate.weight=1.0",),
    "dino": (
        "head.prototypes=48",
        "head.freeze_prototypes_epochs=1",
        "objective.cross_entropy.teacher_temperature=0.04",
    ),
}
RENAMED = {"head.prototypes": "head.last_layer.weight_v"}


class GivenViews:
    """The views of a step, which are not rendered but given."""

    total = IMAGES

    def __init__(self, views: list[Tensor]) -> None:
        self.views = views

    def __len__(self) -> int:
        return self.total

    def render(self, views: slice, images: slice) -> list[Tensor]:
        return [view[images] for view in self.views[views]]


def stored(golden: Any, part: str, like: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a part of a fixture, by our names and in our shapes."""
    found = {name: torch.from_numpy(golden[f"{part}/{RENAMED.get(name, name)}"]) for name in like}
    return {name: tensor.double().view_as(like[name]) for name, tensor in found.items()}


@pytest.mark.parametrize("micro", [0, 4])
@pytest.mark.parametrize("method", METHODS)
def test_twelve_steps_are_those_of_the_public_loop(method, micro, compose, tmp_path):
    golden = np.load(FIXTURES / f"{method}_trajectory.npz")
    recipe, site = compose(method, *SETTINGS, *METHODS[method], f"site.micro_batch={micro}")
    parts = teacher_student(recipe).double(), objective_of(recipe).double()
    run = Pretraining(recipe, site, *parts, RandomImages(), tmp_path, torch.device("cpu"), lambda backbone: 0.5)
    for branch in (run.model.student, run.model.teacher):
        branch.load_state_dict(stored(golden, "initial", branch.state_dict()))
    source, step_of = np.random.RandomState(7), BatchUpdate.__call__
    unused = ImageBatch(torch.zeros(IMAGES, 3, 1, 1, dtype=torch.uint8), torch.ones(IMAGES, 2, dtype=torch.int64))
    for number in range(STEPS):
        views = GivenViews([torch.from_numpy(source.standard_normal((IMAGES, 3, size, size))) for size in SIZES])
        run.update._inputs = lambda batch, number, views=views: (views, None)  # type: ignore[method-assign]
        _, update = step_of(run.update, unused, number, Wants())
        assert update.loss == pytest.approx(golden["loss"][number], abs=1e-10)
        for name in ("learning_rate", "weight_decay", "momentum"):
            assert getattr(run.schedules, name)(number) == pytest.approx(golden[name][number], rel=1e-12)
    for part in ("student", "teacher"):
        weights = getattr(run.model, part).state_dict()
        for name, tensor in stored(golden, part, weights).items():
            assert torch.allclose(weights[name], tensor, rtol=0, atol=1e-6), (part, name)
    if method == "dino":
        centre = run.objective.state_dict()["cross_entropy.centre"]
        assert torch.allclose(centre, torch.from_numpy(golden["centre"])[0], rtol=0, atol=1e-10)
