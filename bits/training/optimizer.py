"""AdamW as the recipe uses it: parameter groups, clipping."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


def parameter_groups(module: nn.Module) -> list[dict[str, Any]]:
    """Two groups: tensors with weight decay, and biases and 1-D parameters without (protocol)."""
    decayed: list[Tensor] = []
    plain: list[Tensor] = []
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            (plain if parameter.ndim == 1 or name.endswith(".bias") else decayed).append(parameter)
    return [{"params": decayed, "decayed": True}, {"params": plain, "decayed": False}]


def adamw(module: nn.Module, betas: tuple[float, float]) -> torch.optim.AdamW:
    """AdamW over `module`; rate and decay are set before every step by `set_rates`."""
    fused = next(module.parameters()).is_cuda
    return torch.optim.AdamW(parameter_groups(module), lr=0.0, betas=betas, fused=fused)


def set_rates(optimizer: torch.optim.Optimizer, learning_rate: float, weight_decay: float) -> None:
    """Put this step's learning rate and weight decay in force."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
        group["weight_decay"] = weight_decay if group["decayed"] else 0.0


def clip_gradients(parameters: Iterable[Tensor], limit: float | None, by: str) -> Tensor:
    """Scale gradients in place to norm `limit`; returns the norm of all of them before (scalar tensor).

    by = "tensor": each parameter's gradient by its own norm, as the public recipe does; "global": all by one.
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
