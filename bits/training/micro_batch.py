"""How many images a process trains on at a time, and what to do where they do not fit the device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch

from bits.config.recipe import Recipe
from bits.errors import BitsError
from bits.models.backbone import batch_dependent
from bits.models.teacher_student import TeacherStudent
from bits.objectives.objective import Objective
from bits.training.memory import RESERVE, StepMemory, micro_batch_for, step_memory
from bits.training.world import World

GIB = 2**30


class DeviceMemoryError(BitsError):
    """A training step that does not fit the memory of its device."""


@dataclass(frozen=True)
class MicroBatch:
    """images: at a time; 0: the process's whole share. why: of a choice, in words; "" where none was made."""

    images: int
    why: str = ""

    def of(self, share: int) -> int:
        """Images at a time, of a share of so many."""
        return min(self.images or share, share)


def micro_batch(
    wanted: int | Literal["auto"],
    recipe: Recipe,
    model: TeacherStudent,
    objective: Objective,
    device: torch.device,
    world: World,
) -> MicroBatch:
    """`wanted`, or for auto as many images as fit the free memory of every process's GPU; the same in all processes.

    On a CPU, auto is the whole share. To be called before the model is on the device.
    """
    if wanted != "auto":
        return MicroBatch(wanted)
    if device.type != "cuda":
        return MicroBatch(0)
    if mixing := batch_dependent(model.student.backbone):
        return MicroBatch(0, f"the batch is not divided, because the backbone has {' and '.join(mixing)}")
    try:
        needed = step_memory(recipe, model, objective, half=recipe.precision != "float32")
    except RuntimeError as error:
        return MicroBatch(0, f"the memory of a step could not be estimated ({str(error).splitlines()[0]})")
    share = recipe.schedule.batch_size // world.size
    return fitting(needed, share, *device_memory(device), device, world)


def fitting(needed: StepMemory, share: int, free: int, total: int, device: torch.device, world: World) -> MicroBatch:
    """As many images at a time as fit the process with the least room. free, total: bytes of this one's device."""
    own = needed.most(free, total, share)
    most = int(world.gather(torch.tensor([own], device=device)).min())
    images = micro_batch_for(share, most)
    at_a_time = images or share
    why = (
        f"{at_a_time} of {share} images at a time take about {needed.total(at_a_time, share) / GIB:.1f} GiB, "
        f"{needed.image / GIB:.2f} for each image; "
        f"{free / GIB:.1f} of {total / GIB:.1f} GiB are free, of which {RESERVE * total / GIB:.1f} are left alone"
    )
    return MicroBatch(images, why if most else f"not even one image may fit: {why}")


def device_memory(device: torch.device) -> tuple[int, int]:
    """(free, total) bytes of a GPU's memory; what torch holds without using it counts as free."""
    free, total = torch.cuda.mem_get_info(device)
    held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return free + held, total


@contextmanager
def memory_explained(device: torch.device, images: int) -> Iterator[None]:
    """Turn an out-of-memory error of a step into a DeviceMemoryError that says what to do. images: at a time."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        free, total = device_memory(device)
        first = f"Set site.micro_batch={images // 2} or less, which changes no number, share" if images > 1 else "Share"
        raise DeviceMemoryError(
            f"a training step does not fit the memory of {device}: {free / GIB:.1f} of {total / GIB:.1f} GiB are free, "
            f"with {images} image(s) at a time ({str(error).splitlines()[0]}). {first} "
            "the batch among more GPUs (site.processes), or end what else uses this one (nvidia-smi names it)."
        ) from error
