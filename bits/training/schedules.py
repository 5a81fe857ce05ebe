"""Values that change with the step, as in the public DINO and SimDINO recipes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bits.config.recipe import Recipe


def cosine(start: float, end: float, step: int, steps: int) -> float:
    """From `start` at step 0 along a half cosine to `end` at step `steps` (the last step stops just short)."""
    return end + 0.5 * (start - end) * (1 + math.cos(math.pi * step / steps))


def warmup_cosine(peak: float, end: float, step: int, steps: int, warmup: int) -> float:
    """Linearly from 0 at step 0 to `peak` at step warmup - 1, then along a half cosine to `end`."""
    if step < warmup:
        return peak * step / max(warmup - 1, 1)
    return cosine(peak, end, step - warmup, steps - warmup)


@dataclass(frozen=True)
class Schedules:
    """What a recipe says about each step, `steps_per_epoch` of them an epoch."""

    recipe: Recipe
    steps_per_epoch: int

    @property
    def steps(self) -> int:
        """At which the cosines end: after the last step, or later where the run is the beginning of a longer one."""
        schedule = self.recipe.schedule
        return self.steps_per_epoch * (schedule.horizon_epochs or schedule.epochs)

    def learning_rate(self, step: int) -> float:
        """Linear in the batch size, warm-up, cosine."""
        settings = self.recipe.optimizer
        peak = settings.learning_rate * self.recipe.schedule.batch_size / 256
        warmup = round(settings.warmup_epochs * self.steps_per_epoch)
        return warmup_cosine(peak, settings.min_learning_rate, step, self.steps, warmup)

    def weight_decay(self, step: int) -> float:
        """Along a half cosine."""
        return cosine(self.recipe.optimizer.weight_decay, self.recipe.optimizer.weight_decay_end, step, self.steps)

    def momentum(self, step: int) -> float:
        """The teacher's."""
        return cosine(self.recipe.teacher.momentum, self.recipe.teacher.momentum_end, step, self.steps)
