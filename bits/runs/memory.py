"""Which training of a plan takes most device memory, without allocating any."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from bits.config.recipe import Recipe
from bits.models.backbone import batch_dependent
from bits.plan import Plan
from bits.runs.build import objective_of, teacher_student
from bits.training.memory import StepMemory, step_memory


@dataclass(frozen=True)
class LargestTraining:
    """run: its name. share: images of a batch for each process. divisible: whether a share may be divided."""

    run: str
    share: int
    memory: StepMemory
    divisible: bool


def largest_training(plan: Plan) -> LargestTraining:
    """The training of a plan whose step takes most, in the GPU's precision; one for each backbone and crops is tried.

    Raises RuntimeError for a model whose forward pass depends on values.
    """
    processes = plan.site.processes * plan.site.nodes
    tried: dict[object, tuple[str, Recipe]] = {}
    for run in sorted(plan.runs.values(), key=lambda run: _outputs(run.recipe)):
        recipe = run.recipe
        tried[str((recipe.backbone, recipe.crops, recipe.schedule.batch_size))] = run.name, recipe
    found = [_training(name, recipe, processes) for name, recipe in tried.values()]
    return max(found, key=lambda one: one.memory.total(one.share, one.share))


def _outputs(recipe: Recipe) -> int:
    return recipe.head.prototypes or recipe.head.dimension


def _training(name: str, recipe: Recipe, processes: int) -> LargestTraining:
    with torch.device("meta"):
        model, objective = teacher_student(recipe), objective_of(recipe)
    memory = step_memory(recipe, model, objective, half=recipe.precision != "float32")
    share = recipe.schedule.batch_size // processes
    return LargestTraining(name, share, memory, not batch_dependent(model.student.backbone))
