"""The projection head: an MLP, as in DINO; three layers in the paper (Sec. 4)."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from bits.models.batch_norm import BatchNorm


class Head(nn.Module):
    """MLP d -> hidden -> ... -> outputs with GELU; [N, d] -> [N, outputs], or [N, prototypes] if there are any.

    Several views, [V, N, d], are treated alike; only a batch norm in training mode tells them apart.
    normalise: L2-normalise the outputs (SimDINO's embedding; in DINO, the input of the prototypes).
    prototypes: size of DINO's last linear layer, which is weight-normalised with its gain frozen at 1, so that its
    rows act as unit vectors.
    init_std: see `reset`. batch_norm: end the MLP in one, before the normalisation; not with prototypes (ValueError).
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
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        if batch_norm and prototypes:
            raise ValueError("a head with a batch norm has no prototypes")
        widths = [width, *[hidden] * (layers - 1), outputs]
        modules: list[nn.Module] = []
        for inside, outside in pairwise(widths):
            modules += [nn.Linear(inside, outside), nn.GELU()]
        self.mlp = nn.Sequential(*modules[:-1])
        self.norm = BatchNorm(outputs) if batch_norm else None
        self.normalise, self.init_std = normalise, init_std
        self.prototypes = nn.Parameter(torch.empty(prototypes, outputs)) if prototypes else None
        self.reset()

    @torch.no_grad()
    def reset(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights from a truncated normal of std `init_std` (None: 1 / sqrt(inputs)) and set biases to 0.

        Prototypes are drawn uniformly, as in torch's linear layer; only their direction affects the output. A batch
        norm starts anew too, with its running statistics.
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
        if self.norm is not None:
            self.norm.reset_parameters()
        if self.prototypes is not None:
            bound = 1 / math.sqrt(self.prototypes.shape[1])
            drawn = torch.empty_like(self.prototypes, device="cpu")
            self.prototypes.copy_(nn.init.uniform_(drawn, -bound, bound, generator=generator))

    def forward(self, features: Tensor) -> Tensor:
        return self.finish(self.raw(features))

    def raw(self, features: Tensor) -> Tensor:
        """As far as a sample gets on its own: the input of the batch norm; without one, the outputs."""
        outputs: Tensor = self.mlp(features)
        return self._ended(outputs) if self.norm is None else outputs

    def finish(self, raw: Tensor) -> Tensor:
        """The outputs, given the raw ones: of the whole batch if there is a batch norm in training mode."""
        return raw if self.norm is None else self._ended(self.norm(raw))

    def _ended(self, outputs: Tensor) -> Tensor:
        if self.normalise:
            outputs = F.normalize(outputs, dim=-1)
        if self.prototypes is not None:
            outputs = F.linear(outputs, F.normalize(self.prototypes, dim=-1))
        return outputs
