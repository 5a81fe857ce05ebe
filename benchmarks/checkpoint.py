"""Time to write and read a run's whole state, compared with torch.save and torch.load of the same tensors.

    python -m benchmarks.checkpoint [--run bits-reset] [--scale paper] [--folder DIR] [--rounds 3]

The state is student, teacher, heads and the optimiser's moments, on the CPU. Our writer computes sha256 of the tensors
and waits for the disk; torch.save is made to wait for the disk, too. This is how long a training takes to stop after a
signal, once the current step is done.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from bits.config.compose import Composer
from bits.runs.build import objective_of, teacher_student
from bits.training import checkpoint
from bits.training.optimizer import adamw
from bits.training.state import RunState
from bits.training.world import World


def state_of(run: str, scale: str, folder: Path) -> RunState:
    """The state of a run after one step."""
    with Composer(scale) as composer:
        recipe = composer.compose(run)[0].recipe
    model, objective = teacher_student(recipe), objective_of(recipe)
    optimizer = adamw(model.student, recipe.optimizer.betas)
    for parameter in model.student.parameters():
        parameter.grad = torch.zeros_like(parameter) if parameter.requires_grad else None
    optimizer.step()
    optimizer.zero_grad()
    return RunState(folder, recipe.digest(), World(), model, objective, optimizer)


def seconds(work: Callable[[], object], rounds: int) -> float:
    found = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return statistics.median(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--run", default="bits-reset", help="name of a run in runs.yaml")
    parser.add_argument("--scale", default="paper", help="scale of the run")
    parser.add_argument("--folder", type=Path, help="a folder on the disk to be measured")
    parser.add_argument("--rounds", type=int, default=3, help="measurements, of which the median is shown")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        state = state_of(chosen.run, chosen.scale, Path(folder) / "ours")
        plain = Path(folder) / "torch.pt"

        def save_plain() -> None:
            with plain.open("wb") as stream:
                torch.save(state.tensors(), stream)
                stream.flush()
                os.fsync(stream.fileno())

        written = seconds(state.save, chosen.rounds), seconds(save_plain, chosen.rounds)
        path = checkpoint.path_of(state.folder, state.step)
        read = (
            seconds(lambda: checkpoint.read_tensors(path), chosen.rounds),
            seconds(lambda: torch.load(plain, weights_only=True), chosen.rounds),
        )
        size = path.stat().st_size / 1e9
    print(f"{chosen.run} at scale {chosen.scale}: {size:.2f} GB")
    for what, (ours, baseline) in (("write", written), ("read", read)):
        speeds = (
            f"{ours:.2f} s ({size / ours:.2f} GB/s) with checksum, torch {baseline:.2f} s ({size / baseline:.2f} GB/s)"
        )
        print(f"{what}: {speeds}; ratio {baseline / ours:.2f}")


if __name__ == "__main__":
    main()
