"""Videos whose frames are image files, with a palette image of every frame's objects."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from bits.data.decode import decode_rgb
from bits.data.layout import Source
from bits.errors import DatasetError

VOID = 255  # pixels that belong to no object for sure; the official evaluation counts them as background


class MaskVideos:
    """See `videos.VideoSet`. frames: video -> its frames' names in the source, in order. mask_of: a frame's mask."""

    def __init__(self, source: Source, frames: Mapping[str, Sequence[str]], mask_of: Callable[[str], str]) -> None:
        self.source, self.frames, self.mask_of = source, frames, mask_of

    @property
    def names(self) -> Sequence[str]:
        return tuple(self.frames)

    def __len__(self) -> int:
        return len(self.frames)

    def frames_of(self, index: int) -> Tensor:
        """uint8 [T, 3, H, W], RGB. Raises DatasetError: broken, or of several sizes."""
        names = self.frames[self.names[index]]
        return self._stacked(index, [decode_rgb(self.source.read(name), self.source.describe(name)) for name in names])

    def masks_of(self, index: int) -> Tensor:
        """uint8 [T, H, W]: 0 background, 1, 2, ... objects; void is background. Raises DatasetError."""
        return self._stacked(index, [self._mask(self.mask_of(name)) for name in self.frames[self.names[index]]])

    def _mask(self, name: str) -> Tensor:
        """Of one frame, uint8 [H, W]: the palette's indices, not its colours."""
        where = self.source.describe(name)
        try:
            with Image.open(io.BytesIO(self.source.read(name)), formats=["PNG"]) as image:
                indices, mode = np.array(image), image.mode
        except (OSError, SyntaxError, ValueError) as error:
            raise DatasetError(f"{where} can't be decoded: {error}. Unpack the data set again.") from error
        if mode not in ("P", "L"):
            raise DatasetError(
                f"{where} is of mode {mode}; expected a palette PNG of objects. Unpack the data set again."
            )
        indices[indices == VOID] = 0
        return torch.from_numpy(indices)

    def _stacked(self, index: int, images: list[Tensor]) -> Tensor:
        sizes = {tuple(image.shape) for image in images}
        if len(sizes) > 1:
            raise DatasetError(
                f"{self.source.path}: images of {self.names[index]} have several sizes: {sorted(sizes)}. "
                "Unpack the data set again."
            )
        return torch.stack(images)
