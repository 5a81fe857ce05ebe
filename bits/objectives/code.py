"""The binary code that a BITS teacher sends (paper Eq. 7; soft targets, Table 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from bits.objectives.term import TermSettings

if TYPE_CHECKING:
    from torch import Tensor

Target = Literal["hard", "soft"]


class CodeSettings(TermSettings):
    """Settings of a term whose message is a code."""

    target: Target  # hard: bits (Eq. 7); soft: probabilities (Table 10)
    target_temperature: float = Field(gt=0)  # of soft targets; a hard target is the same at every temperature


def code(teacher: Tensor, target: Target, temperature: float) -> Tensor:
    """The teacher's message about its logits, same shape and dtype, without gradient.

    hard: 1[sigmoid(a) > 1/2], so that a zero logit is a 0 (Eq. 7). soft: sigmoid(a / temperature) in [0, 1]
    (Table 10).
    """
    logits = teacher.detach()
    if target == "hard":
        return (logits > 0).to(logits.dtype)
    return (logits / temperature).sigmoid()
