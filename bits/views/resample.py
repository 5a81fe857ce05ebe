"""Crop, resize and mirror a batch of images as Pillow does, each image with its own box.

Cropping and a separable resize are two matrix products, W_y @ image @ W_x^T. The matrices contain the weights of
Pillow's antialiased filters (bicubic, or bilinear: a triangle), relative to the crop (the support is cut off at the
crop's edge, as when cropping first), so that images of any size can share a canvas and the same code runs on every
device. Mirroring reverses the rows of W_x.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from bits.data.transfer import to_device
from bits.views.separable import Band, blocks, filtered

SHARPNESS = -0.5  # Pillow's and Keys' cubic; OpenCV and torch without antialias use -0.75
WINDOWED_AREA = 96 * 96  # px; on larger CPU canvases each box is processed alone, below one batched product is faster
CHUNK_BYTES = 1 << 28  # most bytes of float32 canvas at a time
Interpolation = Literal["bicubic", "bilinear"]


@dataclass(frozen=True)
class AxisMap:
    """How one axis of each of N images maps to `size` output samples. All tensors but `sent` are on the CPU.

    start, length: int64 [N], the source interval in pixels. full: int64 [N], the number of samples that
    the interval is resized to. offset: int64 [N], the first of these that is kept. mirror: bool [N].
    sent: `facts` on the device that resamples; None: they are not there yet.
    """

    start: Tensor
    length: Tensor
    full: Tensor
    offset: Tensor
    mirror: Tensor
    size: int
    sent: Tensor | None = None

    def facts(self) -> Tensor:
        """Source pixels per sample, length, start, offset and mirror of each image: float32 [N, 5]."""
        scale = self.length.double() / self.full
        return torch.stack([scale, self.length, self.start, self.offset, self.mirror], 1).float()

    def largest_scale(self) -> float:
        """Source pixels per sample, the most in any image."""
        return float((self.length.double() / self.full).max())

    def images(self, part: slice) -> AxisMap:
        """The maps of a range of the images."""
        names = ("start", "length", "full", "offset", "mirror")
        sent = None if self.sent is None else self.sent[part]
        return replace(self, sent=sent, **{name: getattr(self, name)[part] for name in names})


def interval_map(start: Tensor, length: Tensor, size: int, mirror: Tensor | None = None) -> AxisMap:
    """The map that resizes each whole interval to `size` samples."""
    full = torch.full_like(length, size)
    flips = torch.zeros_like(length, dtype=torch.bool) if mirror is None else mirror
    return AxisMap(start, length, full, torch.zeros_like(length), flips, size)


def cubic(distance: Tensor) -> Tensor:
    """Keys' cubic kernel at |distance|; zero for |distance| >= 2."""
    d = distance.abs()
    near = ((SHARPNESS + 2) * d - (SHARPNESS + 3)) * d * d + 1
    far = (((d - 5) * d + 8) * d - 4) * SHARPNESS
    return torch.where(d < 1, near, far * (d < 2))


def triangle(distance: Tensor) -> Tensor:
    """Linear interpolation's kernel at |distance|; zero for |distance| >= 1."""
    return (1 - distance.abs()).clamp_min(0)


# The kernel and its support, in pixels of the smaller of the two grids.
KERNELS: dict[Interpolation, tuple[Callable[[Tensor], Tensor], int]] = {
    "bicubic": (cubic, 2),
    "bilinear": (triangle, 1),
}


