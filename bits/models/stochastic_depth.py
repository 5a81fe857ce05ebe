"""Stochastic depth whose choices belong to the sample, not to the batch it happens to be in.

timm draws inside the forward pass, so that what is dropped depends on how a batch is divided among processes and
micro-batches. Here the factors of the global batch are drawn beforehand and each pass is given its share.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from timm.layers import DropPath as TimmDropPath
from torch import Tensor, nn


class DropPath(nn.Module):
    """Multiplies each sample's residual by its factor: 0 where the path is dropped, 1 / (1 - rate) where kept.

    factors: float [N], set before every pass in training mode; no factors, or of another length, raise ValueError.
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
                f"stochastic depth needs a factor for each of {len(x)} rows and has {given}. A backbone that "
                "drops paths per window instead of per sample needs backbone.drop_path=0."
            )
        return x * self.factors.to(x.dtype).view(-1, *[1] * (x.ndim - 1))

    def extra_repr(self) -> str:
        return f"rate={self.rate:.3g}"


def own_drop_paths(module: nn.Module) -> None:
    """Put a `DropPath` of the same rate in the place of each of timm's."""
    for name, child in list(module.named_children()):
        if isinstance(child, TimmDropPath):
            setattr(module, name, DropPath(child.drop_prob) if child.drop_prob > 0 else nn.Identity())
        else:
            own_drop_paths(child)


def drop_paths(module: nn.Module) -> list[DropPath]:
    """The paths of a backbone that may be dropped, in their order."""
    return [child for child in module.modules() if isinstance(child, DropPath)]


def path_factors(rates: Sequence[float], views: int, samples: int, generator: torch.Generator) -> Tensor:
    """One draw for `samples` samples: float32 [paths, views, samples] on the CPU, 0 or 1 / (1 - rate)."""
    keep = 1 - torch.tensor(rates, dtype=torch.float32).view(-1, 1, 1)
    kept = torch.rand(len(rates), views, samples, generator=generator) < keep
    return kept / keep.clamp_min(torch.finfo(torch.float32).tiny)
