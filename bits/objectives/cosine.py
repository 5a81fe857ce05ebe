"""Cosine agreements: SimDINO's embeddings, and the binary channel scored by angle (paper Table 3)."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import normalize


def direction(teacher: Tensor) -> Tensor:
    """The teacher's rows [..., D] as unit vectors, without gradient. A zero row stays zero."""
    return normalize(teacher.detach(), dim=-1)


def signs_direction(code: Tensor) -> Tensor:
    """The direction of the signs 2 z - 1 of a code in [0, 1] (Table 3); zero for a soft code of all 1/2."""
    return normalize(2 * code.detach() - 1, dim=-1)


def cosine_similarity(student_vND: Tensor, direction_vND: Tensor) -> Tensor:
    """cos(student row, direction) in [-1, 1], [v]: the mean over samples of each view.

    The gradient has no part along the student's row, also where that row is already normalised, as in the
    public SimDINO loss.
    """
    return (normalize(student_vND, dim=-1) * direction_vND).sum(dim=-1).mean(dim=-1)
