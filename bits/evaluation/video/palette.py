"""Predicted masks as the palette PNGs that DAVIS's official evaluation reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image


def write_masks(folder: Path, sequence: str, frames: Sequence[str], masks_THW: npt.NDArray[np.uint8]) -> list[Path]:
    """<folder>/<sequence>/<frame>.png for each frame; a pixel's index is its object's number, 0 the background.

    frames: their names without an ending, one for each mask, as those of the annotations ("00000"). Raises ValueError
    where there are more names than masks or fewer.
    """
    place = folder / sequence
    place.mkdir(parents=True, exist_ok=True)
    written = []
    for frame, mask_HW in zip(frames, masks_THW, strict=True):
        image = Image.fromarray(np.ascontiguousarray(mask_HW), mode="P")
        image.putpalette(palette())
        written.append(place / f"{frame}.png")
        image.save(written[-1], optimize=False)
    return written


def palette() -> list[int]:
    """The colours of 256 objects, 768 numbers, as in DAVIS and PASCAL VOC.

    The bits of an object's number go in turn to red, green and blue, and there from the highest bit down.
    """
    numbers = np.arange(256)
    colours = np.zeros((256, 3), dtype=np.int64)
    for bit in range(8):
        for channel in range(3):
            place = 3 * bit + channel
            if place < 8:
                colours[:, channel] |= (numbers >> place & 1) << (7 - bit)
    return [int(value) for value in colours.flatten()]
