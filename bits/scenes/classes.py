"""What each class of procedural scenes owns: a shape, textures, a palette, a name."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bits.scenes.shapes import SHAPES
from bits.scenes.textures import TEXTURES

Int = npt.NDArray[np.int64]

# Six hues, a sixth of the colour wheel apart. A palette is three of them, each the hue of two fields.
HUES = ("red", "yellow", "green", "cyan", "blue", "magenta")
PALETTES = tuple(itertools.combinations(range(len(HUES)), 3))


@dataclass(frozen=True)
class ClassTable:
    """What each class owns, int64 [classes]: shape, texture, background texture, palette; and its name."""

    shape: Int
    texture: Int
    background: Int
    palette: Int
    names: tuple[str, ...]


def class_table(classes: int) -> ClassTable:
    """Class c pairs shape c mod 8 with a texture that shifts by one at every round; no pair comes twice.

    Neither shape nor texture alone tells the class. Up to 32 classes differ by texture and background texture
    alone, up to 20 by palette alone.
    """
    c = np.arange(classes)
    turn = c // len(SHAPES)
    shape, texture = c % len(SHAPES), (c + turn) % len(TEXTURES)
    shape_names, texture_names = tuple(SHAPES), tuple(TEXTURES)
    names = tuple(f"{texture_names[t]} {shape_names[s]}" for s, t in zip(shape, texture, strict=True))
    return ClassTable(shape, texture, (3 * c + 5 * turn + 1) % len(TEXTURES), 7 * c % len(PALETTES), names)
