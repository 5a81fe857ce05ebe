"""The training loss: an agreement between views minus a weighted coding rate (paper Eq. 10)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from bits.objectives.bernoulli import bernoulli_disagreement, code
from bits.objectives.coding_rate import HALF_PRECISIONS, coding_rate, rate_scale
from bits.objectives.cosine import cosine_similarity, direction, signs_direction
from bits.objectives.cross_entropy import cross_entropy, next_centre, prototypes
from bits.objectives.pairs import pair_mean
from bits.objectives.settings import ObjectiveSettings

__all__ = ["Objective", "ObjectiveSettings"]


class Objective(nn.Module):
    """The loss that `settings` describe for heads of `dimension` outputs.

    Only "cross-entropy" has state: the buffer `centre` [dimension], float32 (`.double()` widens it).
    """

    centre: Tensor

    def __init__(self, settings: ObjectiveSettings, dimension: int) -> None:
        super().__init__()
        if dimension < 1:
            raise ValueError(f"an objective needs a dimension >= 1, got {dimension}")
        self.settings = settings
        self.dimension = dimension
        if settings.agreement == "cross-entropy":
            self.register_buffer("centre", torch.zeros(dimension))

    def forward(self, student_VND: Tensor, teacher_GND: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss (scalar) and its detached terms, for the rows of the whole batch.

        student_VND: head outputs of V views of N samples; teacher_GND: of the G global views, which are also
        the first G of the student's. Raw logits for "bce", "code-cosine" and "cross-entropy", unit rows for
        "cosine". Half precision is widened to float32, also under autocast.
        Terms: "agreement" (without its weight; minus the cosine for "cosine"), and "rate" = gamma * R, the
        mean over the global views, absent when rate_weight is 0; logits are L2-normalised for it, the unit
        rows of "cosine" are used as they are. No gradient reaches the teacher. In training mode the centre
        moves after the loss. Raises ValueError for shapes that don't belong together.
        """
        self._check(student_VND, teacher_GND)
        with torch.autocast(student_VND.device.type, enabled=False):
            student, teacher = _widened(student_VND), _widened(teacher_GND).detach()
            agreement = self._agreement(student, teacher)
            terms = {"agreement": agreement.detach()}
            loss = self.settings.agreement_weight * agreement
            if self.settings.rate_weight != 0:
                rate = self._rate(student[: len(teacher)], teacher)
                terms["rate"] = rate.detach()
                loss = loss - self.settings.rate_weight * rate
            if self.settings.agreement == "cross-entropy" and self.training:
                self.centre.copy_(next_centre(self.centre, teacher, self.settings.centre_momentum))
        return loss, terms

    def _agreement(self, student: Tensor, teacher: Tensor) -> Tensor:
        s = self.settings
        if s.agreement == "bce":
            message = code(teacher, s.target, s.target_temperature)
            return pair_mean(lambda a, z: bernoulli_disagreement(a, z, s.reduction), student, message)
        if s.agreement == "code-cosine":
            message = signs_direction(code(teacher, s.target, s.target_temperature))
            return 1 - pair_mean(cosine_similarity, student, message)
        if s.agreement == "cosine":
            return -pair_mean(cosine_similarity, student, direction(teacher))
        message = prototypes(teacher, self.centre, s.teacher_temperature)
        return pair_mean(lambda a, q: cross_entropy(a, q, s.student_temperature), student, message)

    def _rate(self, student_GND: Tensor, teacher_GND: Tensor) -> Tensor:
        rows, others = student_GND, teacher_GND
        if self.settings.agreement != "cosine":
            rows, others = normalize(rows, dim=-1), normalize(others, dim=-1)
        if self.settings.rate_rows == "mean":
            rows = (rows + others) / 2
        per_view = [self._rate_of_view(view) for view in rows]
        return torch.stack(per_view).mean() * rate_scale(rows.shape[1], rows.shape[2])

    def _rate_of_view(self, rows_ND: Tensor) -> Tensor:
        s = self.settings
        if len(rows_ND) % s.virtual_ranks:
            raise ValueError(f"{len(rows_ND)} rows cannot be dealt evenly to {s.virtual_ranks} virtual ranks")
        shares = rows_ND.chunk(s.virtual_ranks)
        rates = [coding_rate(share, s.rate_eps, s.rate_centred, count=len(rows_ND)) for share in shares]
        return torch.stack(rates).mean()

    def _check(self, student_VND: Tensor, teacher_GND: Tensor) -> None:
        shapes = f"student {tuple(student_VND.shape)}, teacher {tuple(teacher_GND.shape)}"
        if student_VND.ndim != 3 or teacher_GND.ndim != 3 or student_VND.shape[1:] != teacher_GND.shape[1:]:
            raise ValueError(f"expected student [V, N, D] and teacher [G, N, D], got {shapes}")
        if student_VND.shape[1] == 0 or student_VND.shape[2] != self.dimension:
            raise ValueError(f"expected at least one sample of dimension {self.dimension}, got {shapes}")


def _widened(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype in HALF_PRECISIONS else tensor
