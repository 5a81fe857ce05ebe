"""The training loop, for any method and backbone, from step 0 or from the newest checkpoint."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from bits.config.recipe import Recipe
from bits.config.site import Site
from bits.data.images import ImageSet
from bits.data.stream import IndexStream, prefetch
from bits.data.workers import decoding_threads
from bits.models.teacher_student import TeacherStudent
from bits.objectives.channel import state_of
from bits.objectives.objective import Objective
from bits.training.checkpoint import NotFiniteError
from bits.training.division import check_division
from bits.training.gradient import Step
from bits.training.interrupt import Interrupted, Now, StopRequest, stop_requests
from bits.training.log import Progress, RunLog
from bits.training.micro_batch import memory_explained, micro_batch
from bits.training.monitor import collapse, constant_codes, health
from bits.training.optimizer import adamw
from bits.training.outcome import Outcome
from bits.training.schedules import Schedules
from bits.training.state import RunState
from bits.training.update import BatchUpdate, Update, Wants
from bits.training.views import seeded
from bits.training.world import World


@runtime_checkable
class WithInterval(Protocol):
    """A number that knows its interval (bits.evaluation.intervals)."""

    @property
    def interval(self) -> dict[str, Any]:
        """As metrics files hold it."""

    def __float__(self) -> float: ...


Evaluate = Callable[[nn.Module], float | WithInterval]
Measure = Callable[[TeacherStudent, Objective], dict[str, float]]


def nothing_measured(model: TeacherStudent, objective: Objective) -> dict[str, float]:
    return {}


@dataclass
class Pretraining:
    """One run, or one process's part of it. `run()` trains to the end and returns the Outcome.

    model, objective: the starting point, unless there is a checkpoint to resume from. evaluate: teacher backbone ->
    mAP as a fraction, with its interval or without. channel: what the messages carry, by name (see `ChannelMeasure`).
    The first process calls both at the epochs of `recipe.curve`. All randomness is a function of (recipe.seed, step),
    so that a resumed run equals an uninterrupted one, and of an image's position in the global batch, so that the
    number of processes and micro-batches changes nothing. Raises DivisionError; `run` also
    DeviceMemoryError.
    """

    recipe: Recipe
    site: Site
    model: TeacherStudent
    objective: Objective
    images: ImageSet
    folder: Path
    device: torch.device
    evaluate: Evaluate
    world: World = field(default_factory=World)
    resume: Path | None = None  # folder of the checkpoints; None: folder/resume
    channel: Measure = nothing_measured

    def __post_init__(self) -> None:
        schedule = self.recipe.schedule
        self.micro_batch = micro_batch(
            self.site.micro_batch, self.recipe, self.model, self.objective, self.device, self.world
        )
        check_division(self.recipe, self.micro_batch.images, self.world, self.model.student.backbone)
        per_epoch = schedule.images_per_epoch or len(self.images)
        self.steps_per_epoch = per_epoch // schedule.batch_size
        self.steps = self.steps_per_epoch * schedule.epochs
        self.schedules = Schedules(self.recipe, self.steps_per_epoch)
        whole = schedule.batch_size if schedule.images_per_epoch is None else None
        self.stream = IndexStream(len(self.images), self.recipe.seed, drop_last_of_pass=whole)
        self.model.to(self.device)
        self.objective.to(self.device)
        optimizer = adamw(self.model.student, self.recipe.optimizer.betas)
        parts = (self.world, self.model, self.objective, optimizer)
        self.state = RunState(self.resume or self.folder / "resume", self.recipe.digest(), *parts)
        self.update = BatchUpdate(self.recipe, self.micro_batch.images, self.device, self.schedules, *parts)

    @property
    def step(self) -> int:
        """Steps done."""
        return self.state.step

    @property
    def curve(self) -> dict[str, list[float]]:
        """Epochs (x) and mAP (y) of the evaluations so far; only the first process has them."""
        return self.state.curve

    def run(self) -> Outcome:
        """Train from the newest checkpoint, or from step 0; raises Interrupted when asked to stop."""
        resumed = self.state.resume()
        log = RunLog(self.folder / "log.jsonl" if self.world.first else None, self.step, self.curve["x"])
        with closing(log), stop_requests() as request:
            self._tell_micro_batch(log)
            try:
                if self.step == 0 and self.recipe.head_reset.at_start:
                    self._reset_heads(0, log)  # repeated, with the same weights, if stopped before the first step
                if not resumed:
                    self.state.save()
                self._train(log, request)
                # So that nothing is trained again if writing the final weights fails.
                self.state.save()
                self._evaluate(self.recipe.schedule.epochs, log, request)
                self.state.save()  # with the last point of the curve: whoever goes on from here only has to write
            except NotFiniteError as error:
                return self._diverged(str(error), log)
            except Interrupted:
                seconds = time.monotonic() - request.received
                log.write(step=self.step, event="stopped", seconds=seconds)
                raise
        return self._finished()

    def _train(self, log: RunLog, request: StopRequest) -> None:
        """Take all remaining steps; raises Interrupted and NotFiniteError."""
        progress = Progress(self.folder.name, self.steps, self.step)
        saved = window = time.monotonic()
        since = self.step
        at_a_time = self.micro_batch.of(self.recipe.schedule.batch_size // self.world.size)
        with closing(prefetch(self.images, self._indices(), decoding_threads(self.site))) as batches:
            for batch in batches:
                self._begin_epoch(log, request)
                due = time.monotonic() - saved > 60 * self.site.checkpoint_minutes
                with memory_explained(self.device, at_a_time):
                    step, update = self.update(batch, self.step, Wants(request, due))
                self.state.step += 1
                if self.step % self.site.log_every_steps == 0 or self.step == self.steps:
                    self.state.health = self._health(step)
                    now = time.monotonic()
                    rate = (self.step - since) * self.recipe.schedule.batch_size / max(now - window, 1e-9)
                    window, since = now, self.step
                    self._log(log, progress, update, rate)
                stopping = update.signal and self.step < self.steps
                if update.save or stopping:
                    self.state.save()
                    saved = time.monotonic()
                if stopping:
                    raise Interrupted(update.signal, self.step)

    def _tell_micro_batch(self, log: RunLog) -> None:
        chosen = self.micro_batch
        if chosen.why and self.world.first:
            log.write(step=self.step, event="micro_batch", images=chosen.images, why=chosen.why)
            print(f"{self.folder.name}: {chosen.why}", file=sys.stderr)

    def _indices(self) -> Iterator[Tensor]:
        """Indices of this process's images in each step; each process decodes only its own."""
        size = self.recipe.schedule.batch_size
        for step in range(self.step, self.steps):
            yield self.stream.indices(step * size, size)[self.world.share(size)]

    def _begin_epoch(self, log: RunLog, request: StopRequest) -> None:
        """At the start of an epoch, evaluate and reset the heads when due."""
        epoch, inside = divmod(self.step, self.steps_per_epoch)
        if inside:
            return
        if epoch % self.recipe.curve.every_epochs == 0:
            self._evaluate(epoch, log, request)
        every = self.recipe.head_reset.every_epochs
        if every and epoch and epoch % every == 0:
            self._reset_heads(epoch, log)

    def _reset_heads(self, epoch: int, log: RunLog) -> None:
        self.model.reset_heads(seeded(self.recipe.seed, "reset", epoch))
        if self.recipe.head_reset.clear_optimizer:
            for parameter in self.model.student.head.parameters():
                self.state.optimizer.state.pop(parameter, None)
        log.write(step=self.step, epoch=epoch, event="head reset")

    def _health(self, step: Step) -> dict[str, float]:
        """For the global batch, so that detecting a collapse does not depend on the number of processes."""
        ones = self.world.gather(step.ones[None]).sum(0) / self.recipe.schedule.batch_size
        return health(self.world.gather(step.features), ones)

    def _warning(self) -> str | None:
        found = collapse(self.state.health)
        if found is None and self.objective.sends_code:
            return constant_codes(self.state.health)
        return found

    def _evaluate(self, epoch: int, log: RunLog, request: StopRequest) -> None:
        """Evaluate in the first process, at most once per epoch; raises NotFiniteError in all processes if it fails.

        An evaluation can take long, so it starts from a checkpoint and stops immediately on a signal; it is repeated
        on resuming.
        """
        if epoch in self.curve["x"]:  # always empty in the other processes
            return
        if self.state.saved != self.step:
            self.state.save()
        problem, number = "", None
        if self.world.first:
            started = time.monotonic()
            try:
                with request.at_once():
                    found = self.evaluate(self.model.teacher.backbone)
                    carried = self.channel(self.model, self.objective)
            except NotFiniteError as error:
                problem = str(error)
            except Now:
                number = request.signal
            else:
                self.curve["x"].append(epoch)
                self.curve["y"].append(float(found))
                self.state.intervals.append(found.interval if isinstance(found, WithInterval) else None)
                self.state.channel.append(carried)
                seconds = time.monotonic() - started
                log.write(step=self.step, epoch=epoch, event="evaluation", map=float(found), **carried, seconds=seconds)
        problem, number = self.world.broadcast((problem, number))
        if number:
            raise Interrupted(number, self.step)
        if problem:
            raise NotFiniteError(problem)

    def _log(self, log: RunLog, progress: Progress, update: Update, rate: float) -> None:
        if not self.world.first:
            return
        warning, last = self._warning(), self.step - 1
        log.write(
            step=self.step,
            epoch=self.step / self.steps_per_epoch,
            loss=update.loss,
            **{f"loss_{name}": value for name, value in update.terms.items()},
            learning_rate=self.schedules.learning_rate(last),
            weight_decay=self.schedules.weight_decay(last),
            momentum=self.schedules.momentum(last),
            gradient_norm=update.gradient_norm,
            images_per_s=rate,
            seconds_left=progress.seconds_left(self.step),
            **self.state.health,
            **({"warning": warning} if warning else {}),
        )
        text = f"loss {update.loss:.4f} {rate:.0f} images/s"
        progress.show(self.step, text + (f" WARNING {warning}" if warning else ""))

    def _diverged(self, reason: str, log: RunLog) -> Outcome:
        detail = f"{reason} at step {self.step}; weights are those "
        detail += "before that step" if self.state.sound() else f"of the checkpoint of step {self.state.fall_back()}"
        log.write(step=self.step, event="diverged", detail=detail)
        return Outcome("diverged", detail, self.step, self.step // self.steps_per_epoch)

    def _finished(self) -> Outcome:
        name = "collapsed" if collapse(self.state.health) else "finished"
        last = self.state.channel[-1] if self.state.channel else None
        stands = state_of(last) if last else None
        carries = f"its channel carries nothing: {stands}" if stands not in (None, "live") else "trained to the end"
        detail = self._warning() or carries
        return Outcome(name, detail, self.step, self.recipe.schedule.epochs, stands)
