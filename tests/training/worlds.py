"""Worlds of several processes on this machine (gloo), and the results of runs in them."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from bits.config.recipe import Recipe
from bits.config.site import Site
from bits.data.images import ImageSet
from bits.runs.build import objective_of, teacher_student
from bits.training.loop import Pretraining
from bits.training.world import World
from tests.training.planted import PLANTED, with_planted_terms

Case = tuple[Recipe, Site]


class ManySizes(ImageSet):
    """40 images of smooth noise, with sides of 17 to 40 px."""

    name, split, class_names, in_memory = "noise", "train", ("a", "b"), True

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(1)
        coarse = torch.rand(40, 3, 6, 6, generator=generator)
        sides = torch.randint(17, 41, (40, 2), generator=generator).tolist()
        self.pixels = [
            (torch.nn.functional.interpolate(image[None], (height, width), mode="bilinear")[0] * 255).byte()
            for image, (height, width) in zip(coarse, sides, strict=True)
        ]
        self.labels = torch.arange(40) % 2
        self.identities = tuple(map(str, range(40)))

    def decode(self, index: int) -> Tensor:
        return self.pixels[index]


def whole_run(world: World, case: Case, folder: Path, planted: bool = False) -> dict[str, Tensor]:
    """Loss, terms and gradients of every step, and the final weights, in float64."""
    recipe, site = case
    objective = with_planted_terms(recipe) if planted else objective_of(recipe)
    model, objective = teacher_student(recipe).double(), objective.double()
    run = Pretraining(
        recipe, site, model, objective, ManySizes(), folder, torch.device("cpu"), lambda backbone: 0.5, world
    )
    found: dict[str, Tensor] = {}
    update = run.update

    def recorded(batch: Any, number: int, wants: Any) -> Any:
        step, values = update(batch, number, wants)
        found[f"{number}.loss"] = torch.tensor(values.loss, dtype=torch.float64)
        for name, value in values.terms.items():
            found[f"{number}.{name}"] = torch.tensor(value, dtype=torch.float64)
        for name, weight in model.student.named_parameters():
            if weight.grad is not None:
                found[f"{number}.gradient.{name}"] = weight.grad.clone()
        return step, values

    run.update = recorded  # type: ignore[assignment]
    assert run.run().step == run.steps
    health = {f"health.{name}": torch.tensor(value) for name, value in run.state.health.items()}
    return {**found, **{name: tensor.clone() for name, tensor in run.state.weights().items()}, **health}


def whole_runs(world: World, cases: dict[str, Case], folder: Path) -> dict[str, dict[str, Tensor]]:
    return {name: whole_run(world, case, folder / name, name.endswith(PLANTED)) for name, case in cases.items()}


def in_world(size: int, folder: Path, function: Callable[..., Any], *arguments: Any) -> list[Any]:
    """Call function(world, *arguments) in `size` processes; returns their results, by rank."""
    folder.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])  # torch is imported once for all worlds of a test process
    processes = [
        context.Process(target=_member, args=(rank, size, folder, function, arguments)) for rank in range(size)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
        if process.exitcode != 0:
            for other in processes:
                other.kill()
            raise AssertionError(f"a process ended with {process.exitcode}")
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(size)]


def _member(rank: int, size: int, folder: Path, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=size)
    torch.save(function(World(rank, size), *arguments), folder / f"{rank}.pt")
    dist.barrier()
    dist.destroy_process_group()
