"""The gradient of the loss on the global batch, however the batch is divided.

Most terms are means over samples, so the parts' values, weighted by their sizes, add up to the batch's value. A term
that couples samples, such as the log-determinant of the coding rate, is computed from the rows of all processes; its
gradient with respect to those rows is the same in every process. Each part then backpropagates the inner product of
its own rows with its slice of that gradient, which yields exactly its contribution to the gradient of the weights. With
several micro-batches, the rows must be known before the first backward pass: a pass over the global views without
gradient collects them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bits.objectives.objective import Objective
from bits.training.passes import TEACHERS, Part, Passes
from bits.training.views import StepViews
from bits.training.world import World


@dataclass
class Step:
    """Results of a step besides the gradients, for this process's share of the batch unless stated otherwise.

    means: this process's contribution to each term that is a mean over samples; the processes' contributions add up.
    coupled: values of the other terms, for the global batch.
    features: [n, D], teacher features of the first view.
    ones: [B], for each bit the number of samples whose teacher output for the first view is positive.
    statistics: sums over samples, for the terms with state.
    sound: whether all teacher outputs are finite (a NaN would otherwise become a bit 0).
    raw: for heads with a batch norm, the raw outputs of student [V, N, B] and teacher [G, N, B] for the global batch,
        from which their running statistics follow.
    """

    means: dict[str, Tensor]
    coupled: dict[str, Tensor]
    features: Tensor
    ones: Tensor
    statistics: dict[str, Tensor]
    sound: Tensor
    raw: tuple[Tensor, Tensor] | None = None


@dataclass(frozen=True)
class _Coupled:
    """Terms that couple samples. values: for the global batch. gradients: of this process's rows, [g, n, d] each."""

    values: dict[str, Tensor]
    gradients: dict[str, Tensor]


@dataclass(frozen=True)
class GlobalGradient:
    """Adds this process's share of the global batch's gradient to the student's `.grad`.

    For heads without batch norm; see `whole_batch` for those with one. The share's global views and teacher outputs are
    kept for the whole step.
    """

    passes: Passes
    objective: Objective
    world: World

    def __call__(self, views: StepViews, factors: Tensor | None) -> Step:
        """Compute one step's gradient; summing it over the processes is left to the caller.

        factors: stochastic depth factors of the share, [paths, V, n], on the model's device.
        """
        slices = self.passes.slices(views)
        parts: Iterable[Part] = (self.passes.teacher(views, images) for images in slices)
        coupled = None if self.objective.couples else _Coupled({}, {})
        if coupled is None and len(slices) > 1:
            parts = list(parts)
            coupled = self._coupled([self._rows(part, factors) for part in parts])
        means, done = [], []
        for part in parts:
            own, coupled = self._backward(part, views, factors, coupled)
            means.append(own)
            done.append(self._summary(part))
        assert coupled is not None, "a share of the batch has at least one image"
        features, ones, statistics, sound = zip(*done, strict=True)
        return Step(
            _sums(means),
            coupled.values,
            torch.cat(features),
            torch.stack(ones).sum(0),
            _sums(statistics),
            torch.stack(sound).all(),
        )

    def _backward(
        self, part: Part, views: StepViews, factors: Tensor | None, coupled: _Coupled | None
    ) -> tuple[dict[str, Tensor], _Coupled]:
        """Add the part's gradient. coupled: None if the part is the whole share, whose rows this pass computes."""
        student = self.passes.student(part, views, factors)
        share = student.shape[1] / views.total
        means = {name: value * share for name, value in self.objective.means(student, part.raw).items()}
        rows = self.objective.rows(student[TEACHERS], part.raw)
        coupled = coupled or self._coupled([rows])
        inner = {name: (rows[name] * slope[:, part.images]).sum() for name, slope in coupled.gradients.items()}
        self.objective.total({**means, **inner}).backward()
        return {name: value.detach() for name, value in means.items()}, coupled

    @torch.no_grad()
    def _rows(self, part: Part, factors: Tensor | None) -> dict[str, Tensor]:
        """The part's rows, from a pass over the global views only."""
        return self.objective.rows(self.passes.student_global(part, factors), part.raw)

    def _coupled(self, parts: list[dict[str, Tensor]]) -> _Coupled:
        """Values and gradients of the terms that couple samples. parts: this process's rows; the rest are gathered."""
        rows = {
            name: self.world.gather(torch.cat([part[name] for part in parts], dim=1), dim=1).requires_grad_()
            for name in parts[0]
        }
        values, gradients = self.objective.coupled(rows), {}
        for name, value in values.items():
            (gradient,) = torch.autograd.grad(value, rows[name])
            gradients[name] = gradient[:, self.world.share(gradient.shape[1])]
        return _Coupled({name: value.detach() for name, value in values.items()}, gradients)

    def _summary(self, part: Part) -> tuple[Tensor, Tensor, dict[str, Tensor], Tensor]:
        ones = (part.raw[0] > 0).sum(0)
        return part.features, ones, self.objective.statistics(part.raw), part.raw.isfinite().all()


def _sums(parts: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([part[name] for part in parts]).sum(0) for name in parts[0]}
