"""Whole views compared with the usual torchvision pipeline on Pillow images, with the same parameters."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from torch import Tensor
from torchvision import transforms
from torchvision.transforms import functional

from bits.data.batch import ImageBatch
from bits.views import colour
from bits.views import prepared as prepared_module
from bits.views.views import ViewParameters, ViewSpec, draw, evaluation_view, raw_view, render, whole_view
from tests.views.recipe import MEAN, STD, view_of

BICUBIC = transforms.InterpolationMode.BICUBIC
SPEC = view_of(48, (0.2, 1.0))
ADJUST = (
    functional.adjust_brightness,
    functional.adjust_contrast,
    functional.adjust_saturation,
    functional.adjust_hue,
)


def usual_view(image: Image.Image, spec: ViewSpec, parameters: ViewParameters, index: int) -> Tensor:
    """The DINO recipe, operation by operation, with the parameters of image `index`."""
    box = parameters.crop[index].tolist()
    image = functional.resized_crop(image, *box, [spec.size, spec.size], BICUBIC)
    if parameters.flip[index]:
        image = functional.hflip(image)
    if parameters.jitter[index]:
        for operation in parameters.order[index].tolist():
            image = ADJUST[operation](image, float(parameters.factors[index, operation]))
    if parameters.grey[index]:
        image = functional.rgb_to_grayscale(image, num_output_channels=3)
    if parameters.blur_radius[index] > 0:
        image = image.filter(ImageFilter.GaussianBlur(float(parameters.blur_radius[index])))
    if parameters.solarise[index]:
        image = functional.solarize(image, 128)
    return functional.normalize(functional.to_tensor(image), list(spec.mean), list(spec.std))


def levels(difference: Tensor) -> Tensor:
    """The difference of normalised views, in levels of 1/255."""
    return difference.abs() * torch.tensor(STD).view(3, 1, 1) * 255


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def differences(images: list[Image.Image], batch: ImageBatch, size: int) -> tuple[Tensor, Tensor]:
    """Mean and 99th percentile of each view's difference from the usual one, in levels, over four draws."""
    spec, found = replace(SPEC, size=size), []
    for seed in range(4):
        parameters = draw(spec, batch.sizes, generator(seed))
        views = render(batch, spec, parameters)
        for index, image in enumerate(images):
            difference = levels(views[index] - usual_view(image, spec, parameters, index))
            found.append(torch.stack([difference.mean(), difference.quantile(0.99)]))
    mean, tail = torch.stack(found).unbind(1)
    return mean, tail


@pytest.mark.parametrize("size", [24, 48, 120])
def test_whole_pipeline_is_the_usual_one(images: list[Image.Image], batch: ImageBatch, size: int) -> None:
    """Each of the usual pipeline's three blends loses half a level, which a later one can amplify."""
    mean, tail = differences(images, batch, size)
    assert mean.mean() < 1.5 and mean.max() < 3.5 and tail.max() < 8, (mean, tail)


