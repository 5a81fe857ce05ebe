"""A training that is stopped by a signal and resumed ends with the weights of an uninterrupted one."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from bits.data.batch import ImageBatch
from bits.data.images import ImageSet
from bits.gpucheck.markdown import table
from bits.gpucheck.part import Bench, CheckError, Found, Part
from bits.gpucheck.small import composed, length, pretraining
from bits.training.interrupt import Interrupted
from bits.training.loop import Pretraining

RUNS = ("dino", "bits-reset")  # prototypes and a centre; codes, a rate term and head resets
FACTOR = 10.0  # how much further apart a resumed run may be than two uninterrupted ones, where those differ


class Stopping(ImageSet):
    """Another set's images, in memory; asking for the batch of number `at` sends SIGTERM to this process."""

    in_memory = True

    def __init__(self, images: ImageSet, at: int) -> None:
        self.images, self.at, self.asked = images, at, 0
        self.name, self.split, self.class_names = images.name, images.split, images.class_names
        self.labels, self.identities = images.labels, images.identities

    def decode(self, index: int) -> Tensor:
        return self.images.decode(index)

    def batch(self, indices: Tensor | Sequence[int]) -> ImageBatch:
        self.asked += 1
        if self.asked == self.at:
            os.kill(os.getpid(), signal.SIGTERM)
        return self.images.batch(indices)


def run(bench: Bench) -> Found:
    """Differences of the final weights, student, teacher and objective. Raises CheckError beyond the tolerance."""
    wrong = []
    for method in RUNS:
        row = compared(bench, method)
        yield method, row
        if not row["passed"]:
            wrong.append(f"{method} ({row['resumed']:.3g}, tolerance {row['tolerance']:.3g})")
    if wrong:
        raise CheckError(f"weights after stop and resume differ from those of an uninterrupted run: {', '.join(wrong)}")


def compared(bench: Bench, method: str) -> dict[str, Any]:
    """Trains three times: twice without interruption, once with; all with the same seed."""
    epochs = 4 if bench.quick else 20
    resets = {"every_epochs": epochs // 3 if method == "bits-reset" else None}
    own = {"recipe": {"backbone": {"drop_path": 0.2}, "head_reset": resets}, "site": {"checkpoint_minutes": 1e6}}
    made = composed(bench, method, length(epochs), own, scale="smoke")

    def fresh(name: str, stop: int = 0) -> Pretraining:
        return pretraining(made, bench.scratch / f"resume-{method}-{name}", lambda images: Stopping(images, stop))

    first, second = fresh("first"), fresh("second")
    for whole in (first, second):
        whole.run()
    part = fresh("stopped", stop=first.steps // 2)
    try:
        part.run()
    except Interrupted:
        stopped = part.step
    else:
        raise CheckError(f"{method}: SIGTERM in step {first.steps // 2} did not stop the training")
    resumed = fresh("stopped")
    resumed.run()
    again, apart = largest(first, second), largest(first, resumed)
    tolerance = FACTOR * again
    return {
        "steps": first.steps,
        "stopped_at": stopped,
        "equal": all(torch.equal(one, other) for one, other in _pairs(first, resumed)),
        "resumed": apart,
        "uninterrupted_twice": again,
        "largest_weight": max(float(tensor.abs().max()) for tensor in weights(first).values()),
        "tolerance": tolerance,
        "passed": apart <= tolerance,
    }


def weights(run: Pretraining) -> dict[str, Tensor]:
    """Everything that a run leaves: student, teacher and the objective's state, in float64 on the CPU."""
    parts = {"model": run.model.state_dict(), "objective": run.objective.state_dict()}
    return {f"{part}.{name}": tensor.double().cpu() for part, state in parts.items() for name, tensor in state.items()}


def largest(one: Pretraining, other: Pretraining) -> float:
    """The largest difference between any two corresponding weights; NaN, which passes no test, if one is not finite."""
    return float(torch.stack([(mine - theirs).abs().max() for mine, theirs in _pairs(one, other)]).max())


def _pairs(one: Pretraining, other: Pretraining) -> list[tuple[Tensor, Tensor]]:
    mine, theirs = weights(one), weights(other)
    return [(tensor, theirs[name]) for name, tensor in mine.items() if tensor.numel()]


def text(found: Mapping[str, Any]) -> str:
    head = "method", "steps", "stopped after", "bits equal", "largest difference", "two uninterrupted runs", "tolerance"
    keys = "steps", "stopped_at", "equal", "resumed", "uninterrupted_twice", "tolerance"
    rows = [
        [f"{method}{'' if row['passed'] else ' FAILED'}", *(row[key] for key in keys)] for method, row in found.items()
    ]
    said = (
        "SIGTERM arrives half way through the training, which saves its state and ends; a new one goes on from there. "
        f"Tolerance: {FACTOR:g} times the largest difference between the weights of two uninterrupted runs with one "
        "seed; where those are equal to the bit it is 0, so the resumed run must be, too."
    )
    return f"{table(head, rows)}\n\n{said}"


PART = Part("resume", "Stop and resume", 0.08, run, text)
