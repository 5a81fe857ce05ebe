"""The binary code that a BITS teacher sends (paper Eq. 7; soft targets, Table 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from bits.objectives.term import TermSettings

if TYPE_CHECKING:
    from torch import Tensor

Target = Literal["hard", "soft"]


class CodeSettings(TermSettings):
    """Settings of a term in which the teacher sends a code."""

    target: Target  # what the teacher sends; hard: bits (Eq. 7), soft: probabilities (Table 10)
    target_temperature: float = Field(gt=0)  # of the sigmoid of soft targets; no effect on hard ones


def code(teacher: Tensor, target: Target, temperature: float) -> Tensor:
    """The teacher's message, computed from its logits a: same shape and dtype, without gradient.

    hard: 1[sigmoid(a) > 1/2], so a zero logit gives 0 (Eq. 7). soft: sigmoid(a / temperature), in [0, 1] (Table 10).
    """
    logits = teacher.detach()
    if target == "hard":
        return (logits > 0).to(logits.dtype)
    return (logits / temperature).sigmoid()
