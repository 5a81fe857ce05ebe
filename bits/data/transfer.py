"""Copies from main memory to a device, none of which waits for it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

LARGEST = 1 << 24  # whole numbers up to this one are exact in float32


def to_device(tensor: Tensor, device: torch.device | str) -> Tensor:
    """The tensor on a device.

    A copy to a GPU is queued behind its other work: it comes from pinned memory, because one from pageable memory
    would block until the queue is empty. A copy from a device waits until it is complete.
    """
    device = torch.device(device)
    if tensor.device.type == "cpu" and device.type == "cuda":
        tensor = tensor.contiguous().pin_memory()
    return tensor.to(device, non_blocking=tensor.device.type == "cpu")


def together(
    numbers: Sequence[Tensor], positions: Sequence[Tensor], device: torch.device | str
) -> tuple[list[Tensor], list[Tensor]]:
    """The same tensors on a device, by a single copy.

    numbers: float32, of any shapes. positions: int64, of any shapes, from 0 to `LARGEST`. All in main memory.
    """
    if torch.device(device).type == "cpu":
        return list(numbers), list(positions)
    both = [*numbers, *positions]
    counts = [tensor.numel() for tensor in both]
    split = sum(counts[: len(numbers)])
    sent = to_device(torch.cat([tensor.reshape(-1).float() for tensor in both]), device)
    parts = [
        *sent[:split].split(counts[: len(numbers)]),
        *sent[split:].long().split(counts[len(numbers) :]),
    ]
    shaped = [part.view(tensor.shape) for part, tensor in zip(parts, both, strict=True)]
    return shaped[: len(numbers)], shaped[len(numbers) :]
