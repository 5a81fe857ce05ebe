"""Device memory that a training step takes, and how many images at a time fit it.

The estimate is a forward pass of a copy of the model that holds no values: what autograd keeps of it for the backward
pass is nearly all that grows with the batch. For a ViT-B/16 in bfloat16 with 2 x 224 + 10 x 96 px these are 258 MB an
image, where 257 MB were measured.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from bits.config.recipe import Recipe
from bits.models.teacher_student import TeacherStudent
from bits.objectives.objective import Objective
from bits.training.views import GLOBAL_VIEWS, view_specs

Module = TypeVar("Module", bound=nn.Module)
COPIES = 5  # of the weights, in their own precision: student, its gradient, Adam's two moments, teacher
WORK = 1 << 30  # bytes for what does not grow with the batch: rendering in chunks, kernels' work space, messages
RESERVE = 0.1  # share of a device's memory that is left alone: gaps between tensors, temporary values, CUDA itself


@dataclass(frozen=True)
class StepMemory:
    """Bytes of device memory that a step takes.

    fixed: whatever the batch. image: for each image that is trained on at a time. kept: for each image of the
    process's share, during the whole step.
    """

    fixed: int
    image: int
    kept: int

    def total(self, images: int, share: int) -> int:
        """Of a step that trains on so many images at a time, of a share of so many."""
        return self.fixed + images * self.image + share * self.kept

    def most(self, free: int, total: int, share: int) -> int:
        """The most images at a time, at most the share, on a device with so many bytes free; 0: not even one."""
        room = free - int(RESERVE * total) - self.total(0, share)
        return max(0, min(share, room // self.image))


def step_memory(recipe: Recipe, model: TeacherStudent, objective: Objective, half: bool) -> StepMemory:
    """Of a step of a model, which is left alone. half: whether passes are in bfloat16.

    Raises RuntimeError for a model whose forward pass depends on values.
    """
    one, two = (_saved(recipe, model, objective, half, images) for images in (1, 2))
    pixels = [3 * 4 * spec.size**2 for spec in view_specs(recipe.crops, recipe.augmentation)]  # float32
    weights = sum(parameter.nbytes for parameter in model.student.parameters())
    cast = 2 * one - two  # what is kept once for all images: the weights in bfloat16
    kept = sum(pixels[:GLOBAL_VIEWS]) + GLOBAL_VIEWS * 4 * objective.dimension
    return StepMemory(COPIES * weights + cast + WORK, two - one + sum(pixels), kept)


def micro_batch_for(share: int, most: int) -> int:
    """Images at a time where `most` fit: 0 if the share does, else a divisor of the share, so that parts are equal.

    Where the largest divisor that fits is small, nearly equal parts are better.
    """
    if most >= share:
        return 0
    most = max(most, 1)
    divisor = max(images for images in range(1, most + 1) if share % images == 0)
    return divisor if 2 * divisor > most else -(-share // -(-share // most))


def _saved(recipe: Recipe, model: TeacherStudent, objective: Objective, half: bool, images: int) -> int:
    """Bytes that autograd keeps of a forward pass, each piece of memory once, without the weights themselves.

    Autocast of the CPU stands for that of the GPU, which the fake mode knows only where there is one.
    """
    specs = view_specs(recipe.crops, recipe.augmentation)
    kept: dict[int, torch.UntypedStorage] = {}
    with FakeTensorMode():
        student, terms = _without_values(model.student), _without_values(objective)
        weights = {weight.untyped_storage()._cdata for weight in student.parameters()}

        def keep(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            if storage._cdata not in weights:
                kept[storage._cdata] = storage  # held, so that no other gets its number
            return tensor

        dtype = next(student.parameters()).dtype
        views = [torch.empty(images, 3, spec.size, spec.size, dtype=dtype) for spec in specs]
        factors = torch.empty(len(student.paths), len(specs), images) if student.paths else None
        teacher = torch.empty(GLOBAL_VIEWS, images, objective.dimension)
        hooks = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
        with hooks, torch.autocast("cpu", torch.bfloat16, enabled=half):
            _, outputs = student.train()(views, factors)
            terms.means(outputs, teacher)
            terms.rows(outputs[:GLOBAL_VIEWS], teacher)
    return sum(storage.nbytes() for storage in kept.values())


def _without_values(module: Module) -> Module:
    """A copy whose tensors take no memory; to be called under a FakeTensorMode."""
    empty: dict[int, Tensor] = {id(tensor): _blank(tensor) for tensor in module.buffers()}
    for parameter in module.parameters():
        empty[id(parameter)] = nn.Parameter(_blank(parameter), requires_grad=parameter.requires_grad)
    return copy.deepcopy(module, empty)


def _blank(tensor: Tensor) -> Tensor:
    return torch.empty(tensor.shape, dtype=tensor.dtype)
