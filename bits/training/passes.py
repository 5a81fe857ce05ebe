"""The passes of one step through student and teacher, over a micro-batch at a time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor

from bits.models.teacher_student import TeacherStudent
from bits.training.views import GLOBAL_VIEWS, StepViews

Autocast = Callable[[], AbstractContextManager[object]]
TEACHERS = slice(0, GLOBAL_VIEWS)
OTHERS = slice(GLOBAL_VIEWS, None)


@dataclass(frozen=True)
class Part:
    """A micro-batch after the teacher's pass. features: [n, D] of the first view; raw: [G, n, B], see `Head.raw`."""

    images: slice
    global_views: list[Tensor]
    features: Tensor
    raw: Tensor


@dataclass(frozen=True)
class Passes:
    """Head outputs here are raw ones (`Head.raw`): the outputs themselves, unless the head has a batch norm.

    micro_batch: images whose activations are held at a time; 0: the whole share. autocast returns a new context for
    each pass, because its cache of cast weights must not outlive a pass without gradient.
    """

    model: TeacherStudent
    micro_batch: int
    autocast: Autocast

    def slices(self, views: StepViews) -> list[slice]:
        """The micro-batches of this process's share, as positions in it."""
        size = self.micro_batch or len(views)
        return [slice(at, min(at + size, len(views))) for at in range(0, len(views), size)]

    @torch.no_grad()
    def teacher(self, views: StepViews, images: slice) -> Part:
        """The teacher's pass over the global views."""
        global_views = self._rendered(views, TEACHERS, images)
        with self.autocast():
            features, raw = self.model.teacher.raw(global_views)
        return Part(images, global_views, features[0], raw)

    def student(self, part: Part, views: StepViews, factors: Tensor | None) -> Tensor:
        """The student's pass over all views, [V, n, B]. factors: of stochastic depth, for the share, [paths, V, n]."""
        with self.autocast():
            _, raw = self.model.student.raw(
                part.global_views + self._rendered(views, OTHERS, part.images), _of(factors, part.images)
            )
        return raw

    def student_global(self, part: Part, factors: Tensor | None) -> Tensor:
        """The student's pass over the global views only, [G, n, B], with the same dropped paths as in `student`."""
        with self.autocast():
            _, raw = self.model.student.raw(part.global_views, _of(factors, part.images, TEACHERS))
        return raw

    def _rendered(self, views: StepViews, which: slice, images: slice) -> list[Tensor]:
        """Views in the dtype of the weights."""
        dtype = next(self.model.student.parameters()).dtype
        return [view.to(dtype) for view in views.render(which, images)]


def _of(factors: Tensor | None, images: slice, views: slice = slice(None)) -> Tensor | None:
    return None if factors is None else factors[:, views, images]
