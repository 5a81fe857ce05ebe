"""Two extra terms that couple samples: one computed from student and teacher rows separately, one from both."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from bits.config.recipe import Recipe
from bits.objectives.objective import Objective
from bits.objectives.term import Term, TermSettings

PLANTED = "planted terms"  # marks test variants that include them


def spread(rows_GND: Tensor, settings: Any) -> Tensor:
    """Hinge on the standard deviation over the batch, whose gradient is not a sum over samples."""
    return (1 - (rows_GND.var(dim=1) + 1e-4).sqrt()).relu().mean()


def unit_pairs(student_GND: Tensor, teacher_GND: Tensor, settings: Any) -> Tensor:
    return torch.nn.functional.normalize(torch.cat([student_GND, teacher_GND]), dim=-1)


def correlation(rows: Tensor, settings: Any) -> Tensor:
    """Squared distance of the cross-correlation between student and teacher dimensions from the identity."""
    student, teacher = (rows - rows.mean(dim=1, keepdim=True)).chunk(2)
    cross = student.transpose(1, 2) @ teacher * (rows.shape[2] / rows.shape[1])
    return (cross - torch.eye(rows.shape[2], dtype=rows.dtype)).square().mean()


SPREAD = Term(name="spread", settings=TermSettings, value=spread, couples=True)
CORRELATION = Term(
    name="correlation", settings=TermSettings, value=correlation, couples=True, rows=unit_pairs, agreement=True
)


def with_planted_terms(recipe: Recipe) -> Objective:
    """The recipe's objective with both extra terms."""
    planted = [(SPREAD, TermSettings(weight=0.3)), (CORRELATION, TermSettings(weight=5.0))]
    return Objective([*recipe.objective.parts(), *planted], recipe.head.prototypes or recipe.head.outputs)
