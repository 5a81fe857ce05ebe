"""What a long computation leaves behind, so that it goes on from there when its process is stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor


@dataclass(frozen=True)
class State:
    """Tensors by name, and facts that JSON can hold."""

    tensors: dict[str, Tensor] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


class Progress(Protocol):
    """Of one source on one data set. part: a name for each computation: its evaluator's, or <evaluator>-<more>."""

    def state(self, part: str) -> State | None:
        """Where an earlier process left off, its tensors on the CPU; None to start from the beginning."""

    def keep(self, part: str, tensors: Mapping[str, Tensor], facts: Mapping[str, Any], done: int, total: int) -> None:
        """The computation can go on from here. All is copied at once; it reaches the disk now and then.

        done: of `total` steps of equal length, for whoever waits.
        """


class NoProgress:
    """For computations that start from the beginning whenever they are stopped."""

    def state(self, part: str) -> State | None:
        return None

    def keep(self, part: str, tensors: Mapping[str, Tensor], facts: Mapping[str, Any], done: int, total: int) -> None:
        pass
