"""The processes of one training: who I am among them, and what they tell each other."""

from __future__ import annotations

import atexit
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

# The first process alone evaluates and writes, for minutes to hours, while the others wait in their next message.
PATIENCE = timedelta(hours=24)
_at_work: list[bool] = []  # between join and leave: a sweep must not go on with some of the processes
BUCKET = 1 << 24  # numbers that are summed in one message


@dataclass(frozen=True)
class World:
    """Process `rank` of `size`. Every method but `share` is called by all of them, in the same order.

    A world of one process sends nothing.
    """

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this process is the one that evaluates, writes and reports."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """This process's part of `count` things, a run of neighbours; `count` must divide evenly."""
        each = count // self.size
        return slice(self.rank * each, (self.rank + 1) * each)

    def gather(self, tensor: Tensor, dim: int = 0) -> Tensor:
        """The tensors of all processes, of equal shape, joined along `dim` in the order of ranks; no gradient."""
        if self.size == 1:
            return tensor.detach()
        mine = tensor.detach().contiguous()
        parts = [torch.empty_like(mine) for _ in range(self.size)]
        dist.all_gather(parts, mine)
        return torch.cat(parts, dim=dim)

    def all_reduce_(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its sum over the processes; all are of one dtype and device.

        They travel flat, a few at a time, so that neither many small messages nor a copy of everything is needed.
        """
        if self.size == 1:
            return
        bucket: list[Tensor] = []
        for number, tensor in enumerate(tensors):
            bucket.append(tensor)
            if number + 1 == len(tensors) or sum(map(Tensor.numel, bucket)) >= BUCKET:
                flat = torch.cat([part.reshape(-1) for part in bucket])
                dist.all_reduce(flat)
                sums = flat.split([part.numel() for part in bucket])
                torch._foreach_copy_(bucket, [part.view_as(like) for part, like in zip(sums, bucket, strict=True)])
                bucket = []

    def broadcast(self, value: Any) -> Any:
        """The first process's `value`, anything that can be pickled."""
        if self.size == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values, src=0)
        return values[0]

    def broadcast_(self, tensors: Sequence[Tensor]) -> None:
        """Overwrite each tensor with the first process's."""
        if self.size > 1:
            for tensor in tensors:
                dist.broadcast(tensor, src=0)

    def barrier(self) -> None:
        """Return when all processes have come here."""
        if self.size > 1:
            dist.barrier()

    def leave(self) -> None:
        """Wait for the others; the connection ends with the process, unless it joins again before."""
        if self.size > 1:
            self.barrier()
            _at_work.clear()
            atexit.register(_disconnect)


def join(device: torch.device) -> World:
    """The world that torchrun describes in this process's environment; one process where there is no torchrun."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return World()
    if _at_work:
        raise ConnectionError("the run before this one ended without the other processes; start them all again")
    _at_work.append(True)
    atexit.unregister(_disconnect)  # a process that fails must end at once: disconnecting could wait for the others
    if not dist.is_initialized():
        if device.type == "cuda":
            dist.init_process_group("nccl", timeout=PATIENCE, device_id=device)
        else:
            dist.init_process_group("gloo", timeout=PATIENCE)
    return World(dist.get_rank(), size)


def _disconnect() -> None:
    dist.destroy_process_group()
