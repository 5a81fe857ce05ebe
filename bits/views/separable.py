"""Separable linear filters on a batch as matrix products, each image with its own matrices."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

Band = tuple[slice, slice]  # rows of a matrix, and the columns outside which they are zero
WHOLE: tuple[Band, ...] = ((slice(None), slice(None)),)
BLOCK = 56  # rows per band: enough for efficient products, few enough to skip most zeros


def blocks(size: int) -> list[tuple[int, int]]:
    """(first, end) of consecutive blocks of at most BLOCK rows, of nearly equal length."""
    count = -(-size // BLOCK)
    edges = [size * i // count for i in range(count + 1)]
    return list(pairwise(edges))


def filtered(
    images: Tensor,
    vertical: Tensor,
    horizontal: Tensor,
    vertical_bands: Sequence[Band] = WHOLE,
    horizontal_bands: Sequence[Band] = WHOLE,
) -> Tensor:
    """vertical @ images @ horizontal^T, float32 [N, C, S, T]; the horizontal pass comes first.

    images: float32 [N, C, H, W]. vertical: [N, S, H]. horizontal: [N, T, W]. The result of the first pass is clipped
    to [0, 255] as in Pillow, that of the second is not. The bands must cover every row and every non-zero weight;
    they save the arithmetic on zeros.
    """
    count, channels, height, width = images.shape
    lines = images.reshape(count, channels * height, width)
    across = [torch.bmm(lines[:, :, taps], horizontal[:, rows, taps].mT) for rows, taps in horizontal_bands]
    wide = _joined(across, 2).clamp_(0, 255).view(count, channels, height, -1)
    down = [torch.matmul(vertical[:, None, rows, taps], wide[:, :, taps]) for rows, taps in vertical_bands]
    return _joined(down, 2)


def _joined(parts: list[Tensor], dimension: int) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts, dimension)
