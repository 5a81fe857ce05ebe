"""The processes of one training run, and communication between them."""

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

# Only the first process evaluates and writes, for minutes to hours, while the others wait in a collective call.
PATIENCE = timedelta(hours=24)
_at_work: list[bool] = []  # non-empty between join and leave: a sweep must not continue with only some of the processes
BUCKET = 1 << 24  # elements to collect before sending a message


@dataclass(frozen=True)
class World:
    """Process `rank` of `size`. All processes must call every method but `share`, in the same order.

    With a single process nothing is sent.
    """

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that evaluates, writes and reports."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """This process's contiguous share of `count` items; `count` must be divisible by the number of processes."""
        each = count // self.size
        return slice(self.rank * each, (self.rank + 1) * each)

    def gather(self, tensor: Tensor, dim: int = 0) -> Tensor:
        """The tensors of all processes, of equal shape, concatenated along `dim` by rank; without gradient."""
        if self.size == 1:
            return tensor.detach()
        own = tensor.detach().contiguous()
        parts = [torch.empty_like(own) for _ in range(self.size)]
        dist.all_gather(parts, own)
        return torch.cat(parts, dim=dim)

    def all_reduce_(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor with its sum over the processes; all must have the same dtype and device.

        They are sent in flat buckets, which avoids both many small messages and a copy of everything.
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
        """The first process's `value`, which may be anything that can be pickled."""
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
        """Wait until all processes have called this."""
        if self.size > 1:
            dist.barrier()

    def leave(self) -> None:
        """Wait for the other processes; the connection is closed when the process exits, unless it joins again."""
        if self.size > 1:
            self.barrier()
            _at_work.clear()
            atexit.register(_disconnect)


def join(device: torch.device) -> World:
    """The world that torchrun describes in the environment; a single process without torchrun.

    Raises ConnectionError if the previous run in this process did not end with `leave`.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return World()
    if _at_work:
        raise ConnectionError("the previous run ended without the other processes; start all of them again")
    _at_work.append(True)
    atexit.unregister(_disconnect)  # a failing process must exit immediately: disconnecting could wait for the others
    if not dist.is_initialized():
        if device.type == "cuda":
            dist.init_process_group("nccl", timeout=PATIENCE, device_id=device)
        else:
            dist.init_process_group("gloo", timeout=PATIENCE)
    return World(dist.get_rank(), size)


def _disconnect() -> None:
    dist.destroy_process_group()
