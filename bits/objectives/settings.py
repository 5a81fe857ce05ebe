"""What defines an objective; every field can change the loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from bits.objectives.bernoulli import Reduction, Target

Agreement = Literal["bce", "code-cosine", "cosine", "cross-entropy"]
RateRows = Literal["student", "mean"]
NAMED = {"agreement": Agreement, "target": Target, "reduction": Reduction, "rate_rows": RateRows}
POSITIVE = (
    "target_temperature",
    "rate_eps",
    "virtual_ranks",
    "student_temperature",
    "teacher_temperature",
)


@dataclass(frozen=True, kw_only=True)
class ObjectiveSettings:
    """L = agreement_weight * agreement - rate_weight * gamma * R (paper Eq. 10; protocol "Losses").

    agreement: "bce" (BITS, Eq. 8), "code-cosine" (Table 3), "cosine" (SimDINO), "cross-entropy" (DINO).
    target, target_temperature: the code of "bce" and "code-cosine" (Eq. 7; "soft" is Table 10).
    reduction: mean over the bits or their sum, for "bce".
    rate_weight: beta for BITS, coeff for SimDINO; 0 leaves the rate term out.
    rate_eps: the paper's eps^2. rate_rows: the student's global views, or the "mean" of student and teacher
    without renormalising. rate_centred: covariance about the mean row.
    virtual_ranks: 1 takes R over the whole batch. r > 1 reproduces the public code on r processes: the mean
    of R over r equal runs of consecutive rows, each divided by the count of the whole batch.
    student_temperature, teacher_temperature, centre_momentum: for "cross-entropy".
    Raises ValueError for a value outside its range.
    """

    agreement: Agreement
    agreement_weight: float = 1.0
    target: Target = "hard"
    target_temperature: float = 1.0
    reduction: Reduction = "mean"
    rate_weight: float
    rate_eps: float = 0.05
    rate_rows: RateRows = "student"
    rate_centred: bool = False
    virtual_ranks: int = 1
    student_temperature: float = 0.1
    teacher_temperature: float = 0.04
    centre_momentum: float = 0.9

    def __post_init__(self) -> None:
        for name, kind in NAMED.items():
            value, known = getattr(self, name), get_args(kind)
            if value not in known:
                raise ValueError(f"{name} is {value!r}, expected one of {', '.join(known)}")
        for name in POSITIVE:
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a number above 0")
        if not 0 <= self.centre_momentum <= 1:
            raise ValueError(f"centre_momentum is {self.centre_momentum}, expected 0 to 1")
