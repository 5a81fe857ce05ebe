"""The gradient of the loss on the global batch, whatever that is divided into.

The agreement is a mean over samples: parts weighted by their sizes add up to it. The rate is not: log det couples
all rows, so it is taken of the rows of all processes, and its gradient with respect to the rows, dR/drows, is the
same for all. The inner product of a part's own rows with its slice of dR/drows then has the gradient with respect
to the weights that the part contributes. With several micro-batches the rows have to be known before the first
backward pass: a pass without gradient over the global views collects them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor

from bits.models.teacher_student import TeacherStudent
from bits.objectives.objective import Objective
from bits.training.views import GLOBAL_VIEWS, StepViews
from bits.training.world import World

Autocast = Callable[[], AbstractContextManager[object]]
TEACHERS = slice(0, GLOBAL_VIEWS)
OTHERS = slice(GLOBAL_VIEWS, None)


@dataclass
class Step:
    """What a step leaves besides gradients; for this process's share of the batch unless said otherwise.

    agreement: this process's part of the global batch's (the parts add up). rate: of the global batch, None
    without rate term. features [n, D]: the teacher's, of the first view. ones [B]: how many samples have a positive
    teacher's output there. outputs_sum [B]: of the teacher's outputs over global views and samples, None without
    centre. sound: whether all of the teacher's outputs are finite (a NaN would be a code of zeros).
    """

    agreement: Tensor
    rate: Tensor | None
    features: Tensor
    ones: Tensor
    outputs_sum: Tensor | None
    sound: Tensor


@dataclass
class _Part:
    """Some neighbouring images, seen by the teacher. global_views: rendered; outputs: [G, n, D]."""

    images: slice
    global_views: list[Tensor]
    features: Tensor
    outputs: Tensor


@dataclass(frozen=True)
class GlobalGradient:
    """Adds this process's share of the global batch's gradient to `.grad` of the student.

    micro_batch: images whose activations are held at a time, 0: the whole share. The share's global views and the
    teacher's outputs are kept over the step. autocast gives a new context for each pass: its cache of cast weights
    must not outlive a pass without gradient.
    """

    model: TeacherStudent
    objective: Objective
    world: World
    micro_batch: int
    autocast: Autocast

    def __call__(self, views: StepViews, factors: Tensor | None) -> Step:
        """Take one step's gradient. factors: of the share's dropped paths, [paths, V, n] on the model's device.

        The gradients of all processes are still to be added up.
        """
        size = self.micro_batch or len(views)
        slices = [slice(at, min(at + size, len(views))) for at in range(0, len(views), size)]
        settings, parts = self.objective.settings, (self._taught(views, images) for images in slices)
        rate = pull = None
        if self.objective.has_rate and len(slices) > 1:
            known = list(parts)
            rate, pull = self._rate_and_pull([self._rows(part, factors) for part in known])
            parts = (part for part in known)
        done, agreements = [], []
        for part in parts:
            with self.autocast():
                _, student = self.model.student(
                    part.global_views + self._rendered(views, OTHERS, part.images), _of(factors, part.images)
                )
            agreement = self.objective.agreement(student, part.outputs) * (student.shape[1] / views.total)
            loss = settings.agreement_weight * agreement
            if self.objective.has_rate:
                rows = self.objective.rate_rows(student[TEACHERS], part.outputs)
                if pull is None:
                    rate, pull = self._rate_and_pull([rows.detach()])
                loss = loss - settings.rate_weight * (rows * pull[:, part.images]).sum()
            loss.backward()
            agreements.append(agreement.detach())
            done.append(self._summary(part))
        features, ones, sums, sound = zip(*done, strict=True)
        total = None if sums[0] is None else torch.stack(sums).sum(0)
        agreement = torch.stack(agreements).sum()
        return Step(agreement, rate, torch.cat(features), torch.stack(ones).sum(0), total, torch.stack(sound).all())

    def _rendered(self, views: StepViews, which: slice, images: slice) -> list[Tensor]:
        """Views as wide as the weights are."""
        dtype = next(self.model.student.parameters()).dtype
        return [view.to(dtype) for view in views.render(which, images)]

    @torch.no_grad()
    def _taught(self, views: StepViews, images: slice) -> _Part:
        global_views = self._rendered(views, TEACHERS, images)
        with self.autocast():
            features, outputs = self.model.teacher(global_views)
        return _Part(images, global_views, features[0], outputs)

    @torch.no_grad()
    def _rows(self, part: _Part, factors: Tensor | None) -> Tensor:
        """The part's rate rows in a pass over the global views alone, with the paths dropped that will be."""
        with self.autocast():
            _, student = self.model.student(part.global_views, _of(factors, part.images, TEACHERS))
        return self.objective.rate_rows(student, part.outputs)

    def _rate_and_pull(self, parts: list[Tensor]) -> tuple[Tensor, Tensor]:
        """R of the global batch, and dR/drows for this process's rows [G, n, D]."""
        own = torch.cat(parts, dim=1)
        rows = self.world.gather(own, dim=1).requires_grad_()
        rate = self.objective.rate(rows)
        (pull,) = torch.autograd.grad(rate, rows)
        return rate.detach(), pull[:, self.world.share(rows.shape[1])]

    def _summary(self, part: _Part) -> tuple[Tensor, Tensor, Tensor | None, Tensor]:
        ones = (part.outputs[0] > 0).sum(0)
        wide = part.outputs.to(self.objective.centre.dtype).sum((0, 1)) if self.objective.has_centre else None
        return part.features, ones, wide, part.outputs.isfinite().all()


def _of(factors: Tensor | None, images: slice, views: slice = slice(None)) -> Tensor | None:
    return None if factors is None else factors[:, views, images]
