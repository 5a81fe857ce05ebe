"""One step: the global batch's gradient, agreed on by all processes, and the update of student and teacher."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from bits.config.recipe import Recipe
from bits.data.batch import ImageBatch
from bits.models.stochastic_depth import path_factors
from bits.models.teacher_student import TeacherStudent
from bits.objectives.objective import Objective
from bits.training.checkpoint import NotFiniteError
from bits.training.gradient import GlobalGradient, Step
from bits.training.interrupt import StopRequest
from bits.training.optimizer import clip_gradients, set_rates
from bits.training.schedules import Schedules
from bits.training.views import StepViews, seeded, view_specs
from bits.training.world import World


@dataclass(frozen=True)
class Wants:
    """What a process would do after a step: stop, should it have been asked to by then; save a checkpoint."""

    stop: StopRequest = field(default_factory=StopRequest)
    save: bool = False


@dataclass(frozen=True)
class Update:
    """What all processes know about a step: the global batch's values, and what they agreed to do after it.

    terms: their values, without weights. signal: that some process was asked to stop by, 0 for none. save: a checkpoint
    is due by the first one's clock.
    """

    loss: float
    terms: dict[str, float]
    gradient_norm: float
    signal: int
    save: bool


@dataclass
class BatchUpdate:
    """Updates a teacher-student by one batch, in all processes alike. See `GlobalGradient` for micro_batch."""

    recipe: Recipe
    micro_batch: int
    device: torch.device
    schedules: Schedules
    world: World
    model: TeacherStudent
    objective: Objective
    optimizer: torch.optim.Optimizer

    def __post_init__(self) -> None:
        self.specs = view_specs(self.recipe.crops, self.recipe.augmentation)
        self.gradient = GlobalGradient(self.model, self.objective, self.world, self.micro_batch, self._autocast)

    def __call__(self, batch: ImageBatch, number: int, wants: Wants) -> tuple[Step, Update]:
        """Take step `number` with this process's share of its images; raises NotFiniteError, with nothing updated."""
        recipe = self.recipe
        self.optimizer.zero_grad(set_to_none=True)
        step = self.gradient(*self._inputs(batch, number))
        prototypes = self.model.student.head.prototypes
        if prototypes is not None and number // self.schedules.steps_per_epoch < recipe.head.freeze_prototypes_epochs:
            prototypes.grad = None
        self.world.all_reduce_([weight.grad for weight in self.model.student.parameters() if weight.grad is not None])
        settings = recipe.optimizer
        norm = clip_gradients(self.model.student.parameters(), settings.clip_norm, settings.clip_by)
        update = self._agreed(step, norm, wants)
        if not math.isfinite(update.loss) or not math.isfinite(update.gradient_norm):
            raise NotFiniteError("loss or gradient not finite")
        for statistic in step.statistics.values():
            self.world.all_reduce_([statistic])
        self.objective.move({name: sums / recipe.schedule.batch_size for name, sums in step.statistics.items()})
        set_rates(self.optimizer, self.schedules.learning_rate(number), self.schedules.weight_decay(number))
        self.optimizer.step()
        self.model.update_teacher(self.schedules.momentum(number))
        return step, update

    def _inputs(self, batch: ImageBatch, number: int) -> tuple[StepViews, Tensor | None]:
        """Views and dropped paths of this process's share, drawn for the global batch."""
        seed, total = self.recipe.seed, self.recipe.schedule.batch_size
        share = self.world.share(total)
        # For layers that draw by themselves; a batch is never divided for a backbone with such.
        torch.manual_seed(seeded(seed, "step", number).initial_seed())
        views = StepViews(batch, self.specs, seed, number, self.device, share.start, total)
        rates = [path.rate for path in self.model.student.paths]
        if not rates:
            return views, None
        factors = path_factors(rates, len(self.specs), total, seeded(seed, "drop path", number))
        return views, factors[:, :, share].to(self.device, non_blocking=True)

    def _agreed(self, step: Step, norm: Tensor, wants: Wants) -> Update:
        """The step's values over all processes, and what any of them (or for a checkpoint the first) wants done.

        One small message, and the only place where a step waits for the device.
        """
        wanted = torch.tensor([wants.stop.signal or 0, wants.save], dtype=torch.float64).to(
            self.device, non_blocking=True
        )
        mine = torch.stack([(~step.sound).double(), *(value.double() for value in step.means.values())])
        gathered = self.world.gather(torch.cat([wanted, mine])[None])
        coupled = [value.double() for value in step.coupled.values()]
        signal, save, unsound, gradient_norm, *values = torch.stack(
            [
                gathered[:, 0].max(),
                gathered[0, 1],
                gathered[:, 2].max(),
                norm.double(),
                *gathered[:, 3:].sum(0),
                *coupled,
            ]
        ).tolist()
        terms = dict(zip([*step.means, *step.coupled], values, strict=True))
        loss = math.nan if unsound else sum(weight * terms[name] for name, weight in self.objective.weights.items())
        return Update(loss, terms, gradient_norm, int(signal), bool(save))

    def _autocast(self) -> torch.autocast:
        precision = self.recipe.precision
        wanted = precision == "bfloat16" or (precision == "auto" and self.device.type == "cuda")
        return torch.autocast(self.device.type, torch.bfloat16, enabled=wanted)
