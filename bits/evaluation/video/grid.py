"""Masks on the patch grid and back: one channel for each object, at the resolution of the patches or of the frame."""

from __future__ import annotations

import torch
from torch import Tensor

FLAT = 1e-5  # a channel whose values differ by less is constant; rounding leaves about 1e-6


def network_size(height: int, width: int, short_side: int, multiple: int) -> tuple[int, int]:
    """Height and width in px at which a frame goes through the backbone: whole multiples of `multiple`, rounded down.

    The short side becomes `short_side`, the long one follows the frame's proportions; each is at least one multiple.
    """
    scale = short_side / min(height, width)
    tall, wide = (max(1, int(scale * side + 1e-6) // multiple) * multiple for side in (height, width))
    return tall, wide


def resized_nearest(mask_HW: Tensor, height: int, width: int) -> Tensor:
    """The mask at another size: each new pixel takes the value under its centre, as Pillow's NEAREST does."""
    rows, columns = (
        (torch.arange(new, device=mask_HW.device) * 2 + 1) * old // (2 * new)
        for new, old in zip((height, width), mask_HW.shape, strict=True)
    )
    return mask_HW[rows[:, None], columns]


def one_hot(mask_HW: Tensor, objects: tuple[int, ...], rows: int, columns: int) -> Tensor:
    """Channels of a mask on the patch grid, float32 [rows, columns, 1 + K]: the background, then each object.

    An object too small to be seen on the grid keeps its channel, which is then empty.
    """
    small = resized_nearest(mask_HW, rows, columns)
    numbers = torch.tensor([0, *objects], dtype=mask_HW.dtype, device=mask_HW.device)
    return (small[..., None] == numbers).float()


def mask_of(labels_hwK: Tensor, objects: tuple[int, ...], network: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """The mask that labels on the patch grid stand for, uint8 [H, W] with the objects' own numbers.

    labels_hwK: float32, as `one_hot`. They are enlarged (bilinear) to `network` px, each channel is stretched to
    [0, 1], and each pixel goes to its largest channel, the first of equal ones; the mask then gets the frame's size
    (nearest), both (height, width).
    """
    channels_KHW = torch.nn.functional.interpolate(
        labels_hwK.permute(2, 0, 1)[None], size=network, mode="bilinear", align_corners=False
    )[0]
    winners_HW = _stretched(channels_KHW).argmax(dim=0)
    numbers = torch.tensor([0, *objects], dtype=torch.uint8, device=labels_hwK.device)
    return resized_nearest(numbers[winners_HW], *size)


def _stretched(channels_KHW: Tensor) -> Tensor:
    """Each channel from 0 to 1. A constant one holds all of the frame or nothing of it: 1 or 0 everywhere."""
    low, high = channels_KHW.amin(dim=(1, 2), keepdim=True), channels_KHW.amax(dim=(1, 2), keepdim=True)
    flat = high - low < FLAT
    return torch.where(flat, (high > FLAT).float(), (channels_KHW - low) / (high - low).clamp(min=FLAT))
