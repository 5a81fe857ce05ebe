"""Gaussian blur compared with Pillow, and the band matrices with plain loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from bits.views.blur import box_matrix, box_radius, gaussian_blur


def stacked(images: list[Image.Image]) -> Tensor:
    return torch.stack([torch.from_numpy(np.array(image)).permute(2, 0, 1) for image in images]).float()


@pytest.mark.parametrize(("size", "low", "high"), [(32, 0.1, 2.0), (96, 0.1, 2.0), (130, 0.1, 2.0), (64, 2.0, 9.0)])
def test_blur_is_pillows(images: list[Image.Image], size: int, low: float, high: float) -> None:
    squares = [image.resize((size, size)) for image in images]
    radii = torch.linspace(low, high, len(squares))
    pairs = zip(squares, radii.tolist(), strict=True)
    wanted = stacked([image.filter(ImageFilter.GaussianBlur(radius)) for image, radius in pairs])
    difference = (gaussian_blur(stacked(squares), radii) - wanted).abs()
    # Pillow rounds to bytes after each of six passes.
    assert difference.max() < 3.2 and difference.mean() < 0.5, (difference.max(), difference.mean())


def test_radius_zero_leaves_an_image_as_it_is() -> None:
    images = torch.rand(3, 3, 20, 20) * 255
    torch.testing.assert_close(gaussian_blur(images, torch.zeros(3)), images, rtol=0, atol=1e-3)
    mixed = gaussian_blur(images, torch.tensor([0.0, 1.5, 0.0]))
    torch.testing.assert_close(mixed[::2], images[::2], rtol=0, atol=1e-3)
    assert (mixed[1] - images[1]).abs().mean() > 10


def test_three_passes_have_the_variance_asked_for() -> None:
    sigma = torch.tensor([0.1, 0.5, 0.9, 1.3, 2.0, 3.7], dtype=torch.float64)
    matrix = box_matrix(box_radius(sigma), 101, 4)
    row = (matrix @ matrix @ matrix)[:, 50]
    offset = torch.arange(-50.0, 51.0, dtype=torch.float64)
    torch.testing.assert_close(row.sum(1), torch.ones(6, dtype=torch.float64))
    torch.testing.assert_close(row @ offset**2, sigma**2)


def test_one_pass_repeats_the_edge_pixel() -> None:
    line = torch.rand(9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    radius = 2.3
    wanted = []
    for i in range(9):
        clamped = [line[min(max(j, 0), 8)] for j in range(i - 3, i + 4)]
        wanted.append((0.3 * clamped[0] + sum(clamped[1:6]) + 0.3 * clamped[6]) / (2 * radius + 1))
    matrix = box_matrix(torch.tensor([radius], dtype=torch.float64), 9, 3)[0]
    torch.testing.assert_close(matrix @ line, torch.stack(wanted))


def test_image_narrower_than_the_box() -> None:
    images = torch.rand(1, 3, 4, 4) * 255
    blurred = gaussian_blur(images, torch.tensor([6.0]))
    wanted = Image.fromarray(images[0].round().byte().permute(1, 2, 0).numpy()).filter(ImageFilter.GaussianBlur(6))
    assert (blurred - stacked([wanted])).abs().max() < 3.2


def test_bands_skip_zeros_only() -> None:
    """A large image is blurred in bands: a constant must be unchanged and an impulse must stay symmetric."""
    constant = torch.full((2, 3, 200, 200), 77.0)
    torch.testing.assert_close(gaussian_blur(constant, torch.tensor([0.4, 2.0])), constant)
    impulse = torch.zeros(1, 3, 201, 201)
    impulse[:, :, 100, 100] = 255
    blurred = gaussian_blur(impulse, torch.tensor([2.0]))
    torch.testing.assert_close(blurred, blurred.mT)
    torch.testing.assert_close(blurred.sum((2, 3)), torch.full((1, 3), 255.0))
