"""Every method takes a step on CUDA in bfloat16, with finite weights, near what the CPU computes in float32."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bits.commands.running import objective_of, teacher_student
from bits.compose import Composer
from bits.data.batch import ImageBatch
from bits.training.views import step_views, view_specs

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


@pytest.mark.parametrize("method", ["dino", "simdino", "bits-fixed", "bits-cosine"])
def test_a_step_on_the_device_is_near_the_step_on_the_cpu(method: str, tmp_path: Path) -> None:
    with Composer("smoke") as composer:
        recipe = composer.compose(method)[0].recipe
    pixels = torch.randint(0, 256, (16, 3, 24, 24), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    batch = ImageBatch(pixels, torch.full((16, 2), 24))
    specs = view_specs(recipe.crops, recipe.augmentation)
    losses = {}
    for name in ("cpu", "cuda"):
        device = torch.device(name)
        model, objective = teacher_student(recipe).to(device), objective_of(recipe).to(device)
        views = step_views(batch, specs, 0, 0, device)
        with torch.autocast("cuda", torch.bfloat16, enabled=name == "cuda"):
            with torch.no_grad():
                _, teacher = model.teacher(views[:2])
            _, student = model.student(views)
            loss, _ = objective(student, teacher)
        loss.backward()
        losses[name] = float(loss.detach())
        gradients = [parameter.grad for parameter in model.student.parameters() if parameter.grad is not None]
        assert all(bool(torch.isfinite(gradient).all()) for gradient in gradients)
    assert losses["cuda"] == pytest.approx(losses["cpu"], rel=0.05, abs=0.02)
