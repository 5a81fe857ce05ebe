"""A batch of decoded images of different sizes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bits.data.transfer import to_device


@dataclass(frozen=True)
class ImageBatch:
    """N images, each in the top-left corner of a common canvas.

    pixels: uint8 [N, 3, Hmax, Wmax], RGB, zero outside the image. sizes: int64 [N, 2], (height, width), always in main
    memory, where what depends on them is decided.
    """

    pixels: Tensor
    sizes: Tensor

    def __post_init__(self) -> None:
        if self.pixels.dtype != torch.uint8 or self.pixels.ndim != 4 or self.pixels.shape[1] != 3:
            raise ValueError(f"pixels must be uint8 [N, 3, H, W], got {self.pixels.dtype} {tuple(self.pixels.shape)}")
        if self.sizes.shape != (len(self.pixels), 2):
            raise ValueError(f"sizes must be [{len(self.pixels)}, 2], got {tuple(self.sizes.shape)}")

    def __len__(self) -> int:
        return len(self.pixels)

    def to(self, device: torch.device | str) -> ImageBatch:
        """The same images with their pixels on another device."""
        return ImageBatch(to_device(self.pixels, device), self.sizes)

    def select(self, indices: Tensor | slice) -> ImageBatch:
        """The images at `indices` (a slice or an integer tensor), on the same canvas."""
        return ImageBatch(self.pixels[indices], self.sizes[indices])
