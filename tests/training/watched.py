"""Copies and waits of a device that is not there: torch's meta device has shapes and no values to wait for."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

READS = ("_local_scalar_dense", "nonzero", "equal", "masked_select", "unique")  # operators that need values


def _tensors(values: Any) -> list[Tensor]:
    if isinstance(values, Tensor):
        return [values]
    if isinstance(values, (list, tuple)):
        return [tensor for value in values for tensor in _tensors(value)]
    return []


class Watched(TorchDispatchMode):
    """Notes what is sent to the meta device, and refuses what would wait for it.

    sent: (operator, whether it blocks) of each copy from main memory.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, bool]] = []

    @property
    def blocking(self) -> list[str]:
        return [name for name, blocks in self.sent if blocks]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        given = [*_tensors(args), *_tensors(list(kwargs.values()))]
        name = func.overloadpacket.__name__
        there = [tensor for tensor in given if tensor.is_meta]
        if there and name in READS:
            raise AssertionError(f"{name} waits for the device")
        if there and name in ("index", "index_put", "index_put_") and any(t.dtype == torch.bool for t in given[1:]):
            raise AssertionError(f"{name} with a mask waits for the device")
        found = func(*args, **kwargs)
        here = [tensor for tensor in given if not tensor.is_meta and tensor.ndim > 0]
        if here and (there or any(tensor.is_meta for tensor in _tensors(found))):
            self.sent.append((name, not _queued(func, args, kwargs)))
        return found


def _queued(func: Any, args: Any, kwargs: Any) -> bool:
    """Whether a copy is asked for as non_blocking; other operators with tensors in two places never are."""
    names = [argument.name for argument in func._schema.arguments]
    if "non_blocking" not in names:
        return False
    place = names.index("non_blocking")
    return bool(kwargs.get("non_blocking", args[place] if place < len(args) else False))
