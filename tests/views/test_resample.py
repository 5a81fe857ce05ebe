"""Crop and resize compared with Pillow, and the weight matrices with a double loop."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from bits.data.batch import ImageBatch
from bits.views.resample import AxisMap, Interpolation, interval_map, resample, resize_matrix


def as_tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def random_boxes(sizes: Tensor, seed: int) -> Tensor:
    """Boxes (top, left, height, width) of any size and shape inside each image."""
    u = torch.rand(len(sizes), 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    extent = (1 + u[:, :2] * sizes).floor().clamp(max=sizes).long()
    return torch.cat([(u[:, 2:] * (sizes - extent + 1)).floor().long(), extent], 1)


def maps(boxes: Tensor, size: int, mirror: Tensor | None = None) -> tuple[AxisMap, AxisMap]:
    return interval_map(boxes[:, 0], boxes[:, 2], size), interval_map(boxes[:, 1], boxes[:, 3], size, mirror)


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize("size", [5, 32, 96, 130])
def test_any_crop_and_resize_is_pillows(
    images: list[Image.Image], batch: ImageBatch, size: int, interpolation: Interpolation
) -> None:
    pillows = Image.Resampling[interpolation.upper()]
    boxes = random_boxes(batch.sizes, seed=size)
    boxes[0] = torch.cat([torch.zeros(2, dtype=torch.int64), batch.sizes[0]])  # a whole image
    found = resample(batch.pixels, *maps(boxes, size), interpolation)
    for index, (image, (top, left, height, width)) in enumerate(zip(images, boxes.tolist(), strict=True)):
        crop = image.crop((left, top, left + width, top + height))
        # One axis at a time: Pillow 13 does the vertical pass first where that is cheaper, earlier versions never.
        crop = crop.resize((size, height), pillows)
        wanted = as_tensor(crop.resize((size, size), pillows)).float()
        difference = (found[index] - wanted).abs()
        # Pillow rounds after both passes, and the second pass amplifies the first rounding by up to 1.3.
        assert difference.max() < 1.3 and difference.mean() < 0.35, (
            index,
            difference.max(),
            difference.mean(),
        )


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_small_and_large_canvas_agree(batch: ImageBatch, interpolation: Interpolation) -> None:
    small = [i for i, size in enumerate(batch.sizes.tolist()) if max(size) <= 96]
    assert small
    sizes, pixels = batch.sizes[small], batch.pixels[small][:, :, :96, :96]
    boxes = random_boxes(sizes, seed=3)
    mirror = torch.arange(len(small)) % 2 == 0
    wide = torch.nn.functional.pad(pixels, (0, 60, 0, 31))
    together = resample(pixels, *maps(boxes, 120, mirror), interpolation)
    torch.testing.assert_close(resample(wide, *maps(boxes, 120, mirror), interpolation), together, rtol=0, atol=1e-3)


def test_what_lies_outside_a_box_never_shows(batch: ImageBatch) -> None:
    boxes = random_boxes(batch.sizes, seed=4)
    other = torch.randint_like(batch.pixels, 256)
    for index, (top, left, height, width) in enumerate(boxes.tolist()):
        area = (index, slice(None), slice(top, top + height), slice(left, left + width))
        other[area] = batch.pixels[area]
    assert torch.equal(resample(batch.pixels, *maps(boxes, 24)), resample(other, *maps(boxes, 24)))


def test_mirror_is_a_flip(batch: ImageBatch) -> None:
    boxes = random_boxes(batch.sizes, seed=5)
    mirror = torch.arange(len(batch)) % 2 == 0
    plain, flipped = (
        resample(batch.pixels, *maps(boxes, 70)),
        resample(batch.pixels, *maps(boxes, 70, mirror)),
    )
    wanted = torch.where(mirror[:, None, None, None], plain.flip(3), plain)
    torch.testing.assert_close(flipped, wanted, rtol=0, atol=1e-3)


def test_same_size_is_the_crop_itself() -> None:
    pixels = torch.randint(0, 256, (3, 3, 40, 40), dtype=torch.uint8)
    boxes = torch.tensor([[0, 0, 16, 16], [24, 3, 16, 16], [7, 24, 16, 16]])
    crops = [pixels[i, :, y : y + 16, x : x + 16] for i, (y, x, _, _) in enumerate(boxes.tolist())]
    torch.testing.assert_close(resample(pixels, *maps(boxes, 16)), torch.stack(crops).float(), rtol=0, atol=1e-3)


def pillow_weights(length: int, full: int, sample: int) -> list[float]:
    """The weights of one output sample over the source, transcribed from Pillow's C code."""
    scale = length / full
    stretch = max(scale, 1.0)
    centre = (sample + 0.5) * scale
    low, high = max(0, int(centre - 2 * stretch + 0.5)), min(length, int(centre + 2 * stretch + 0.5))
    weights = [0.0] * length
    for x in range(low, high):
        d = abs((x - centre + 0.5) / stretch)
        if d < 1:
            weights[x] = 1.5 * d**3 - 2.5 * d**2 + 1
        elif d < 2:
            weights[x] = -0.5 * (d**3 - 5 * d**2 + 8 * d - 4)
    return [w / math.fsum(weights) for w in weights]


def test_matrix_matches_a_double_loop() -> None:
    cases = [(0, 20, 8, 0), (3, 7, 30, 11), (5, 1, 8, 0), (2, 25, 12, 4), (0, 27, 27, 9)]
    start, length, full, offset = torch.tensor(cases).unbind(1)
    mirror = torch.tensor([False, True, False, True, False])
    found = resize_matrix(AxisMap(start, length, full, offset, mirror, 8), 28, "cpu")
    wanted = torch.zeros(len(cases), 8, 28)
    for n, (first, extent, samples, skip) in enumerate(cases):
        for i in range(8):
            row = pillow_weights(extent, samples, skip + (7 - i if mirror[n] else i))
            wanted[n, i, first : first + extent] = torch.tensor(row)
    torch.testing.assert_close(found, wanted, rtol=0, atol=2e-6)
    torch.testing.assert_close(found.sum(2), torch.ones(len(cases), 8), rtol=0, atol=1e-6)


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize(("length", "size"), [(200, 32), (33, 32), (20, 32), (1, 5)])
def test_the_weights_are_torchvisions_antialiased_ones(interpolation: Interpolation, length: int, size: int) -> None:
    """Those of its resize of tensors, which rounds nothing; each source pixel is an image of its own."""
    lines = torch.eye(length)[:, None, None, :]
    wanted = torch.nn.functional.interpolate(lines, (1, size), mode=interpolation, antialias=True)[:, 0, 0].T
    axis = interval_map(torch.tensor([0]), torch.tensor([length]), size)
    torch.testing.assert_close(resize_matrix(axis, length, "cpu", interpolation)[0], wanted, rtol=0, atol=2e-6)
