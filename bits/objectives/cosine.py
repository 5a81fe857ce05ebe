"""SimDINO agreement: the cosine between student and teacher embeddings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bits.objectives.channel import Channel
from bits.objectives.pairs import pair_mean
from bits.objectives.term import Term, TermSettings

if TYPE_CHECKING:
    from torch import Tensor


def direction(teacher: Tensor) -> Tensor:
    """The teacher's rows [..., D] as unit vectors, without gradient. A zero row stays zero."""
    from torch.nn.functional import normalize

    return normalize(teacher.detach(), dim=-1)


def cosine_similarity(student_vND: Tensor, direction_vND: Tensor) -> Tensor:
    """cos(student row, direction) in [-1, 1], [v]: each view's mean over samples.

    The gradient has no component along the student's row, even if the row is already normalised, as in the
    public SimDINO loss.
    """
    from torch.nn.functional import normalize

    return (normalize(student_vND, dim=-1) * direction_vND).sum(dim=-1).mean(dim=-1)


def value(student_VND: Tensor, teacher_GND: Tensor, settings: TermSettings) -> Tensor:
    """Minus the mean cosine over all pairs of a teacher view and a different student view; in [-1, 1]."""
    return -pair_mean(cosine_similarity, student_VND, direction(teacher_GND))


def agreement_sums(student_VND: Tensor, teacher_GND: Tensor, settings: TermSettings) -> dict[str, Tensor]:
    """The cosine, summed over samples."""
    return {"cosine": -value(student_VND, teacher_GND, settings) * student_VND.shape[1]}


def agreement_values(means: Mapping[str, Tensor]) -> dict[str, float]:
    """cosine: its mean over pairs of views."""
    return {"cosine": float(means["cosine"])}


TERM = Term(
    name="cosine",
    settings=TermSettings,
    value=value,
    agreement=True,
    channel=Channel(agreement_sums, agreement_values, ("cosine",)),
)
