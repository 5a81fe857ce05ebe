"""BITS agreement: each bit is a Bernoulli variable that the student should predict (paper Eq. 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from bits.objectives.channel import BITS
from bits.objectives.code import CodeSettings, code
from bits.objectives.pairs import pair_mean
from bits.objectives.term import Term

if TYPE_CHECKING:
    from torch import Tensor

Reduction = Literal["mean", "sum"]


class Settings(CodeSettings):
    reduction: Reduction  # over the bits: mean, or the literal sum of Eq. 8


def bernoulli_disagreement(student_vND: Tensor, code_vND: Tensor, reduction: Reduction) -> Tensor:
    """Binary cross-entropy of student logits against the code, in nats, [v]: each view's mean over samples.

    reduction: over the bits. Computed from logits, so that it stays finite when the sigmoid saturates.
    """
    from torch.nn.functional import binary_cross_entropy_with_logits

    per_bit = binary_cross_entropy_with_logits(student_vND, code_vND.expand_as(student_vND), reduction="none")
    per_sample = per_bit.mean(dim=-1) if reduction == "mean" else per_bit.sum(dim=-1)
    return per_sample.mean(dim=-1)


def value(student_VND: Tensor, teacher_GND: Tensor, settings: Settings) -> Tensor:
    """Mean disagreement of raw logits over all pairs of a teacher view and a different student view, in nats; >= 0."""
    message = code(teacher_GND, settings.target, settings.target_temperature)
    return pair_mean(lambda a, z: bernoulli_disagreement(a, z, settings.reduction), student_VND, message)


TERM = Term(name="bce", settings=Settings, value=value, agreement=True, channel=BITS)
