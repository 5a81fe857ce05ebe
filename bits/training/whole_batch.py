"""The gradient for heads that end in a batch norm, whose outputs depend on the whole batch, however it is divided.

The raw outputs of all views, before the norm, are collected from all processes. Norm, objective and the gradient with
respect to the raw outputs are then computed for the whole batch, alike in every process, and each part backpropagates
the inner product of its own raw outputs with its slice of that gradient. With several micro-batches, the raw outputs
come from a first pass over all views without gradient.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bits.objectives.objective import Objective
from bits.training.gradient import Step
from bits.training.passes import TEACHERS, Passes
from bits.training.views import StepViews
from bits.training.world import World


@dataclass(frozen=True)
class WholeBatchGradient:
    """Adds this process's share of the global batch's gradient to the student's `.grad`, as `GlobalGradient` does.

    Every process holds the raw outputs of the global batch, [V, N, B], which rules out prototypes.
    """

    passes: Passes
    objective: Objective
    world: World

    def __call__(self, views: StepViews, factors: Tensor | None) -> Step:
        """See `GlobalGradient`; the running statistics are left alone."""
        parts = [self.passes.teacher(views, images) for images in self.passes.slices(views)]
        teacher_raw = self._whole([part.raw for part in parts])
        with torch.no_grad():
            teacher = self.passes.model.teacher.head.finish(teacher_raw)
        once = len(parts) == 1  # then a single pass will do
        with torch.set_grad_enabled(once):
            first = [self.passes.student(part, views, factors) for part in parts]
        student_raw = self._whole(first)
        means, coupled, slope = self._backward_to_raw(student_raw, teacher)
        for part in parts:
            raw = first[0] if once else self.passes.student(part, views, factors)
            (raw * slope[:, part.images]).sum().backward()
        own = teacher[:, self.world.share(views.total)]
        return Step(
            {name: value / self.world.size for name, value in means.items()},  # so that they add up
            coupled,
            torch.cat([part.features for part in parts]),
            (own[0] > 0).sum(0),
            self.objective.statistics(own),
            own.isfinite().all(),
            (student_raw, teacher_raw),
        )

    def _whole(self, parts: list[Tensor]) -> Tensor:
        """The raw outputs of the global batch, [v, N, B], float32 or wider; without gradient."""
        raw = self.world.gather(torch.cat(parts, dim=1), dim=1)
        return raw.float() if raw.dtype.itemsize < 4 else raw

    def _backward_to_raw(
        self, student_raw: Tensor, teacher: Tensor
    ) -> tuple[dict[str, Tensor], dict[str, Tensor], Tensor]:
        """Values of the terms for the global batch (means, coupled) and the gradient of this process's raw outputs.

        Also adds this process's share of the gradient of the norm's own weights, of which each process has the whole.
        """
        head = self.passes.model.student.head
        assert head.norm is not None
        raw, weights = student_raw.detach().requires_grad_(), list(head.norm.parameters())
        student = head.finish(raw)
        means = self.objective.means(student, teacher)
        coupled = self.objective.coupled(self.objective.rows(student[TEACHERS], teacher))
        slope, *gradients = torch.autograd.grad(self.objective.total({**means, **coupled}), [raw, *weights])
        torch.autograd.backward(weights, [gradient / self.world.size for gradient in gradients])
        own = slope[:, self.world.share(slope.shape[1])]
        return _detached(means), _detached(coupled), own


def _detached(values: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach() for name, value in values.items()}
