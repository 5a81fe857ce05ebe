"""The gradient of the loss on the global batch, whatever that is divided into.

Most terms are means over samples: parts weighted by their sizes add up to them. A term that couples samples, as the
log-determinant of the coding rate does, is taken of the rows of all processes, and its gradient with respect to the
rows is the same for all. The inner product of a part's own rows with its slice of that gradient then has the gradient
with respect to the weights that the part contributes. With several micro-batches the rows have to be known before the
first backward pass: a pass without gradient over the global views collects them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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

    means: of each term that is a mean over samples, this process's part of the global batch's (the parts add up).
    coupled: the values of the other terms, of the global batch. features [n, D]: the teacher's, of the first view.
    ones [B]: how many samples have a positive teacher's output there. statistics: of the terms with state, summed over
    samples. sound: whether all of the teacher's outputs are finite (a NaN would be a code of zeros).
    """

    means: dict[str, Tensor]
    coupled: dict[str, Tensor]
    features: Tensor
    ones: Tensor
    statistics: dict[str, Tensor]
    sound: Tensor


@dataclass(frozen=True)
class _Coupled:
    """Terms that couple samples. values: of the global batch. gradients: for this process's rows, [g, n, d] each."""

    values: dict[str, Tensor]
    gradients: dict[str, Tensor]


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
        parts: Iterable[_Part] = (self._taught(views, images) for images in slices)
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
        self, part: _Part, views: StepViews, factors: Tensor | None, coupled: _Coupled | None
    ) -> tuple[dict[str, Tensor], _Coupled]:
        """Add the part's gradient; coupled: None when the part is the whole share, whose rows are known only now."""
        with self.autocast():
            _, student = self.model.student(
                part.global_views + self._rendered(views, OTHERS, part.images), _of(factors, part.images)
            )
        share = student.shape[1] / views.total
        means = {name: value * share for name, value in self.objective.means(student, part.outputs).items()}
        rows = self.objective.rows(student[TEACHERS], part.outputs)
        coupled = coupled or self._coupled([rows])
        inner = {name: (rows[name] * slope[:, part.images]).sum() for name, slope in coupled.gradients.items()}
        self.objective.total({**means, **inner}).backward()
        return {name: value.detach() for name, value in means.items()}, coupled

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
    def _rows(self, part: _Part, factors: Tensor | None) -> dict[str, Tensor]:
        """The part's rows in a pass over the global views alone, with the paths dropped that will be."""
        with self.autocast():
            _, student = self.model.student(part.global_views, _of(factors, part.images, TEACHERS))
        return self.objective.rows(student, part.outputs)

    def _coupled(self, parts: list[dict[str, Tensor]]) -> _Coupled:
        """The terms that couple samples, of the rows of all processes; parts: this process's."""
        rows = {
            name: self.world.gather(torch.cat([part[name] for part in parts], dim=1), dim=1).requires_grad_()
            for name in parts[0]
        }
        values, gradients = self.objective.coupled(rows), {}
        for name, value in values.items():
            (gradient,) = torch.autograd.grad(value, rows[name])
            gradients[name] = gradient[:, self.world.share(gradient.shape[1])]
        return _Coupled({name: value.detach() for name, value in values.items()}, gradients)

    def _summary(self, part: _Part) -> tuple[Tensor, Tensor, dict[str, Tensor], Tensor]:
        ones = (part.outputs[0] > 0).sum(0)
        return part.features, ones, self.objective.statistics(part.outputs), part.outputs.isfinite().all()


def _sums(parts: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([part[name] for part in parts]).sum(0) for name in parts[0]}


def _of(factors: Tensor | None, images: slice, views: slice = slice(None)) -> Tensor | None:
    return None if factors is None else factors[:, views, images]
