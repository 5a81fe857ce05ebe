"""SimDINO agreement: the cosine of student and teacher embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bits.objectives.pairs import pair_mean
from bits.objectives.term import Term, TermSettings

if TYPE_CHECKING:
    from torch import Tensor


def direction(teacher: Tensor) -> Tensor:
    """The teacher's rows [..., D] as unit vectors, without gradient. A zero row stays zero."""
    from torch.nn.functional import normalize

    return normalize(teacher.detach(), dim=-1)


def cosine_similarity(student_vND: Tensor, direction_vND: Tensor) -> Tensor:
    """cos(student row, direction) in [-1, 1], [v]: the mean over samples of each view.

    The gradient has no part along the student's row, also where that row is already normalised, as in the
    public SimDINO loss.
    """
    from torch.nn.functional import normalize

    return (normalize(student_vND, dim=-1) * direction_vND).sum(dim=-1).mean(dim=-1)


def value(student_VND: Tensor, teacher_GND: Tensor, settings: TermSettings) -> Tensor:
    """Minus the cosine, in [-1, 1], over all pairs of a teacher's and another student view."""
    return -pair_mean(cosine_similarity, student_VND, direction(teacher_GND))


TERM = Term(name="cosine", settings=TermSettings, value=value, agreement=True)
