"""BITS agreement: each bit is a Bernoulli variable that the student should predict (paper Eqs. 7 and 8)."""

from __future__ import annotations

from typing import Literal

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

Target = Literal["hard", "soft"]
Reduction = Literal["mean", "sum"]


def code(teacher: Tensor, target: Target, temperature: float) -> Tensor:
    """The teacher's message about its logits, same shape and dtype, without gradient.

    hard: 1[sigmoid(a) > 1/2], so that a zero logit is a 0 (Eq. 7). soft: sigmoid(a / temperature) in [0, 1]
    (Table 10).
    """
    logits = teacher.detach()
    if target == "hard":
        return (logits > 0).to(logits.dtype)
    return (logits / temperature).sigmoid()


def bernoulli_disagreement(student_vND: Tensor, code_vND: Tensor, reduction: Reduction) -> Tensor:
    """Binary cross-entropy of student logits against the code, in nats, [v]: each view's mean over samples.

    reduction: "mean" over the bits, or their literal "sum" as Eq. 8 is written (protocol). Computed from the
    logits, so that it stays finite where the sigmoid has saturated.
    """
    per_bit = binary_cross_entropy_with_logits(student_vND, code_vND.expand_as(student_vND), reduction="none")
    per_sample = per_bit.mean(dim=-1) if reduction == "mean" else per_bit.sum(dim=-1)
    return per_sample.mean(dim=-1)
