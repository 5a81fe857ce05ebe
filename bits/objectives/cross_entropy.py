"""DINO agreement: softmax cross-entropy over prototypes with centring and sharpening (public DINO recipe)."""

from __future__ import annotations

import torch
from torch import Tensor


def prototypes(teacher: Tensor, centre_D: Tensor, temperature: float) -> Tensor:
    """softmax((a - centre) / temperature) over the last axis of the teacher's logits, without gradient."""
    return ((teacher.detach() - centre_D) / temperature).softmax(dim=-1)


def cross_entropy(student_vND: Tensor, prototypes_vND: Tensor, temperature: float) -> Tensor:
    """-sum_k q_k log softmax(a / temperature)_k in nats, [v]: the mean over samples of each view."""
    log_p = (student_vND / temperature).log_softmax(dim=-1)
    return -(prototypes_vND * log_p).sum(dim=-1).mean(dim=-1)


@torch.no_grad()
def next_centre(centre_D: Tensor, mean_D: Tensor, momentum: float) -> Tensor:
    """The moving average of batch means: momentum * centre + (1 - momentum) * the teacher's mean row."""
    return momentum * centre_D + (1 - momentum) * mean_D
