"""The memory of a step: against what autograd keeps, against the figure of the paper's scale, and as arithmetic."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from bits.config.compose import Composer
from bits.models.stochastic_depth import path_factors
from bits.runs.build import objective_of, teacher_student
from bits.training.memory import COPIES, RESERVE, WORK, StepMemory, micro_batch_for, step_memory
from bits.training.views import view_specs


@pytest.mark.parametrize("method", ["bits-fixed", "dino", "simdino"])
def test_it_is_what_a_real_pass_keeps(compose: Any, method: str) -> None:
    recipe, _ = compose(method, "backbone.drop_path=0.4")
    model, objective = teacher_student(recipe), objective_of(recipe)
    before = [weight.clone() for weight in model.parameters()]
    needed = step_memory(recipe, model, objective, half=False)
    images, specs, kept = 5, view_specs(recipe.crops, recipe.augmentation), {}
    views = [torch.randn(images, 3, spec.size, spec.size) for spec in specs]
    factors = path_factors([path.rate for path in model.student.paths], len(specs), images, torch.Generator())
    own = {weight.data_ptr() for weight in model.parameters()}

    def keep(tensor: Tensor) -> Tensor:
        if tensor.untyped_storage().data_ptr() not in own:
            kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        _, student = model.student(views, factors)
        teacher = torch.randn(2, images, objective.dimension)
        objective.means(student, teacher), objective.rows(student[:2], teacher)
    real = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
    weights = COPIES * sum(weight.nbytes for weight in model.student.parameters())
    estimated = needed.fixed - weights - WORK + images * (needed.image - sum(view[0].nbytes for view in views))
    assert estimated == pytest.approx(real, rel=0.001)
    for weight, unchanged in zip(model.parameters(), before, strict=True):
        assert torch.equal(weight, unchanged) and weight.grad is None


def test_the_papers_backbone_takes_257_mb_for_an_image() -> None:
    with Composer("paper") as composer:
        recipe = composer.compose("bits-fixed")[0].recipe
    with torch.device("meta"):
        model, objective = teacher_student(recipe), objective_of(recipe)
    needed = step_memory(recipe, model, objective, half=True)
    pixels = 4 * 3 * (2 * 224**2 + 10 * 96**2)
    assert needed.image - pixels == pytest.approx(257e6, rel=0.01)
    assert needed.kept == 4 * 3 * 2 * 224**2 + 2 * 4 * 256
    # 86 million weights and those of the head, five times in float32 and once in bfloat16.
    assert needed.fixed - WORK == pytest.approx(22 * 92.3e6, rel=0.02)


def test_most_is_the_last_that_fits() -> None:
    needed = StepMemory(fixed=100, image=7, kept=2)
    for free in range(0, 900, 11):
        fits = [n for n in range(1, 65) if needed.total(n, 64) <= free - int(RESERVE * 1000)]
        assert needed.most(free, 1000, 64) == max(fits, default=0)


@pytest.mark.parametrize(
    ("share", "most", "images"),
    [
        (256, 300, 0),
        (256, 256, 0),
        (256, 255, 128),
        (256, 100, 64),
        (256, 0, 1),
        (254, 126, 85),
        (7, 6, 4),
    ],
)
def test_parts_of_a_share_are_as_equal_as_can_be(share: int, most: int, images: int) -> None:
    assert micro_batch_for(share, most) == images


def test_parts_always_fit_and_fill_more_than_half() -> None:
    for share in range(1, 70):
        for most in range(1, share):
            images = micro_batch_for(share, most)
            assert most / 2 < images <= most
