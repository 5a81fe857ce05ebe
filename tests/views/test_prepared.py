"""Prepared views, compared bit by bit with the operations called one after the other on the images that they change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from bits.data.batch import ImageBatch
from bits.training.views import StepViews, seeded
from bits.views import colour
from bits.views.blur import gaussian_blur
from bits.views.parameters import ViewParameters, ViewSpec, draw
from bits.views.resample import interval_map, resample
from bits.views.views import prepared, rendered
from tests.views.recipe import view_of

SPEC = view_of(48, (0.2, 1.0))
SPECS = {
    "all": SPEC,
    "wide blur": replace(SPEC, blur=1.0, blur_radius=(0.1, 5.0)),
    "no hue, no saturation": replace(SPEC, hue=0.0, saturation=0.0),
    "resized only": replace(SPEC, jitter=0.0, grey=0.0, blur=0.0, solarise=0.0),
    "solarised": replace(SPEC, solarise=1.0, jitter=1.0),
}
PARTS = (slice(None), slice(0, 5), slice(5, 10), slice(10, 13), slice(12, 13))


def changed(views: Tensor, mask: Tensor, operation: Callable[..., Tensor], *values: Tensor) -> None:
    chosen = mask.nonzero()[:, 0]
    if len(chosen) > 0:
        views.index_copy_(0, chosen, operation(views.index_select(0, chosen), *(value[chosen] for value in values)))


def one_by_one(batch: ImageBatch, spec: ViewSpec, parameters: ViewParameters) -> Tensor:
    """A view of each image, decided where it is made."""
    top, left, height, width = parameters.crop.unbind(1)
    across = interval_map(left, width, spec.size, mirror=parameters.flip)
    views = resample(batch.pixels, interval_map(top, height, spec.size), across)
    for stage in range(4):
        for number, name in enumerate(("brightness", "contrast", "saturation", "hue")):
            if getattr(spec, name) > 0:
                mask = parameters.jitter & (parameters.order[:, stage] == number)
                changed(views, mask, getattr(colour, name), parameters.factors[:, number])
    changed(views, parameters.grey, colour.greyscale)
    changed(views, parameters.blur_radius > 0, gaussian_blur, parameters.blur_radius)
    changed(views, parameters.solarise, colour.solarise)
    factor = torch.tensor([1 / (255 * s) for s in spec.std]).view(1, 3, 1, 1)
    shift = torch.tensor([-m / s for m, s in zip(spec.mean, spec.std, strict=True)]).view(1, 3, 1, 1)
    return views * factor + shift


def smooth(height: int, width: int, count: int = 13) -> ImageBatch:
    generator = torch.Generator().manual_seed(height)
    coarse = torch.rand(count, 3, 6, 8, generator=generator)
    pixels = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear").mul(255).byte()
    shrink = 1 - torch.rand(count, 2, generator=generator) / 2
    return ImageBatch(pixels, (torch.tensor([height, width]) * shrink).long())


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize(("height", "width", "size"), [(64, 64, 32), (24, 40, 16), (150, 200, 96), (150, 200, 130)])
def test_views_and_their_parts_have_the_bits_of_the_operations(height: int, width: int, size: int, name: str) -> None:
    batch, spec = smooth(height, width), replace(SPECS[name], size=size)
    parameters = draw(spec, batch.sizes, seeded(name))
    (view,) = prepared([spec], [parameters], "cpu")
    for part in PARTS:
        found = rendered(batch.select(part), view.select(part))
        assert torch.equal(found, one_by_one(batch.select(part), spec, parameters.select(part))), part


def test_a_steps_views_are_those_of_their_own_parameters() -> None:
    batch, specs = smooth(64, 64), [replace(spec, size=32) for spec in SPECS.values()]
    views = StepViews(batch, specs, 3, 5, torch.device("cpu"))
    for part in PARTS:
        for number, found in enumerate(views.render(slice(1, 4), part), start=1):
            parameters = draw(specs[number], batch.sizes, seeded(3, "views", 5, number)).select(part)
            assert torch.equal(found, one_by_one(batch.select(part), specs[number], parameters))
