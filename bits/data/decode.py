"""From a file's bytes to RGB pixels, as torchvision's default loader does it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from bits.data.picture import header_size, rgb_picture

__all__ = ["decode_rgb", "header_size"]


def decode_rgb(content: bytes, where: str, max_side: int | None = None) -> Tensor:
    """The image as uint8 [3, H, W], RGB.

    Grey, palette and CMYK images are converted as by Pillow's convert("RGB"); transparency is dropped.
    The EXIF orientation is not applied, as in torchvision's default loader. 16-bit grey keeps its high byte,
    as Pillow does for 16-bit colour (convert would cut everything above 255 to white).
    max_side: reduce an image whose longer side is larger, antialiased (Lanczos, JPEGs first by the decoder's
    own scaling). It saves time and memory and changes results. where: names the file in errors.
    Raises DatasetError: broken, truncated, too many pixels, 32-bit pixels.
    """
    rgb = rgb_picture(content, where, max_side)
    return torch.from_numpy(np.array(np.asarray(rgb).transpose(2, 0, 1), order="C"))
