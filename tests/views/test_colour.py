"""Colour operations compared with torchvision on Pillow images, and with plain Python on single pixels."""

from __future__ import annotations

import colorsys
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import functional

from bits.views import colour


def stacked(images: list[Image.Image]) -> Tensor:
    return torch.stack([torch.from_numpy(np.array(image)).permute(2, 0, 1) for image in images]).float()


@pytest.fixture
def squares(images: list[Image.Image]) -> list[Image.Image]:
    return [image.resize((80, 80)) for image in images]


def uniform(count: int, low: float, high: float) -> Tensor:
    """Values across the range, including both ends."""
    values = torch.rand(count, generator=torch.Generator().manual_seed(7)) * (high - low) + low
    values[0], values[-1] = low, high
    return values


Operation = Callable[[Tensor, Tensor], Tensor]
# Largest and mean absolute difference in levels. Pillow truncates after a blend (half a level on average) and
# keeps hue and saturation as bytes.
AGAINST_PILLOW = {
    "brightness": (colour.brightness, functional.adjust_brightness, (0.6, 1.4), 1.01, 0.55),
    "brightness, far": (colour.brightness, functional.adjust_brightness, (0.0, 3.0), 1.01, 0.55),
    "contrast": (colour.contrast, functional.adjust_contrast, (0.6, 1.4), 1.5, 0.6),
    "contrast, far": (colour.contrast, functional.adjust_contrast, (0.0, 3.0), 3.1, 0.6),
    "saturation": (colour.saturation, functional.adjust_saturation, (0.8, 1.2), 1.3, 0.6),
    "saturation, far": (colour.saturation, functional.adjust_saturation, (0.0, 3.0), 2.1, 0.6),
    "hue": (colour.hue, functional.adjust_hue, (-0.1, 0.1), 13.0, 0.6),
    "hue, all round": (colour.hue, functional.adjust_hue, (-0.5, 0.5), 13.0, 0.6),
}


@pytest.mark.parametrize("name", AGAINST_PILLOW)
def test_jitter_operations_are_pillows(squares: list[Image.Image], name: str) -> None:
    ours, theirs, (low, high), largest, average = AGAINST_PILLOW[name]
    factors = uniform(len(squares), low, high)
    wanted = stacked([theirs(image, factor) for image, factor in zip(squares, factors.tolist(), strict=True)])
    difference = (ours(stacked(squares), factors) - wanted).abs()
    assert difference.max() <= largest and difference.mean() <= average, (difference.max(), difference.mean())


def test_grey_is_pillows(squares: list[Image.Image]) -> None:
    wanted = stacked([functional.rgb_to_grayscale(image, 3) for image in squares])
    assert (colour.greyscale(stacked(squares)) - wanted).abs().max() <= 0.51


def test_solarise_is_pillows(squares: list[Image.Image]) -> None:
    wanted = stacked([functional.solarize(image, 128) for image in squares])
    assert torch.equal(colour.solarise(stacked(squares)), wanted)


def test_solarise_has_no_jump_between_levels() -> None:
    levels = torch.linspace(120, 135, 151).expand(1, 3, 1, 151)
    steps = colour.solarise(levels).diff(dim=3).abs()
    assert steps.max() < 0.11


def test_hue_turns_each_pixel_in_hsv() -> None:
    images = torch.rand(2, 3, 6, 7, generator=torch.Generator().manual_seed(0)) * 255
    shifts = torch.tensor([51 / 255, -102 / 255])  # whole steps, so that nothing is truncated
    found = colour.hue(images, shifts + 1e-6 * shifts.sign())
    for n, y, x in np.ndindex(2, 6, 7):
        h, s, v = colorsys.rgb_to_hsv(*(images[n, :, y, x] / 255).tolist())
        wanted = torch.tensor(colorsys.hsv_to_rgb((h + float(shifts[n])) % 1, s, v)) * 255
        torch.testing.assert_close(found[n, :, y, x], wanted, rtol=0, atol=0.01)


def test_hue_of_primaries_and_greys() -> None:
    pixels = torch.tensor([[255.0, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0], [90, 90, 90]])
    third = torch.tensor([85.5 / 255])
    turned = colour.hue(pixels.T[None, :, None], third)[0, :, 0].T
    wanted = torch.cat([pixels[[1, 2, 0]], pixels[3:]])
    torch.testing.assert_close(turned, wanted, rtol=0, atol=1e-3)


@pytest.mark.parametrize("operation", colour.JITTER[:3])
def test_factor_one_is_the_image_itself(operation: Operation) -> None:
    images = torch.rand(3, 3, 9, 9) * 255
    torch.testing.assert_close(operation(images, torch.ones(3)), images, rtol=0, atol=1e-3)


@pytest.mark.parametrize("operation", colour.JITTER)
def test_each_image_has_its_own_factor_and_stays_in_range(operation: Operation) -> None:
    images, factors = torch.rand(4, 3, 9, 9) * 255, torch.tensor([0.1, 0.4, 0.45, 0.5])
    together = operation(images, factors)
    alone = torch.cat([operation(images[i : i + 1], factors[i : i + 1]) for i in range(4)])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-3)
    assert together.min() >= 0 and together.max() <= 255.001
