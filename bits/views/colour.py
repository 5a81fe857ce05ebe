"""Colour operations on batches, following Pillow and torchvision, with one factor per image.

Images are float32 [N, 3, H, W] with values in [0, 255]; results are new tensors, clipped to that range. Pillow
works on bytes and truncates after each blend; here values keep their fraction, so that a blend is within
about one level of Pillow's and half a level above it on average. Factors are float32 [N] on the images' device.
"""

from __future__ import annotations

import torch
from torch import Tensor

GREY_WEIGHTS = (0.299, 0.587, 0.114)  # ITU-R 601-2 luma, Pillow's mode L


def grey(images: Tensor) -> Tensor:
    """The luma of each pixel, [N, 1, H, W]."""
    red, green, blue = images[:, 0:1], images[:, 1:2], images[:, 2:3]
    return (red * GREY_WEIGHTS[0]).add_(green, alpha=GREY_WEIGHTS[1]).add_(blue, alpha=GREY_WEIGHTS[2])


def greyscale(images: Tensor) -> Tensor:
    """The luma in all three channels."""
    return grey(images).expand_as(images)


def brightness(images: Tensor, factors: Tensor) -> Tensor:
    """Blend with black: factor 0 is black, 1 the image itself."""
    return (images * _per_image(factors)).clamp_(0, 255)


def contrast(images: Tensor, factors: Tensor) -> Tensor:
    """Blend with the image's mean luma, rounded to a whole level as in Pillow."""
    level = (grey(images).mean((1, 2, 3)) + 0.5).floor()
    factors = _per_image(factors)
    return (images * factors).add_(_per_image(level) * (1 - factors)).clamp_(0, 255)


def saturation(images: Tensor, factors: Tensor) -> Tensor:
    """Blend with the image's luma: factor 0 is grey, 1 the image itself."""
    return torch.lerp(grey(images), images, _per_image(factors)).clamp_(0, 255)


def hue(images: Tensor, shifts: Tensor) -> Tensor:
    """Shift the hue by `shifts` in [-0.5, 0.5] turns, keeping HSV saturation and value.

    As in torchvision on Pillow images, the shift is truncated to a multiple of 1/255 turn. Pillow also
    stores hue and saturation as bytes: differences are up to 12 levels in saturated pixels, less than 0.6 on
    average.
    """
    red, green, blue = images.unbind(1)
    top = torch.maximum(torch.maximum(red, green), blue)
    low = torch.minimum(torch.minimum(red, green), blue)
    chroma = top - low
    in_green = torch.add(blue - red, chroma, alpha=2)
    in_blue = torch.add(red - green, chroma, alpha=4)
    sixths = torch.where(top == red, green - blue, torch.where(top == green, in_green, in_blue))
    # Adding a full turn keeps the sum positive.
    turned = (_per_image(shifts)[:, 0] * 255).trunc_().mul_(6 / 255).add_(6)
    sixths = sixths.div_(chroma.clamp_min(1e-6)).add_(turned).div_(6).frac_().mul_(6)
    out = torch.empty_like(images)
    for channel, (peak, sign, base) in enumerate(((3, 1, -1), (2, -1, 2), (4, -1, 2))):
        share = (sixths - peak).abs_().mul_(sign).add_(base).clamp_(0, 1)
        torch.addcmul(low, chroma, share, out=out[:, channel])
    return out


def solarise(images: Tensor) -> Tensor:
    """Invert the values that round to 128 or more."""
    return torch.where(images < 127.5, images, 255 - images)


JITTER = (brightness, contrast, saturation, hue)  # the numbering of torchvision's ColorJitter


def _per_image(values: Tensor) -> Tensor:
    return values[:, None, None, None]
