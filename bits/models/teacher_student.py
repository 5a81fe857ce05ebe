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
        """V views [N, 3, S, S] -> features [V, N, D] and head outputs [V, N, B].

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
        return flat.view(shape), self.head(flat).view(shape)

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
        """teacher <- momentum * teacher + (1 - momentum) * student; buffers are copied."""
        torch._foreach_lerp_(list(self.teacher.parameters()), list(self.student.parameters()), 1 - momentum)
        for buffer, source in zip(self.teacher.buffers(), self.student.buffers(), strict=True):
            buffer.copy_(source)

    @torch.no_grad()
    def reset_heads(self, generator: torch.Generator) -> None:
        """Give both heads the same new weights (BITS-reset, Sec. 3.4); the backbones are left alone."""
        self.student.head.reset(generator)
        self.teacher.head.load_state_dict(self.student.head.state_dict())
