"""Every method takes a step on CUDA in bfloat16, with finite weights close to those of the CPU in float32."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bits.config.compose import Composer
from bits.data.batch import ImageBatch
from bits.models.head import Head
from bits.runs.build import choose_device, objective_of, teacher_student
from bits.training.loop import Pretraining
from bits.training.update import Wants
from bits.training.views import step_views, view_specs
from tests.training.conftest import RandomImages

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


def run_on(device: str, folder: Path, *overrides: str, method: str = "bits-reset") -> Pretraining:
    words = ["schedule.epochs=3", "optimizer.warmup_epochs=1", "curve.every_epochs=3", "site.log_every_steps=1"]
    resets = ["head_reset.every_epochs=1"] if method == "bits-reset" else []
    with Composer("smoke", [*words, *resets, *overrides]) as composer:
        composed = composer.compose(method)[0]
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


@pytest.mark.parametrize("method", ["dino", "simdino", "bits-fixed"])
def test_micro_batches_give_the_gradient_of_the_whole_batch(method: str, tmp_path: Path) -> None:
    """The same loss and gradient norm in float32, as far as rounding goes."""
    images, steps = RandomImages().batch(range(16)), {}
    for micro in (0, 4):
        words = f"site.micro_batch={micro}", "precision=float32", "backbone.drop_path=0.2"
        run = run_on("cuda", tmp_path / f"micro-{micro}", *words, method=method)
        _, update = run.update(images, 1, Wants())
        steps[micro] = update.loss, update.gradient_norm
    assert steps[4] == pytest.approx(steps[0], rel=5e-3, abs=1e-3)


def test_micro_batches_need_less_memory(tmp_path: Path) -> None:
    peaks = {}
    for micro in (0, 2):
        crops = "crops.global_size=96", "crops.local_size=96"  # so that activations outweigh all else
        run = run_on("cuda", tmp_path / f"micro-{micro}", f"site.micro_batch={micro}", *crops)
        images = RandomImages().batch(range(16))
        for number in range(2):  # the first creates the optimiser's state
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
            run.update(images, number, Wants())
        peaks[micro] = torch.cuda.max_memory_allocated() - before
    assert peaks[2] < peaks[0]


def test_a_numbered_device_and_cuda_are_the_same_first_gpu() -> None:
    with Composer("smoke") as composer:
        site = composer.compose("bits-fixed")[0].site
    for name in ("cuda", "cuda:0", "auto"):
        assert choose_device(site.model_copy(update={"device": name})) == torch.device("cuda", 0)


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
