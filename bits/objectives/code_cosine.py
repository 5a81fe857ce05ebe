"""Cosine agreement in the binary channel: between student logits and the signs of the code (paper Table 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bits.objectives.channel import BITS
from bits.objectives.code import CodeSettings, code
from bits.objectives.cosine import cosine_similarity
from bits.objectives.pairs import pair_mean
from bits.objectives.term import Term

if TYPE_CHECKING:
    from torch import Tensor


def signs_direction(code: Tensor) -> Tensor:
    """The signs 2 z - 1 of a code z in [0, 1], as a unit vector (Table 3); zero for a soft code of all 1/2."""
    from torch.nn.functional import normalize

    return normalize(2 * code.detach() - 1, dim=-1)


def value(student_VND: Tensor, teacher_GND: Tensor, settings: CodeSettings) -> Tensor:
    """Mean of 1 - cosine of raw logits over all pairs of a teacher view and a different student view; in [0, 2]."""
    message = signs_direction(code(teacher_GND, settings.target, settings.target_temperature))
    return 1 - pair_mean(cosine_similarity, student_VND, message)


TERM = Term(name="code_cosine", settings=CodeSettings, value=value, agreement=True, channel=BITS)
