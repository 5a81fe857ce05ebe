"""The kinds of object in the procedural scenes, as signed distances.

A shape is a function of the object's own coordinates: x to its right, y to its top, the outline inside the
unit circle. It returns the signed distance to the outline in the same unit, negative inside (exact, or a
bound that is exact at the outline). Only + - * / sqrt, min, max and abs are used: these round alike on every
processor, so that a scene has the same bytes everywhere.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.float32]
Shape = Callable[[Field, Field], Field]


def disc(x: Field, y: Field) -> Field:
    """A circle of radius 0.85."""
    return np.sqrt(x * x + y * y) - np.float32(0.85)


def square(x: Field, y: Field) -> Field:
    """An upright square of side 1.4."""
    return np.maximum(np.abs(x), np.abs(y)) - np.float32(0.7)


def triangle(x: Field, y: Field) -> Field:
    """An equilateral triangle on its base, corners on the unit circle."""
    slope = np.abs(x) * np.float32(0.8660254) + y * np.float32(0.5)
    return np.maximum(-y, slope) - np.float32(0.5)


def star(x: Field, y: Field) -> Field:
    """A five-pointed star, tips on the unit circle (the plane is folded three times onto one edge)."""
    cos, sin = np.float32(0.80901699), np.float32(0.58778525)
    x = np.abs(x)
    fold: Field = 2 * np.maximum(cos * x - sin * y, 0)
    x, y = x - fold * cos, y + fold * sin
    fold = 2 * np.maximum(-cos * x - sin * y, 0)
    x, y = np.abs(x + fold * cos), y + fold * sin - 1
    edge_x, edge_y = np.float32(0.45) * sin, np.float32(0.45) * cos - 1
    along = np.clip((x * edge_x + y * edge_y) / (edge_x * edge_x + edge_y * edge_y), 0, 1)
    away_x, away_y = x - edge_x * along, y - edge_y * along
    return np.sqrt(away_x * away_x + away_y * away_y) * np.sign(y * edge_x - x * edge_y)


def ring(x: Field, y: Field) -> Field:
    """A ring between the radii 0.4 and 0.95."""
    return np.abs(np.sqrt(x * x + y * y) - np.float32(0.675)) - np.float32(0.275)


def cross(x: Field, y: Field) -> Field:
    """A plus sign with arms 1.9 long and 0.6 wide."""
    x, y = np.abs(x), np.abs(y)
    return np.minimum(
        np.maximum(x - np.float32(0.95), y - np.float32(0.3)),
        np.maximum(x - np.float32(0.3), y - np.float32(0.95)),
    )


def crescent(x: Field, y: Field) -> Field:
    """A disc of radius 0.95 with a smaller disc bitten out of its right side."""
    bite_x = x - np.float32(0.5)
    bite = np.float32(0.65) - np.sqrt(bite_x * bite_x + y * y)
    return np.maximum(np.sqrt(x * x + y * y) - np.float32(0.95), bite)


def bar(x: Field, y: Field) -> Field:
    """A capsule 1.9 long and 0.7 wide."""
    beyond = np.maximum(np.abs(x) - np.float32(0.6), 0)
    return np.sqrt(beyond * beyond + y * y) - np.float32(0.35)


SHAPES: dict[str, Shape] = {
    "disc": disc,
    "square": square,
    "triangle": triangle,
    "star": star,
    "ring": ring,
    "cross": cross,
    "crescent": crescent,
    "bar": bar,
}
