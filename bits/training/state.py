"""The state of a run: the weights and everything else needed to resume it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bits.models.teacher_student import TeacherStudent
from bits.objectives.objective import Objective
from bits.records.files import sweep
from bits.training import checkpoint as checkpoints
from bits.training.checkpoint import Checkpoint
from bits.training.world import World

CARRIED = ("step", "curve", "intervals", "channel", "health")  # what a checkpoint says besides tensors


@dataclass
class RunState:
    """The state of a run; identical in all processes, and on disk independent of their number.

    folder: where the checkpoints are. run: digest of the recipe, which they must match. curve: epochs (x) and mAP (y).
    intervals: of each mAP, None where the evaluation says nothing of it; earlier versions kept none. channel: what the
    messages carried at each point of the curve. health: of the last logged step (`monitor.health`).
    """

    folder: Path
    run: str
    world: World
    model: TeacherStudent
    objective: Objective
    optimizer: torch.optim.Optimizer
    step: int = 0
    curve: dict[str, list[float]] = field(default_factory=lambda: {"x": [], "y": []})
    intervals: list[dict[str, Any] | None] = field(default_factory=list)
    channel: list[dict[str, float]] = field(default_factory=list)
    health: dict[str, float] = field(default_factory=dict)
    saved: int = -1  # the step of the newest checkpoint
    since: float = field(default_factory=time.monotonic)  # start time (monotonic), less the time of earlier attempts

    @property
    def seconds(self) -> float:
        """Time spent on the run so far, over all attempts; work lost to a kill does not count."""
        return time.monotonic() - self.since

    def weights(self) -> dict[str, Tensor]:
        """Everything but the optimiser's state."""
        return {
            **checkpoints.prefixed("model", self.model.state_dict()),
            **checkpoints.prefixed("objective", self.objective.state_dict()),
        }

    def tensors(self) -> dict[str, Tensor]:
        """Weights and optimiser state."""
        return {**self.weights(), **checkpoints.prefixed("optimizer", checkpoints.optimizer_tensors(self.optimizer))}

    def save(self) -> None:
        """Write a checkpoint that resumes bit-identically; returns when it is on disk.

        All processes call it in the same step: each checks its own weights, the first one writes. Raises
        NotFiniteError in all of them, and CheckpointError if the disk is full.
        """
        tensors = self.tensors()
        self._require_finite(tensors)
        if self.world.first:
            facts: dict[str, Any] = {"run": self.run, "seconds": self.seconds}
            facts |= {name: getattr(self, name) for name in CARRIED}
            checkpoints.save(self.folder, self.step, tensors, facts)
        self.world.barrier()
        self.saved = self.step

    def resume(self) -> bool:
        """Load the newest readable checkpoint, the same in all processes; False if there is none."""
        if self.world.first:
            sweep(self.folder)
        found = self._newest()
        if found is not None:
            self._load_weights(found)
            checkpoints.load_optimizer(self.optimizer, checkpoints.below("optimizer", found.tensors))
            for name in CARRIED:
                if name in found.facts:
                    setattr(self, name, found.facts[name])
            self.saved = self.step
            self.since -= found.facts.get("seconds", 0.0)
        # If nothing was loaded, they are already equal, provided all processors round alike.
        self.world.broadcast_([*self.model.state_dict().values(), *self.objective.state_dict().values()])
        return found is not None

    def sound(self) -> bool:
        """Whether the weights in memory are finite in all processes."""
        try:
            self._require_finite(self.weights())
        except checkpoints.NotFiniteError:
            return False
        return True

    def _require_finite(self, tensors: Mapping[str, Tensor]) -> None:
        """Raise NotFiniteError in all processes if it applies to any: they must continue, or fall back, together."""
        problem = None
        try:
            checkpoints.require_finite(tensors)
        except checkpoints.NotFiniteError as error:
            problem = error
        device = next(self.model.parameters()).device
        if bool(self.world.gather(torch.tensor([int(problem is not None)], device=device)).any()):
            raise problem or checkpoints.NotFiniteError("weights of another process not finite")

    def fall_back(self) -> int:
        """Replace the weights in memory with those of the newest checkpoint; returns its step."""
        found = self._newest()
        if found is None:
            raise checkpoints.NotFiniteError("the weights that training starts from are not finite")
        self._load_weights(found)
        return int(found.facts["step"])

    def _newest(self) -> Checkpoint | None:
        """The first process chooses the checkpoint, so that all of them skip the same damaged files."""
        found = checkpoints.newest(self.folder, self.run) if self.world.first else None
        step = self.world.broadcast(None if found is None else found.facts["step"])
        if self.world.first or step is None:
            return found
        return checkpoints.read_tensors(checkpoints.path_of(self.folder, step))

    def _load_weights(self, found: Checkpoint) -> None:
        checkpoints.load_strictly(self.model, checkpoints.below("model", found.tensors), str(self.folder))
        checkpoints.load_strictly(self.objective, checkpoints.below("objective", found.tensors), str(self.folder))
