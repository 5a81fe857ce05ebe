"""Every method takes a step on CUDA in bfloat16, with finite weights close to those of the CPU in float32."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bits.config.compose import Composer
from bits.data.batch import ImageBatch
from bits.models.head import Head
from bits.runs.build import objective_of, teacher_student
from bits.training.loop import Pretraining
from bits.training.views import step_views, view_specs
from tests.training.conftest import RandomImages

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


def run_on(device: str, folder: Path) -> Pretraining:
    words = ["schedule.epochs=3", "optimizer.warmup_epochs=1", "curve.every_epochs=3", "head_reset.every_epochs=1"]
    with Composer("smoke", [*words, "site.log_every_steps=1"]) as composer:
        composed = composer.compose("bits-reset")[0]
    model, objective = teacher_student(composed.recipe), objective_of(composed.recipe)
    images = RandomImages()
    return Pretraining(
        composed.recipe, composed.site, model, objective, images, folder, torch.device(device), lambda backbone: 0.5
    )


def test_a_run_with_resets_trains_on_the_device_and_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    run = run_on("cuda", tmp_path / "run")
    assert run.run().outcome == "finished"
    assert sum("head reset" in line for line in (tmp_path / "run/log.jsonl").read_text().splitlines()) == 2
    again = run_on("cuda", tmp_path / "run")
    assert again.run().step == run.step
    for mine, other in zip(run.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(mine, other)


def test_a_reset_gives_the_same_weights_on_every_device() -> None:
    heads = {device: Head(8, 16, 3, 4, False, 5).to(device) for device in ("cpu", "cuda")}
    for head in heads.values():
        head.reset(torch.Generator().manual_seed(3))
    for mine, other in zip(heads["cpu"].parameters(), heads["cuda"].parameters(), strict=True):
        assert torch.equal(mine, other.cpu())


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
