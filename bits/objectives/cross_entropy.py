"""DINO agreement: softmax cross-entropy over prototypes with centring and sharpening (public DINO recipe)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from bits.config.section import Fraction
from bits.objectives.pairs import pair_mean
from bits.objectives.term import State, Term, TermSettings

if TYPE_CHECKING:
    from torch import Tensor


class Settings(TermSettings):
    student_temperature: float = Field(gt=0)  # of the student's softmax
    teacher_temperature: float = Field(gt=0)  # of the teacher's softmax; lower than the student's sharpens it
    centre_momentum: Fraction  # momentum of the centre, a moving average of the teacher's mean output


def prototypes(teacher: Tensor, centre_D: Tensor, temperature: float) -> Tensor:
    """softmax((a - centre) / temperature) over the last axis of the teacher's logits, without gradient."""
    return ((teacher.detach() - centre_D) / temperature).softmax(dim=-1)


def cross_entropy(student_vND: Tensor, prototypes_vND: Tensor, temperature: float) -> Tensor:
    """-sum_k q_k log softmax(a / temperature)_k in nats, [v]: each view's mean over samples."""
    log_p = (student_vND / temperature).log_softmax(dim=-1)
    return -(prototypes_vND * log_p).sum(dim=-1).mean(dim=-1)


def value(student_VND: Tensor, teacher_GND: Tensor, settings: Settings, centre: Tensor) -> Tensor:
    """Mean cross-entropy in nats over all pairs of a teacher view and a different student view. centre: [D]."""
    message = prototypes(teacher_GND, centre, settings.teacher_temperature)
    return pair_mean(lambda a, q: cross_entropy(a, q, settings.student_temperature), student_VND, message)


def start(dimension: int) -> dict[str, Tensor]:
    """A centre [D] of zeros."""
    import torch

    return {"centre": torch.zeros(dimension)}


def mean_over_views(teacher_GND: Tensor, settings: Settings) -> Tensor:
    """The teacher's outputs, averaged over the global views and summed over samples, [D]."""
    return teacher_GND.sum(dim=(0, 1)) / len(teacher_GND)


def moved(mean_D: Tensor, settings: Settings, centre: Tensor) -> dict[str, Tensor]:
    """The next centre: momentum * centre + (1 - momentum) * mean_D, the teacher's mean output."""
    return {"centre": settings.centre_momentum * centre + (1 - settings.centre_momentum) * mean_D}


TERM = Term(
    name="cross_entropy",
    settings=Settings,
    value=value,
    agreement=True,
    state=State(start, mean_over_views, moved),
)
