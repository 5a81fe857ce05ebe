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

    The agreement is a mean over samples, so that a batch may be taken in parts; the rate couples all samples and
    is taken of the rows of the whole batch; the centre moves once for it. `forward` does all three for a batch
    that is one part. Only "cross-entropy" has state: the buffer `centre` [dimension], float32 (`.double()`
    widens it). Half precision is widened to float32, also under autocast. No gradient reaches the teacher.
    """

    centre: Tensor

    def __init__(self, settings: ObjectiveSettings, dimension: int) -> None:
        super().__init__()
        if dimension < 1:
            raise ValueError(f"an objective needs a dimension >= 1, got {dimension}")
        self.settings = settings
        self.dimension = dimension
        self.has_rate = settings.rate_weight != 0
        self.has_centre = settings.agreement == "cross-entropy"
        if self.has_centre:
            self.register_buffer("centre", torch.zeros(dimension))

    def forward(self, student_VND: Tensor, teacher_GND: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss (scalar) and its detached terms, for the rows of the whole batch.

        student_VND: head outputs of V views of N samples; teacher_GND: of the G global views, which are also
        the first G of the student's. Raw logits for "bce", "code-cosine" and "cross-entropy", unit rows for
        "cosine". Terms: "agreement" (without its weight; minus the cosine for "cosine") and "rate" = gamma * R,
        absent when rate_weight is 0. In training mode the centre moves after the loss. Raises ValueError for
        shapes that don't belong together.
        """
        agreement = self.agreement(student_VND, teacher_GND)
        terms = {"agreement": agreement.detach()}
        loss = self.settings.agreement_weight * agreement
        if self.has_rate:
            rate = self.rate(self.rate_rows(student_VND[: len(teacher_GND)], teacher_GND))
            terms["rate"] = rate.detach()
            loss = loss - self.settings.rate_weight * rate
        if self.has_centre and self.training:
            self.move_centre(_widened(teacher_GND).mean(dim=(0, 1)))
        return loss, terms

    def agreement(self, student_VND: Tensor, teacher_GND: Tensor) -> Tensor:
        """The agreement of some samples, a scalar: its mean over parts, weighted by their sizes, is the batch's."""
        self._check(student_VND, teacher_GND)
        s = self.settings
        with torch.autocast(student_VND.device.type, enabled=False):
            student, teacher = _widened(student_VND), _widened(teacher_GND).detach()
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

    def rate_rows(self, student_GND: Tensor, teacher_GND: Tensor) -> Tensor:
        """The rows [G, N, D] that the rate is taken of, each from its own sample alone.

        Logits are L2-normalised; the unit rows of "cosine" are used as they are.
        """
        with torch.autocast(student_GND.device.type, enabled=False):
            rows, others = _widened(student_GND), _widened(teacher_GND).detach()
            if self.settings.agreement != "cosine":
                rows, others = normalize(rows, dim=-1), normalize(others, dim=-1)
            return (rows + others) / 2 if self.settings.rate_rows == "mean" else rows

    def rate(self, rows_GND: Tensor) -> Tensor:
        """gamma * R of the rows of the whole batch in sample order, the mean over the G views; a scalar."""
        per_view = [self._rate_of_view(view) for view in rows_GND]
        return torch.stack(per_view).mean() * rate_scale(rows_GND.shape[1], rows_GND.shape[2])

    @torch.no_grad()
    def move_centre(self, mean_D: Tensor) -> None:
        """Move the centre towards the mean of the teacher's outputs over global views and the whole batch."""
        self.centre.copy_(next_centre(self.centre, mean_D, self.settings.centre_momentum))

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
