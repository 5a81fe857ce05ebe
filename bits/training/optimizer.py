"""AdamW with the recipe's parameter groups and gradient clipping."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


def parameter_groups(module: nn.Module) -> list[dict[str, Any]]:
    """Two groups: parameters with weight decay; biases and 1-D parameters, without (protocol)."""
    decayed: list[Tensor] = []
    plain: list[Tensor] = []
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            (plain if parameter.ndim == 1 or name.endswith(".bias") else decayed).append(parameter)
    return [{"params": decayed, "decayed": True}, {"params": plain, "decayed": False}]


def adamw(module: nn.Module, betas: tuple[float, float]) -> torch.optim.AdamW:
    """AdamW over `module`; `set_rates` sets learning rate and weight decay before every step."""
    fused = next(module.parameters()).is_cuda
    return torch.optim.AdamW(parameter_groups(module), lr=0.0, betas=betas, fused=fused)


def set_rates(optimizer: torch.optim.Optimizer, learning_rate: float, weight_decay: float) -> None:
    """Set the learning rate and the weight decay of the next step."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
        group["weight_decay"] = weight_decay if group["decayed"] else 0.0


def clip_gradients(parameters: Iterable[Tensor], limit: float | None, by: str) -> Tensor:
    """Clip gradients in place to the norm `limit` (None: don't); returns their total norm before clipping (scalar).

    by = "tensor": clip each parameter's gradient by its own norm, as in the public recipe; "global": by the total norm.
    """
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norms = torch._foreach_norm(gradients)
    total = torch.linalg.vector_norm(torch.stack(norms))
    if limit is None:
        return total
    if by == "tensor":
        factors = [torch.clamp(limit / (norm + 1e-6), max=1.0) for norm in norms]
        torch._foreach_mul_(gradients, factors)
    else:
        torch._foreach_mul_(gradients, torch.clamp(limit / (total + 1e-6), max=1.0))
    return total
