"""The projection head: an MLP without batch norm, as in DINO; three layers in the paper (Sec. 4)."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


class Head(nn.Module):
    """MLP d -> hidden -> ... -> outputs with GELU; [N, d] -> [N, outputs], or [N, prototypes] if there are any.

    normalise: L2-normalise the outputs (SimDINO's embedding; in DINO, the input of the prototypes).
    prototypes: size of DINO's last linear layer, which is weight-normalised with its gain frozen at 1, so that its
    rows act as unit vectors.
    init_std: see `reset`.
    """

    def __init__(
        self,
        width: int,
        hidden: int,
        layers: int,
        outputs: int,
        normalise: bool,
        prototypes: int | None,
        init_std: float | None = 0.02,
    ) -> None:
        super().__init__()
        widths = [width, *[hidden] * (layers - 1), outputs]
        modules: list[nn.Module] = []
        for inside, outside in pairwise(widths):
            modules += [nn.Linear(inside, outside), nn.GELU()]
        self.mlp = nn.Sequential(*modules[:-1])
        self.normalise, self.init_std = normalise, init_std
        self.prototypes = nn.Parameter(torch.empty(prototypes, outputs)) if prototypes else None
        self.reset()

    @torch.no_grad()
    def reset(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights from a truncated normal of std `init_std` (None: 1 / sqrt(inputs)) and set biases to 0.

        Prototypes are drawn uniformly, as in torch's linear layer; only their direction affects the output.
        Everything is drawn on the CPU by a CPU generator, so that a reset is the same on every device.
        """
        for module in self.mlp:
            if isinstance(module, nn.Linear):
                std = self.init_std or module.in_features**-0.5
                drawn = nn.init.trunc_normal_(
                    torch.empty_like(module.weight, device="cpu"), std=std, generator=generator
                )
                module.weight.copy_(drawn)
                nn.init.zeros_(module.bias)
        if self.prototypes is not None:
            bound = 1 / math.sqrt(self.prototypes.shape[1])
            drawn = torch.empty_like(self.prototypes, device="cpu")
            self.prototypes.copy_(nn.init.uniform_(drawn, -bound, bound, generator=generator))

    def forward(self, features: Tensor) -> Tensor:
        outputs: Tensor = self.mlp(features)
        if self.normalise:
            outputs = F.normalize(outputs, dim=-1)
        if self.prototypes is not None:
            outputs = F.linear(outputs, F.normalize(self.prototypes, dim=-1))
        return outputs
