"""The teacher-student of every method: two branches (backbone and head); the teacher is a moving average."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import torch
from torch import Tensor, nn

from bits.models.head import Head
from bits.models.stochastic_depth import drop_paths


class Branch(nn.Module):
    """A backbone and its head."""

    def __init__(self, backbone: nn.Module, head: Head) -> None:
        super().__init__()
        self.backbone, self.head = backbone, head
        self.paths = drop_paths(backbone)

    def forward(self, views: Sequence[Tensor], factors: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """V views [N, 3, S, S] -> features [V, N, D] and head outputs [V, N, B]. factors: see `raw`."""
        features, raw = self.raw(views, factors)
        return features, self.head.finish(raw)

    def raw(self, views: Sequence[Tensor], factors: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """V views [N, 3, S, S] -> features [V, N, D] and raw head outputs [V, N, B], see `Head.raw`.

        Consecutive views of equal size go through the backbone in one pass; the head takes all views at once.
        factors: from `path_factors`, [paths, V, N], for a backbone with stochastic depth in training mode.
        """
        features, done = [], 0
        for _, same in groupby(views, key=lambda view: view.shape[-1]):
            group = list(same)
            self._set_factors(None if factors is None else factors[:, done : done + len(group)])
            features.append(self.backbone(torch.cat(group)))
            done += len(group)
        self._set_factors(None)
        flat = torch.cat(features)
        shape = (len(views), len(views[0]), -1)
        return flat.view(shape), self.head.raw(flat).view(shape)

    def _set_factors(self, factors: Tensor | None) -> None:
        for number, path in enumerate(self.paths):
            path.factors = None if factors is None else factors[number].flatten()


class TeacherStudent(nn.Module):
    """The student, which is trained, and the teacher, its exponential moving average; they start out equal."""

    def __init__(self, student: Branch, teacher: Branch) -> None:
        super().__init__()
        self.student, self.teacher = student, teacher
        self.teacher.load_state_dict(student.state_dict())
        self.teacher.requires_grad_(False)

    @torch.no_grad()
    def update_teacher(self, momentum: float) -> None:
        """teacher <- momentum * teacher + (1 - momentum) * student; the backbone's buffers are copied.

        The running statistics of a head's batch norm are of its own branch's outputs, see `track`.
        """
        torch._foreach_lerp_(list(self.teacher.parameters()), list(self.student.parameters()), 1 - momentum)
        for buffer, source in zip(self.teacher.backbone.buffers(), self.student.backbone.buffers(), strict=True):
            buffer.copy_(source)

    def track(self, student_VNB: Tensor, teacher_GNB: Tensor) -> None:
        """Move the running statistics of both heads' batch norms by one step's raw outputs for the whole batch."""
        for branch, raw in ((self.student, student_VNB), (self.teacher, teacher_GNB)):
            if branch.head.norm is not None:
                branch.head.norm.track(raw)

    @torch.no_grad()
    def reset_heads(self, generator: torch.Generator) -> None:
        """Give both heads the same new weights (BITS-reset, Sec. 3.4); the backbones are left alone."""
        self.student.head.reset(generator)
        self.teacher.head.load_state_dict(self.student.head.state_dict())
