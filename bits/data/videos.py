"""Videos with a mask of every object in every frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor


class VideoSet(Protocol):
    """V videos by number; names are distinct and stable across machines."""

    @property
    def names(self) -> Sequence[str]: ...

    def __len__(self) -> int: ...

    def frames_of(self, index: int) -> Tensor:
        """uint8 [T, 3, H, W], RGB."""

    def masks_of(self, index: int) -> Tensor:
        """uint8 [T, H, W]: 0 background, 1, 2, ... the number that an object keeps through its video."""
