"""Views rendered on a CUDA device, compared with the same views rendered on the CPU."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from bits.data.batch import ImageBatch
from bits.training.views import StepViews
from bits.views.views import draw, evaluation_view, render
from tests.views.recipe import MEAN, STD, view_of

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]
SPEC = view_of(32, (0.05, 1.0))


def noise_batch(height: int, width: int, count: int = 24) -> ImageBatch:
    """Images of different sizes, up to the given one."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, 3, 9, 11, generator=generator)
    pixels = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)
    shrink = torch.rand(count, 2, generator=generator) * 0.5
    sizes = (torch.tensor([height, width]) * (1 - shrink)).long()
    return ImageBatch((pixels * 255).byte(), sizes)


@pytest.mark.parametrize(("height", "width", "size"), [(64, 64, 32), (375, 500, 224), (375, 500, 96)])
def test_views_are_the_cpus(height: int, width: int, size: int) -> None:
    spec, batch = replace(SPEC, size=size), noise_batch(height, width)
    parameters = draw(spec, batch.sizes, torch.Generator().manual_seed(1))
    wanted = render(batch, spec, parameters)
    found = render(batch.to("cuda"), spec, parameters)
    assert found.device.type == "cuda"
    difference = (found.cpu() - wanted).abs() * torch.tensor(STD).view(3, 1, 1) * 255
    # TensorFloat-32 products and contrast's rounded mean: under a level, nearly nothing on average.
    assert difference.max() < 1.5 and difference.mean() < 0.1


def test_parameters_may_be_on_the_device() -> None:
    batch = noise_batch(64, 64).to("cuda")
    parameters = draw(SPEC, batch.sizes, torch.Generator().manual_seed(1))
    assert parameters.crop.device.type == "cpu"
    found = render(batch, SPEC, parameters.to("cuda"))
    torch.testing.assert_close(found, render(batch, SPEC, parameters))


def test_evaluation_views_are_the_cpus() -> None:
    batch = noise_batch(375, 500)
    wanted = evaluation_view(batch, size=224, resize=256, mean=MEAN, std=STD)
    found = evaluation_view(batch.to("cuda"), size=224, resize=256, mean=MEAN, std=STD)
    assert ((found.cpu() - wanted).abs() * 255 * 0.225).max() < 0.5


def test_nothing_waits_for_the_device() -> None:
    """torch itself raises where an operation would wait."""
    batch, specs = noise_batch(375, 500), [replace(SPEC, size=size) for size in (224, 224, 96)]

    def views() -> list[torch.Tensor]:
        made = StepViews(batch, specs, 0, 0, torch.device("cuda"))
        return [view for part in (slice(0, 10), slice(10, 24)) for view in made.render(slice(None), part)]

    wanted = views()
    torch.cuda.set_sync_debug_mode("error")
    try:
        found = views()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    for mine, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(mine, other)


def test_autocast_changes_nothing() -> None:
    batch = noise_batch(64, 64).to("cuda")
    parameters = draw(SPEC, batch.sizes, torch.Generator().manual_seed(1))
    plain = render(batch, SPEC, parameters)
    with torch.autocast("cuda", dtype=torch.bfloat16):
        torch.testing.assert_close(render(batch, SPEC, parameters), plain)
