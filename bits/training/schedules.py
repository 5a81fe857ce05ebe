"""Per-step schedules, as in the public DINO and SimDINO recipes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bits.config.recipe import Recipe


def cosine(start: float, end: float, step: int, steps: int) -> float:
    """Half cosine from `start` at step 0 to `end` at step `steps` (so the last step stays just short of it)."""
    return end + 0.5 * (start - end) * (1 + math.cos(math.pi * step / steps))


def warmup_cosine(peak: float, end: float, step: int, steps: int, warmup: int) -> float:
    """Linear from 0 at step 0 to `peak` at step warmup - 1, then a half cosine to `end`."""
    if step < warmup:
        return peak * step / max(warmup - 1, 1)
    return cosine(peak, end, step - warmup, steps - warmup)


@dataclass(frozen=True)
class Schedules:
    """The learning rate, weight decay and teacher momentum of each step."""

    recipe: Recipe
    steps_per_epoch: int

    @property
    def steps(self) -> int:
        """Length of the cosines: all steps, or more if the run is the beginning of a longer schedule."""
        schedule = self.recipe.schedule
        return self.steps_per_epoch * (schedule.horizon_epochs or schedule.epochs)

    def learning_rate(self, step: int) -> float:
        """Warm-up, then cosine; the peak scales linearly with the batch size."""
        settings = self.recipe.optimizer
        peak = settings.learning_rate * self.recipe.schedule.batch_size / 256
        warmup = round(settings.warmup_epochs * self.steps_per_epoch)
        return warmup_cosine(peak, settings.min_learning_rate, step, self.steps, warmup)

    def weight_decay(self, step: int) -> float:
        """Half cosine from weight_decay to weight_decay_end."""
        return cosine(self.recipe.optimizer.weight_decay, self.recipe.optimizer.weight_decay_end, step, self.steps)

    def momentum(self, step: int) -> float:
        """Momentum of the teacher's moving average: half cosine."""
        return cosine(self.recipe.teacher.momentum, self.recipe.teacher.momentum_end, step, self.steps)
