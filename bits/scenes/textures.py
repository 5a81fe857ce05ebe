"""The texture families of the procedural scenes.

A texture is a function of surface coordinates u, v, measured in periods, and of the width of a pixel in
periods. It returns how much of the surface's second colour shows, in 0..1, with edges about a pixel soft. As
in the shapes, only arithmetic that rounds alike on every processor is used.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.float32]
Texture = Callable[[Field, Field, Field], Field]


def _triangle_wave(x: Field) -> Field:
    """Distance to the nearest half-integer, doubled: 1 at integers, 0 half-way between them."""
    return np.abs(x - np.floor(x) - np.float32(0.5)) * 2


def _edge(height: Field, pixel: Field) -> Field:
    """0 below, 1 above the zero level of `height`, which rises by about 2 a period."""
    return np.clip(height / (2 * pixel) + np.float32(0.5), 0, 1)


def stripes(u: Field, v: Field, pixel: Field) -> Field:
    """Parallel stripes, as wide as the gaps."""
    return _edge(_triangle_wave(u) - np.float32(0.5), pixel)


def checks(u: Field, v: Field, pixel: Field) -> Field:
    """A chessboard."""
    a = _edge(_triangle_wave(u) - np.float32(0.5), pixel)
    b = _edge(_triangle_wave(v) - np.float32(0.5), pixel)
    return a + b - 2 * a * b


def dots(u: Field, v: Field, pixel: Field) -> Field:
    """Round dots on a square lattice."""
    x, y = u - np.floor(u) - np.float32(0.5), v - np.floor(v) - np.float32(0.5)
    return _edge(np.float32(0.6) - 2 * np.sqrt(x * x + y * y), pixel)


def grid(u: Field, v: Field, pixel: Field) -> Field:
    """Thin lines along both axes."""
    return _edge(np.maximum(_triangle_wave(u), _triangle_wave(v)) - np.float32(0.72), pixel)


def zigzag(u: Field, v: Field, pixel: Field) -> Field:
    """Stripes that turn back and forth, half a period deep."""
    bend = _triangle_wave(v * np.float32(0.5)) * np.float32(0.9)
    return _edge(_triangle_wave(u + bend) - np.float32(0.5), pixel)


def bricks(u: Field, v: Field, pixel: Field) -> Field:
    """A running bond: long bricks, every other course shifted by half a brick."""
    course = np.floor(v)
    shifted = u * np.float32(0.5) + (course - 2 * np.floor(course / 2)) / 2
    joint = np.maximum(2 * _triangle_wave(shifted) - 1, _triangle_wave(v))
    return _edge(joint - np.float32(0.68), pixel)


def _lattice(column: npt.NDArray[np.uint32], row: npt.NDArray[np.uint32]) -> Field:
    """A fixed hash of the lattice point to 0..1; uint32 arithmetic wraps."""
    h = column * np.uint32(0x9E3779B1) ^ row * np.uint32(0x85EBCA77)
    h = (h ^ (h >> np.uint32(15))) * np.uint32(0x2C1B3C6D)
    return ((h ^ (h >> np.uint32(13))) >> np.uint32(8)).astype(np.float32) / np.float32(1 << 24)


def blobs(u: Field, v: Field, pixel: Field) -> Field:
    """Irregular patches: value noise on a lattice, cut at its mean level."""
    u, v = u * np.float32(1.3), v * np.float32(1.3)
    column, row = np.floor(u), np.floor(v)
    x, y = u - column, v - row
    x, y = x * x * (3 - 2 * x), y * y * (3 - 2 * y)
    # Through int64 because a negative float has no defined conversion to uint32.
    left, top = column.astype(np.int64).astype(np.uint32), row.astype(np.int64).astype(np.uint32)
    right, bottom = left + np.uint32(1), top + np.uint32(1)
    upper = _lattice(left, top) * (1 - x) + _lattice(right, top) * x
    lower = _lattice(left, bottom) * (1 - x) + _lattice(right, bottom) * x
    height = np.asarray(upper * (1 - y) + lower * y, dtype=np.float32)
    return _edge(height - np.float32(0.5), pixel)


def rings(u: Field, v: Field, pixel: Field) -> Field:
    """Concentric rings about the surface's origin."""
    return _edge(_triangle_wave(np.sqrt(u * u + v * v)) - np.float32(0.5), pixel)


TEXTURES: dict[str, Texture] = {
    "striped": stripes,
    "checked": checks,
    "dotted": dots,
    "gridded": grid,
    "zigzag": zigzag,
    "bricked": bricks,
    "blotched": blobs,
    "ringed": rings,
}
