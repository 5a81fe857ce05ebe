"""Pretraining: one teacher-student, any method, any backbone, from step 0 or from where it stopped."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bits.data.batch import ImageBatch
from bits.data.images import ImageSet
from bits.data.stream import IndexStream, prefetch
from bits.models.teacher_student import TeacherStudent
from bits.objectives.objective import Objective
from bits.provenance import digest
from bits.recipe import Recipe, Site
from bits.training import checkpoint as checkpoints
from bits.training.interrupt import Interrupted, stop_requests
from bits.training.log import Progress, RunLog
from bits.training.monitor import collapse, health
from bits.training.optimizer import adamw, clip_gradients, set_rates
from bits.training.schedules import cosine, warmup_cosine
from bits.training.views import seeded, step_views, view_specs

Evaluate = Callable[[nn.Module], float]


@dataclass(frozen=True)
class Outcome:
    """How a run ended: finished, collapsed or diverged are results; anything else is an exception."""

    outcome: str
    detail: str
    step: int
    epochs: int

    def facts(self) -> dict[str, Any]:
        """As outcome.json holds it."""
        return {"outcome": self.outcome, "detail": self.detail, "step": self.step, "epochs": self.epochs}


@dataclass
class Pretraining:
    """One run. `run()` trains to the end and returns its Outcome.

    evaluate: teacher backbone -> mAP as a fraction, called at the epochs of `recipe.curve`.
    All randomness is a function of (recipe.seed, step), so that a resumed run equals an uninterrupted one.
    """

    recipe: Recipe
    site: Site
    model: TeacherStudent
    objective: Objective
    images: ImageSet
    folder: Path
    device: torch.device
    evaluate: Evaluate
    step: int = 0
    curve: dict[str, list[float]] = field(default_factory=lambda: {"x": [], "y": []})

    def __post_init__(self) -> None:
        schedule = self.recipe.schedule
        per_epoch = schedule.images_per_epoch or len(self.images)
        self.steps_per_epoch = per_epoch // schedule.batch_size
        self.steps = self.steps_per_epoch * schedule.epochs
        whole = schedule.batch_size if schedule.images_per_epoch is None else None
        self.stream = IndexStream(len(self.images), self.recipe.seed, drop_last_of_pass=whole)
        self.specs = view_specs(self.recipe.crops, self.recipe.augmentation)
        self.model.to(self.device)
        self.objective.to(self.device)
        self.optimizer = adamw(self.model.student, self.recipe.optimizer.betas)
        self.run_digest = digest(self.recipe.model_dump(mode="json"))
        self.last_health: dict[str, float] = {}

    def run(self) -> Outcome:
        """Train from the newest checkpoint, or from the start; raises Interrupted when asked to stop."""
        self._resume()
        log = RunLog(self.folder / "log.jsonl", self.step)
        progress = Progress(self.folder.name, self.steps, self.step)
        batches = prefetch(self.images, self._indices(), self.site.workers)
        saved = window = time.monotonic()
        since = self.step
        try:
            with stop_requests() as request:
                for batch in batches:
                    self._begin_epoch(log)
                    loss, terms, gradient = self._train_step(batch)
                    if loss is None:
                        return self._diverged(log)
                    self.step += 1
                    if self.step % self.site.log_every_steps == 0 or self.step == self.steps:
                        now = time.monotonic()
                        rate = (self.step - since) * self.recipe.schedule.batch_size / max(now - window, 1e-9)
                        window, since = now, self.step
                        self._log(log, progress, loss, terms, gradient, rate)
                    if time.monotonic() - saved > 60 * self.site.checkpoint_minutes:
                        self.save()
                        saved = time.monotonic()
                    if request.signal is not None and self.step < self.steps:
                        self.save()
                        raise Interrupted(request.signal, self.step)
            self.save()  # should writing the weights fail, nothing is trained again
            self._evaluate(self.recipe.schedule.epochs, log)
            return self._finished()
        finally:
            batches.close()
            log.close()

    def _indices(self) -> Iterator[Tensor]:
        size = self.recipe.schedule.batch_size
        for step in range(self.step, self.steps):
            yield self.stream.indices(step * size, size)

    def _begin_epoch(self, log: RunLog) -> None:
        """What happens between epochs: evaluation, head reset."""
        epoch, inside = divmod(self.step, self.steps_per_epoch)
        if inside:
            return
        if epoch % self.recipe.curve.every_epochs == 0:
            self._evaluate(epoch, log)
        every = self.recipe.head_reset.every_epochs
        if every and epoch and epoch % every == 0:
            self.model.reset_heads(seeded(self.recipe.seed, "reset", epoch))
            if self.recipe.head_reset.clear_optimizer:
                for parameter in self.model.student.head.parameters():
                    self.optimizer.state.pop(parameter, None)
            log.write(step=self.step, epoch=epoch, event="head reset")

    def _train_step(self, batch: ImageBatch) -> tuple[float | None, dict[str, Tensor], Tensor | None]:
        """One update of student and teacher; loss None (and nothing updated) when it is not finite."""
        recipe, step = self.recipe, self.step
        torch.manual_seed(seeded(recipe.seed, "step", step).initial_seed())  # stochastic depth
        views = step_views(batch, self.specs, recipe.seed, step, self.device)
        state = {name: buffer.clone() for name, buffer in self.objective.state_dict().items()}
        with self._autocast():
            with torch.no_grad():
                self._features, self._outputs = self.model.teacher(views[:2])
            _, student = self.model.student(views)
            loss, terms = self.objective(student, self._outputs)
        value = float(loss.detach())
        if not math.isfinite(value):
            self.objective.load_state_dict(state)
            return None, terms, None
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        prototypes = self.model.student.head.prototypes
        if prototypes is not None and step // self.steps_per_epoch < recipe.head.freeze_prototypes_epochs:
            prototypes.grad = None
        settings = recipe.optimizer
        gradient = clip_gradients(self.model.student.parameters(), settings.clip_norm, settings.clip_by)
        if not bool(torch.isfinite(gradient)):
            self.objective.load_state_dict(state)
            return None, terms, None
        set_rates(self.optimizer, self.learning_rate(step), self.weight_decay(step))
        self.optimizer.step()
        self.model.update_teacher(self.momentum(step))
        return value, terms, gradient

    def learning_rate(self, step: int) -> float:
        """The rate of a step: linear in the batch size, warm-up, cosine."""
        settings = self.recipe.optimizer
        peak = settings.learning_rate * self.recipe.schedule.batch_size / 256
        warmup = round(settings.warmup_epochs * self.steps_per_epoch)
        return warmup_cosine(peak, settings.min_learning_rate, step, self.steps, warmup)

    def weight_decay(self, step: int) -> float:
        """The weight decay of a step."""
        return cosine(self.recipe.optimizer.weight_decay, self.recipe.optimizer.weight_decay_end, step, self.steps)

    def momentum(self, step: int) -> float:
        """The teacher's momentum of a step."""
        return cosine(self.recipe.teacher.momentum, self.recipe.teacher.momentum_end, step, self.steps)

    def _autocast(self) -> torch.autocast:
        precision = self.recipe.precision
        wanted = precision == "bfloat16" or (precision == "auto" and self.device.type == "cuda")
        return torch.autocast(self.device.type, torch.bfloat16, enabled=wanted)

    def _evaluate(self, epoch: int, log: RunLog) -> None:
        if epoch in self.curve["x"]:
            return  # evaluated before it was interrupted
        started = time.monotonic()
        self.curve["x"].append(epoch)
        self.curve["y"].append(self.evaluate(self.model.teacher.backbone))
        seconds = time.monotonic() - started
        log.write(step=self.step, epoch=epoch, event="evaluation", map=self.curve["y"][-1], seconds=seconds)

    def _log(
        self,
        log: RunLog,
        progress: Progress,
        loss: float,
        terms: dict[str, Tensor],
        gradient: Tensor | None,
        rate: float,
    ) -> None:
        self.last_health = health(self._features[0], self._outputs[0])
        warning = collapse(self.last_health)
        log.write(
            step=self.step,
            epoch=self.step / self.steps_per_epoch,
            loss=loss,
            **{f"loss_{name}": float(value) for name, value in terms.items()},
            learning_rate=self.learning_rate(self.step - 1),
            weight_decay=self.weight_decay(self.step - 1),
            momentum=self.momentum(self.step - 1),
            gradient_norm=float(gradient) if gradient is not None else None,
            images_per_s=rate,
            seconds_left=progress.seconds_left(self.step),
            **self.last_health,
            **({"warning": warning} if warning else {}),
        )
        progress.show(self.step, f"loss {loss:.4f} {rate:.0f} images/s" + (f" COLLAPSE? {warning}" if warning else ""))

    def _tensors(self) -> dict[str, Tensor]:
        return {
            **checkpoints.prefixed("model", self.model.state_dict()),
            **checkpoints.prefixed("objective", self.objective.state_dict()),
            **checkpoints.prefixed("optimizer", checkpoints.optimizer_tensors(self.optimizer)),
        }

    def save(self) -> Path:
        """Write a checkpoint from which `run` goes on bit-identically."""
        facts = {"run": self.run_digest, "step": self.step, "curve": self.curve, "health": self.last_health}
        return checkpoints.save(self.folder / "resume", self.step, self._tensors(), facts)

    def _resume(self) -> None:
        found = checkpoints.newest(self.folder / "resume", self.run_digest)
        if found is None:
            return
        origin = str(self.folder / "resume")
        checkpoints.load_strictly(self.model, checkpoints.below("model", found.tensors), origin)
        checkpoints.load_strictly(self.objective, checkpoints.below("objective", found.tensors), origin)
        checkpoints.load_optimizer(self.optimizer, checkpoints.below("optimizer", found.tensors))
        self.step, self.curve, self.last_health = (found.facts[name] for name in ("step", "curve", "health"))

    def _diverged(self, log: RunLog) -> Outcome:
        detail = f"loss or gradient not finite at step {self.step}; weights are those before that step"
        log.write(step=self.step, event="diverged", detail=detail)
        return Outcome("diverged", detail, self.step, self.step // self.steps_per_epoch)

    def _finished(self) -> Outcome:
        reason = collapse(self.last_health) if self.last_health else None
        name = "collapsed" if reason else "finished"
        return Outcome(name, reason or "trained to the end", self.step, self.recipe.schedule.epochs)
