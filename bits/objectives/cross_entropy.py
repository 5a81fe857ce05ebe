"""DINO agreement: softmax cross-entropy over prototypes with centring and sharpening (public DINO recipe)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import Field

from bits.config.section import Fraction
from bits.objectives.channel import Channel
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


def message_sums(student_VND: Tensor, teacher_GND: Tensor, settings: Settings, centre: Tensor) -> dict[str, Tensor]:
    """Over samples: prototypes [K] and their entropy in nats, means over the teacher's views; the loss, in nats."""
    message = prototypes(teacher_GND, centre, settings.teacher_temperature)
    return {
        "prototypes": message.mean(0).sum(0),
        "entropy": -message.xlogy(message).sum(-1).mean(0).sum(),
        "cross_entropy": value(student_VND, teacher_GND, settings, centre) * student_VND.shape[1],
    }


MESSAGE_VALUES = (
    "prototype_entropy",
    "prototype_entropy_per_image",
    "prototype_cross_entropy",
    "bits_sent",
    "uniform_entropy",
)


def message_values(means: Mapping[str, Tensor]) -> dict[str, float]:
    """What prototypes carry, in bits.

    prototype_entropy: of the prototypes' mean over images. prototype_entropy_per_image: the mean over images of
    theirs. prototype_cross_entropy: the loss. bits_sent: prototype_entropy less the loss. uniform_entropy: log2 of the
    number of prototypes, where the first three stand when nothing is said.
    """
    shares = means["prototypes"]
    entropy = float(-shares.xlogy(shares).sum()) / math.log(2)
    loss = float(means["cross_entropy"]) / math.log(2)
    return {
        "prototype_entropy": entropy,
        "prototype_entropy_per_image": float(means["entropy"]) / math.log(2),
        "prototype_cross_entropy": loss,
        "bits_sent": entropy - loss,
        "uniform_entropy": math.log2(len(shares)),
    }


TERM = Term(
    name="cross_entropy",
    channel=Channel(message_sums, message_values, MESSAGE_VALUES),
    settings=Settings,
    value=value,
    agreement=True,
    state=State(start, mean_over_views, moved),
)