def resize_matrix(
    axis: AxisMap, extent: int, device: torch.device | str, interpolation: Interpolation = "bicubic"
) -> Tensor:
    """Pillow's antialiased weights, float32 [N, size, extent]; rows sum to 1.

    extent: the canvas length in pixels. Source: precompute_coeffs in Pillow's Resample.c.
    """
    kernel, support = KERNELS[interpolation]
    taps = 2 * math.ceil(support * max(1.0, axis.largest_scale())) + 1
    facts = to_device(axis.facts(), device) if axis.sent is None else axis.sent
    scale, length, start, offset, mirror = facts[:, :, None].unbind(1)  # each [N, 1]
    position = torch.arange(axis.size, device=device, dtype=torch.float32)
    position = torch.where(mirror > 0, axis.size - 1 - position, position)
    centre = (position + offset + 0.5) * scale
    stretch = scale.clamp_min(1)
    first = (centre - support * stretch + 0.5).floor().clamp_min(0)
    end = torch.minimum((centre + support * stretch + 0.5).floor(), length)
    tap = first[:, :, None] + torch.arange(taps, device=device, dtype=torch.float32)
    weight = kernel((tap - centre[:, :, None] + 0.5) / stretch[:, :, None]) * (tap < end[:, :, None])
    weight = weight / weight.sum(2, keepdim=True)
    # Room for taps beyond the canvas keeps the indices distinct, which makes the scatter deterministic.
    matrix = weight.new_zeros(len(weight), axis.size, extent + taps)
    return matrix.scatter_(2, (tap + start[:, :, None]).long(), weight)[:, :, :extent]


def resample(pixels: Tensor, rows: AxisMap, columns: AxisMap, interpolation: Interpolation = "bicubic") -> Tensor:
    """The mapped part of each image, float32 [N, 3, rows.size, columns.size] in [0, 255], not rounded.

    pixels: uint8 [N, 3, H, W] on any device. Values are clipped to [0, 255] after each pass as in Pillow, which
    also rounds them: the difference is 0.3 levels on average, at most 1.3. The horizontal pass comes first; since
    version 13 Pillow does the vertical pass first where that is cheaper, which matters only at overshoots.
    """
    count, channels, height, width = pixels.shape
    windowed = pixels.device.type == "cpu" and height * width > WINDOWED_AREA
    step = max(1, CHUNK_BYTES // (4 * channels * height * width))
    out = torch.empty(count, channels, rows.size, columns.size, device=pixels.device)
    for begin in range(0, count, step):
        part = slice(begin, begin + step)
        down, across = rows.images(part), columns.images(part)
        if windowed:
            _resample_boxes(pixels[part], down, across, out[part], interpolation)
        else:
            vertical = resize_matrix(down, height, pixels.device, interpolation)
            horizontal = resize_matrix(across, width, pixels.device, interpolation)
            out[part] = filtered(pixels[part].float(), vertical, horizontal)
    return out.clamp_(0, 255)


def _resample_boxes(pixels: Tensor, rows: AxisMap, columns: AxisMap, out: Tensor, interpolation: Interpolation) -> None:
    """Image by image, each within its box: far less arithmetic if boxes are small on a large canvas."""
    vertical = resize_matrix(rows, pixels.shape[2], pixels.device, interpolation)
    horizontal = resize_matrix(columns, pixels.shape[3], pixels.device, interpolation)
    for i in range(len(pixels)):
        (y, down), (x, across) = _interval(rows, i), _interval(columns, i)
        image = pixels[i, None, :, y, x].float()
        out[i] = filtered(image, vertical[i, None, :, y], horizontal[i, None, :, x], down, across)[0]


def _interval(axis: AxisMap, index: int) -> tuple[slice, list[Band]]:
    """The source interval of one image, and the bands of its matrix relative to the interval, wide enough for any
    kernel."""
    start, length, offset = int(axis.start[index]), int(axis.length[index]), int(axis.offset[index])
    scale = length / int(axis.full[index])
    reach = 2 * max(scale, 1.0) + 1
    bands = []
    for begin, end in blocks(axis.size):
        first, last = (axis.size - end, axis.size - 1 - begin) if axis.mirror[index] else (begin, end - 1)
        low = max(0, math.floor((first + offset + 0.5) * scale - reach))
        high = min(length, math.ceil((last + offset + 0.5) * scale + reach))
        bands.append((slice(begin, end), slice(low, high)))
    return slice(start, start + length), bands
