"""Pillow's Gaussian blur on batches, with one radius per image.

ImageFilter.GaussianBlur applies a box filter of fractional width three times along each axis, repeating the edge
pixel (Gwosdek et al. 2011, extended box filters). One pass along an axis of S pixels is an S x S band
matrix; its cube performs all three passes in one product.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from bits.views.separable import WHOLE, Band, blocks, filtered

PASSES = 3


def box_radius(sigma: Tensor) -> Tensor:
    """The box radius in pixels for which three passes have variance sigma^2 (Pillow's _gaussian_blur_radius)."""
    variance = sigma**2 / PASSES
    whole = ((torch.sqrt(12 * variance + 1) - 1) / 2).floor()
    part = (2 * whole + 1) * (whole * (whole + 1) - 3 * variance) / (6 * (variance - (whole + 1) ** 2))
    return whole + part


def box_matrix(radius: Tensor, size: int, reach: int) -> Tensor:
    """The matrix of one box pass along an axis, float [N, size, size]; rows sum to 1.

    radius: float [N], in pixels, each at most `reach`. Weights beyond the first or last pixel are added to that
    pixel's.
    """
    out = torch.arange(size, device=radius.device)[:, None]
    tap = torch.arange(-reach, size + reach, device=radius.device)[None]
    radius = radius[:, None, None]
    band = (radius + 1 - (out - tap).abs()).clamp_(0, 1) / (2 * radius + 1)
    matrix = band[:, :, reach : reach + size]
    matrix[:, :, 0] += band[:, :, :reach].sum(2)
    matrix[:, :, -1] += band[:, :, reach + size :].sum(2)
    return matrix


def gaussian_blur(images: Tensor, radii: Tensor, largest: float | None = None) -> Tensor:
    """The blurred images, float32 [N, 3, S, S].

    images: float32 [N, 3, S, S]. radii: float [N] on the same device, Pillow's radius, which is the standard
    deviation in pixels; 0 leaves an image unchanged. largest: of the radii; None: read from the device, which first
    completes its other work. Pillow rounds to bytes after each of six passes, this function does not: they differ by
    up to 3 levels, less than 0.5 on average.
    """
    size = images.shape[-1]
    largest = float(radii.max()) if largest is None else largest
    reach = math.ceil(largest)  # of one pass, because the box radius never exceeds sigma
    box = box_matrix(box_radius(radii.double()).float(), size, reach)
    cube = box @ box @ box
    bands = _bands(size, PASSES * reach) if images.device.type == "cpu" else WHOLE
    return filtered(images, cube, cube, bands, bands)


def _bands(size: int, reach: int) -> list[Band]:
    """Bands that skip the zeros far from the diagonal: worthwhile on a CPU; on a GPU one large product is faster."""
    return [(slice(a, b), slice(max(0, a - reach), min(size, b + reach))) for a, b in blocks(size)]
