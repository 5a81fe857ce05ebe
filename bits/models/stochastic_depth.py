"""Stochastic depth that does not depend on how a batch is divided among processes and micro-batches.

timm draws inside the forward pass, so what is dropped depends on the division. Here the factors of the global batch
are drawn beforehand, and each pass is given its share.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from timm.layers import DropPath as TimmDropPath
from torch import Tensor, nn


class DropPath(nn.Module):
    """Multiplies each sample's residual by its factor: 0 if the path is dropped, 1 / (1 - rate) if it is kept.

    factors: float [N], to be set before every pass in training mode; ValueError if missing or of the wrong length.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.factors: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        if self.factors is None or len(self.factors) != len(x):
            given = "none" if self.factors is None else str(len(self.factors))
            raise ValueError(
                f"stochastic depth needs a factor for each of {len(x)} rows and has {given}. For a backbone that "
                "drops paths per window instead of per sample, set backbone.drop_path=0."
            )
        # Multiplied before rounding: in bfloat16, 1 / 0.9 itself would be 0.16 % too small in every step.
        kept: Tensor = x * self.factors.view(-1, *[1] * (x.ndim - 1))
        return kept.to(x.dtype)

    def extra_repr(self) -> str:
        return f"rate={self.rate:.3g}"


def own_drop_paths(module: nn.Module) -> None:
    """Replace each of timm's DropPath modules with a `DropPath` of the same rate."""
    for name, child in list(module.named_children()):
        if isinstance(child, TimmDropPath):
            setattr(module, name, DropPath(child.drop_prob) if child.drop_prob > 0 else nn.Identity())
        else:
            own_drop_paths(child)


def drop_paths(module: nn.Module) -> list[DropPath]:
    """The DropPath modules of a backbone, in order."""
    return [child for child in module.modules() if isinstance(child, DropPath)]


def path_factors(rates: Sequence[float], views: int, samples: int, generator: torch.Generator) -> Tensor:
    """One draw of factors, 0 or 1 / (1 - rate): float32 [paths, views, samples] on the CPU."""
    keep = 1 - torch.tensor(rates, dtype=torch.float32).view(-1, 1, 1)
    kept = torch.rand(len(rates), views, samples, generator=generator) < keep
    return kept / keep.clamp_min(torch.finfo(torch.float32).tiny)