def test_what_differs_is_the_dropped_fractions(
    images: list[Image.Image], batch: ImageBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With Pillow's truncation to whole levels after each blend, most of the difference disappears."""

    def cut(operation: Callable[..., Tensor]) -> Callable[..., Tensor]:
        return lambda *values: operation(*values).add(1e-3).floor()

    monkeypatch.setattr(prepared_module, "JITTER", (*map(cut, colour.JITTER[:3]), colour.hue))
    mean, tail = differences(images, batch, 48)
    assert mean.mean() < 0.75 and mean.max() < 1.4 and tail.max() < 6, (mean, tail)


@pytest.mark.parametrize("name", ["flip", "grey", "blur", "solarise"])
def test_one_operation_touches_only_its_images(batch: ImageBatch, name: str) -> None:
    off = replace(SPEC, jitter=0.0, **dict.fromkeys(("flip", "grey", "blur", "solarise"), 0.0))
    spec = replace(off, **{name: 0.5})
    parameters = draw(spec, batch.sizes, generator(2))
    touched = (parameters.blur_radius if name == "blur" else getattr(parameters, name)) > 0
    assert touched.any() and not touched.all()
    difference = (render(batch, spec, parameters) - render(batch, off, draw(off, batch.sizes, generator(2)))).abs()
    assert difference[~touched].max() < 1e-4
    assert (difference[touched].amax((1, 2, 3)) > 1e-3).any()


def test_a_batch_is_its_images_one_by_one(images: list[Image.Image], batch: ImageBatch) -> None:
    parameters = draw(SPEC, batch.sizes, generator(5))
    together = render(batch, SPEC, parameters)
    for index, image in enumerate(images):
        alone = ImageBatch(torch.from_numpy(np.array(image)).permute(2, 0, 1)[None], batch.sizes[index : index + 1])
        view = render(alone, SPEC, parameters.select(slice(index, index + 1)))
        # Contrast rounds its mean: a sum in another order may fall to the next level.
        assert levels(view[0] - together[index]).max() < 0.6


def test_shares_are_slices_of_the_global_batch(batch: ImageBatch) -> None:
    parameters = draw(SPEC, batch.sizes, generator(6))
    whole, half = render(batch, SPEC, parameters), len(batch) // 2
    for part in (slice(0, half), slice(half, None)):
        share = render(batch.select(part), SPEC, parameters.select(part))
        assert levels(share - whole[part]).max() < 0.6


def test_the_same_seed_gives_the_same_bits(batch: ImageBatch) -> None:
    first, second = (render(batch, SPEC, draw(SPEC, batch.sizes, generator(7))) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, render(batch, SPEC, draw(SPEC, batch.sizes, generator(8))))


def test_rendering_leaves_the_batch_alone_and_ignores_autocast(batch: ImageBatch) -> None:
    before, parameters = batch.pixels.clone(), draw(SPEC, batch.sizes, generator(1))
    views = render(batch, SPEC, parameters)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        under_autocast = render(batch, SPEC, parameters)
    assert torch.equal(batch.pixels, before)
    assert views.dtype == torch.float32 and views.shape == (len(batch), 3, 48, 48)
    assert torch.equal(views, under_autocast)


def test_every_step_stays_on_the_batchs_device(batch: ImageBatch, monkeypatch: pytest.MonkeyPatch) -> None:
    """The meta device has no values to read, so waiting for the device or mixing devices fails here."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # it does not support that device
    moved = ImageBatch(batch.pixels.to("meta"), batch.sizes)
    assert render(moved, SPEC, draw(SPEC, batch.sizes, generator(1))).device.type == "meta"
    assert evaluation_view(moved, size=28, resize=32, mean=MEAN, std=STD).device.type == "meta"


def test_parameters_of_another_batch_are_refused(batch: ImageBatch) -> None:
    parameters = draw(SPEC, batch.sizes, generator())
    with pytest.raises(ValueError, match="view parameters for"):
        render(batch, SPEC, parameters.select(slice(1, None)))


@pytest.mark.parametrize(("size", "resize"), [(28, 32), (31, 36), (64, 64), (112, 128)])
def test_evaluation_view_is_torchvisions(images: list[Image.Image], batch: ImageBatch, size: int, resize: int) -> None:
    steps = [transforms.Resize(resize, BICUBIC), transforms.CenterCrop(size), transforms.ToTensor()]
    usual = transforms.Compose([*steps, transforms.Normalize(MEAN, STD)])
    views = evaluation_view(batch, size=size, resize=resize, mean=MEAN, std=STD)
    for view, image in zip(views, images, strict=True):
        difference = levels(view - usual(image))
        assert difference.max() < 1.5 and difference.mean() < 0.35


@pytest.mark.parametrize(("height", "width"), [(32, 32), (48, 24)])
def test_whole_view_is_torchvisions(images: list[Image.Image], batch: ImageBatch, height: int, width: int) -> None:
    steps = [transforms.Resize((height, width), BICUBIC), transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
    usual = transforms.Compose(steps)
    views = whole_view(batch, height=height, width=width, mean=MEAN, std=STD)
    assert views.shape == (len(images), 3, height, width)
    for view, image in zip(views, images, strict=True):
        difference = levels(view - usual(image))
        # Pillow may do the vertical pass first, which shows where both passes overshoot.
        assert difference.quantile(0.99) < 1.5 and difference.mean() < 0.35


def test_raw_view_is_the_image_itself_at_its_own_size() -> None:
    pixels = torch.randint(0, 256, (2, 3, 30, 30), dtype=torch.uint8)
    batch = ImageBatch(pixels, torch.tensor([[30, 30], [30, 30]]))
    torch.testing.assert_close(raw_view(batch, 30), pixels / 255, rtol=0, atol=1e-5)
    assert raw_view(batch, 12).shape == (2, 3, 12, 12)


@pytest.mark.parametrize(("size", "resize"), [(33, 32), (0, 32)])
def test_evaluation_crop_larger_than_the_image_is_refused(batch: ImageBatch, size: int, resize: int) -> None:
    with pytest.raises(ValueError, match="expected 1 <= size <= resize"):
        evaluation_view(batch, size=size, resize=resize, mean=MEAN, std=STD)
