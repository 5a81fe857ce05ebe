"""One training step: the gradient of the global batch, summed over the processes; student and teacher update."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from bits.config.recipe import Recipe
from bits.data.batch import ImageBatch
from bits.data.transfer import to_device
from bits.models.precision import autocast
from bits.models.stochastic_depth import path_factors
from bits.models.teacher_student import TeacherStudent
from bits.objectives.objective import Objective
from bits.training.checkpoint import NotFiniteError
from bits.training.gradient import GlobalGradient, Step
from bits.training.interrupt import StopRequest
from bits.training.optimizer import clip_gradients, set_rates
from bits.training.passes import Passes
from bits.training.schedules import Schedules
from bits.training.views import StepViews, seeded, view_specs
from bits.training.whole_batch import WholeBatchGradient
from bits.training.world import World


@dataclass(frozen=True)
class Wants:
    """What a process requests after a step: to stop, if a signal has arrived by then; to save a checkpoint."""

    stop: StopRequest = field(default_factory=StopRequest)
    save: bool = False


@dataclass(frozen=True)
class Update:
    """A step as all processes see it: values for the global batch, and what they agreed to do next.

    terms: unweighted values. gradient_norm: before clipping. signal: one that some process received; 0: none.
    save: whether a checkpoint is due, by the first process's clock.
    """

    loss: float
    terms: dict[str, float]
    gradient_norm: float
    signal: int
    save: bool


@dataclass
class BatchUpdate:
    """Updates a teacher-student by one batch, identically in all processes. micro_batch: see `Passes`."""

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
        passes = Passes(self.model, self.micro_batch, partial(autocast, self.device, self.recipe.precision))
        gradient = GlobalGradient if self.model.student.head.norm is None else WholeBatchGradient
        self.gradient = gradient(passes, self.objective, self.world)

    def __call__(self, batch: ImageBatch, number: int, wants: Wants) -> tuple[Step, Update]:
        """Take step `number`; batch: this process's share. Raises NotFiniteError before anything is updated."""
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
        if step.raw is not None:
            self.model.track(*step.raw)
        self.objective.move({name: sums / recipe.schedule.batch_size for name, sums in step.statistics.items()})
        set_rates(self.optimizer, self.schedules.learning_rate(number), self.schedules.weight_decay(number))
        self.optimizer.step()
        self.model.update_teacher(self.schedules.momentum(number))
        return step, update

    def _inputs(self, batch: ImageBatch, number: int) -> tuple[StepViews, Tensor | None]:
        """Views and stochastic depth factors of this process's share, drawn for the global batch."""
        seed, total = self.recipe.seed, self.recipe.schedule.batch_size
        share = self.world.share(total)
        # For layers with their own randomness; with those, a batch is never divided.
        torch.manual_seed(seeded(seed, "step", number).initial_seed())
        views = StepViews(batch, self.specs, seed, number, self.device, share.start, total)
        rates = [path.rate for path in self.model.student.paths]
        if not rates:
            return views, None
        factors = path_factors(rates, len(self.specs), total, seeded(seed, "drop path", number))
        return views, to_device(factors[:, :, share], self.device)

    def _agreed(self, step: Step, norm: Tensor, wants: Wants) -> Update:
        """Combine the values and requests of all processes: any may ask to stop, the first one to save a checkpoint.

        One small message, and the only point at which a step waits for the device.
        """
        wanted = to_device(torch.tensor([wants.stop.signal or 0, wants.save], dtype=torch.float64), self.device)
        own = torch.stack([(~step.sound).double(), *(value.double() for value in step.means.values())])
        gathered = self.world.gather(torch.cat([wanted, own])[None])
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
