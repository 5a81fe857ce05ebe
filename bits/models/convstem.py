"""ViTs whose patch embedding is a small convolutional stem, registered with timm by name.

A plain ViT learns next to nothing in a few minutes on a CPU; the same transformer behind a stem of strided 3x3
convolutions does learn ("Early Convolutions Help Transformers See Better"). Class token, patch tokens and keys are
those of a ViT, so every evaluation of the paper applies. Importing this module registers the names.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch.nn.functional as F  # noqa: N812
from timm.layers import PatchEmbed
from timm.models import register_model
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn


class ConvStem(PatchEmbed):
    """Strided 3x3 convolutions with GroupNorm and GELU that halve the side until each patch is one token.

    patch_size: a power of two, at least 4 (else ValueError). residuals: residual convolutions after each halving.
    The output has the layout of timm's PatchEmbed.
    """

    def __init__(
        self,
        img_size: int | tuple[int, int] | None = 224,
        patch_size: int = 8,
        in_chans: int = 3,
        embed_dim: int = 128,
        residuals: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(img_size, patch_size, in_chans, embed_dim, **options)
        halvings = patch_size.bit_length() - 1
        if patch_size != 1 << halvings or halvings < 2:
            raise ValueError(f"patch_size of a convolutional stem must be a power of two >= 4, got {patch_size}")
        layers: list[nn.Module] = []
        inside = in_chans
        for level in range(halvings):
            outside = max(embed_dim >> (halvings - 1 - level), 16)
            layers += [_convolution(inside, outside, stride=2), nn.GELU()]
            layers += [Residual(outside) for _ in range(residuals)]
            inside = outside
        self.proj = nn.Sequential(*layers, nn.Conv2d(inside, embed_dim, 1))  # type: ignore[assignment]


class Residual(nn.Module):
    """x + GELU(GroupNorm(conv3x3(x)))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convolution = _convolution(width, width, stride=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + F.gelu(self.convolution(x))


def _convolution(inside: int, outside: int, stride: int) -> nn.Sequential:
    groups = max(outside // 16, 1)
    return nn.Sequential(nn.Conv2d(inside, outside, 3, stride, 1, bias=False), nn.GroupNorm(groups, outside))


def _vit(options: dict[str, Any], **architecture: Any) -> VisionTransformer:
    residuals = options.pop("residuals", architecture.pop("residuals", 0))
    for unused in ("pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "cache_dir"):
        options.pop(unused, None)
    return VisionTransformer(embed_layer=partial(ConvStem, residuals=residuals), **(architecture | options))


@register_model
def vit_convstem_nano(**options: Any) -> VisionTransformer:
    """0.7 M parameters, 8 px patches; the demo's backbone (32 px images)."""
    return _vit(options, img_size=32, patch_size=8, embed_dim=128, depth=3, num_heads=4)


@register_model
def vit_convstem_micro(**options: Any) -> VisionTransformer:
    """2.9 M parameters, 8 px patches; for small photographs (32 to 96 px)."""
    return _vit(options, img_size=64, patch_size=8, embed_dim=192, depth=6, num_heads=6)
