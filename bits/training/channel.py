"""The channel between teacher and student on images that neither was trained on, at one point of training."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from bits.config.recipe import Recipe
from bits.data.images import ImageSet
from bits.data.stream import prefetch
from bits.models.teacher_student import TeacherStudent
from bits.objectives.objective import Objective
from bits.training.monitor import health
from bits.training.views import GLOBAL_VIEWS, StepViews, seeded, view_specs

AT_ONCE = 64  # images whose views are held at a time


@dataclass(frozen=True)
class ChannelMeasure:
    """Measures a teacher-student on the recipe's views of some of the images, the same ones every time.

    A batch norm at the heads' ends takes the statistics of each view over all of these images, as in training: what is
    measured is the channel that the objective sees.
    count: images to take, at most all; they are drawn, and their views, by the recipe's seed.
    """

    recipe: Recipe
    images: ImageSet
    count: int
    workers: int
    device: torch.device

    @torch.no_grad()
    def __call__(self, model: TeacherStudent, objective: Objective) -> dict[str, float]:
        """What the objective's messages carry (see `Objective.channel`); term_<name> of the terms that couple samples;
        effective_rank of the teacher's features (see `monitor.health`)."""
        was_training = model.training
        model.eval()
        sums: dict[tuple[str, str], Tensor] = {}
        features, rows = [], []
        for student, teacher, of_teacher in self._parts(model):
            for key, total in objective.channel_sums(student, teacher).items():
                sums[key] = sums[key] + total if key in sums else total
            rows.append(objective.rows(student[:GLOBAL_VIEWS], teacher))
            features.append(of_teacher)
        model.train(was_training)
        taken = torch.cat(features)
        found = objective.channel({key: total / len(taken) for key, total in sums.items()})
        whole = {name: torch.cat([part[name] for part in rows], dim=1) for name in rows[0]}
        found |= {f"term_{name}": float(value) for name, value in objective.coupled(whole).items()}
        return {**found, "effective_rank": health(taken, taken.new_zeros(1))["effective_rank"]}

    def _parts(self, model: TeacherStudent) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """The student's outputs [V, n, B], the teacher's [G, n, B], and its features [n, D] of the first view."""
        parts: Iterable[tuple[Tensor, Tensor, Tensor]] = self._raw(model)
        heads = model.student.head, model.teacher.head
        for head in heads:
            if head.norm is not None:
                head.norm.train()  # by which it is normalised, not tracked
        if heads[0].norm is not None:
            student, teacher, features = zip(*parts, strict=True)
            parts = [(torch.cat(student, dim=1), torch.cat(teacher, dim=1), torch.cat(features))]
        for student_raw, teacher_raw, of_teacher in parts:
            yield heads[0].finish(student_raw), heads[1].finish(teacher_raw), of_teacher

    def _raw(self, model: TeacherStudent) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Likewise, before the heads' ends (see `Head.raw`)."""
        seed = self.recipe.seed
        order = torch.randperm(len(self.images), generator=seeded(seed, "channel"))
        chosen = order[: self.count].sort().values
        specs = view_specs(self.recipe.crops, self.recipe.augmentation)
        dtype = next(model.parameters()).dtype
        for number, batch in enumerate(prefetch(self.images, chosen.split(AT_ONCE), self.workers)):
            # Steps of training are numbered from 0, so these views are seen by no step.
            rendered = StepViews(batch, specs, seed, -1 - number, self.device).render(slice(None), slice(None))
            views = [view.to(dtype) for view in rendered]
            features, teacher = model.teacher.raw(views[:GLOBAL_VIEWS])
            yield model.student.raw(views)[1], teacher, features[0]
