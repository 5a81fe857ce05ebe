"""Draws scenes: factors in, pixels and instance masks out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from bits.scenes.factors import SceneFactors
from bits.scenes.settings import FIELDS, OBJECTS
from bits.scenes.shapes import SHAPES
from bits.scenes.textures import TEXTURES

Field = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]


def render(factors: SceneFactors, size: int, noise: float) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Images uint8 [N, size, size, 3] and masks uint8 [N, size, size], 0 background, 1..4 the object seen.

    noise: half-width of the uniform noise, 1 = full range. Factors are worked out in float64 and rounded to
    float32 before they meet the pixels, where only operations that round alike everywhere are used; so an
    image has the same bytes in any batch and on any processor.
    """
    everyone = np.arange(len(factors.label))
    x, y = _pixel_grid(size)
    canvas = _background(factors, x, y, size)
    mask = np.zeros((len(everyone), size, size), dtype=np.uint8)
    for depth in range(OBJECTS - 1, -1, -1):
        slot = np.argmax(factors.depth == depth, axis=1)
        rows = np.flatnonzero(slot < factors.count)
        if len(rows):
            _draw_objects(canvas, mask, factors, rows, slot[rows], x, y)
    return _lit(canvas, factors, x, y, noise), mask


def _pixel_grid(size: int) -> tuple[Field, Field]:
    """Pixel centres as fractions of the side: x [1, 1, size] to the right and y [1, size, 1] downwards."""
    centres = ((np.arange(size) + 0.5) / size).astype(np.float32)
    return centres[None, None, :], centres[None, :, None]


def _column(values: npt.NDArray[np.float64]) -> Field:
    """One number an image, shaped to meet its pixels."""
    return values.astype(np.float32)[:, None, None]


def _turned(x: Field, y: Field, angle: npt.NDArray[np.float64], scale: npt.NDArray[np.float64]) -> tuple[Field, Field]:
    """Coordinates in a frame turned by `angle`, in units of `scale`."""
    cos, sin = _column(np.cos(angle) / scale), _column(np.sin(angle) / scale)
    return x * cos + y * sin, y * cos - x * sin


def _by_kind(functions: Mapping[str, Callable[..., Field]], kind: Rows, *fields: Field) -> Field:
    """Row i of the fields through function number kind[i], one call for all rows of a kind."""
    out = np.empty((len(kind), *np.broadcast_shapes(*(f.shape[1:] for f in fields))), dtype=np.float32)
    for number, function in enumerate(functions.values()):
        rows = np.flatnonzero(kind == number)
        if len(rows):
            out[rows] = function(*(f[rows] for f in fields))
    return out


def _surface_texture(factors: SceneFactors, surface: int | Rows, rows: Rows, x: Field, y: Field, size: int) -> Field:
    """How much of the surface's second colour shows at x, y: [rows, size, size] in 0..1."""
    period, phase = factors.period[rows, surface], factors.phase[rows, surface]
    u, v = _turned(x - _column(phase[:, 0]), y - _column(phase[:, 1]), factors.grain_angle[rows, surface], period)
    return _by_kind(TEXTURES, factors.texture[rows, surface], u, v, _column(1 / (size * period)))


def _painted(factors: SceneFactors, surface: int | Rows, rows: Rows, share: Field) -> Field:
    """Colours [3, rows, size, size]: the surface's first colour, and its second one where `share` is 1."""
    first, second = np.moveaxis(factors.colours[rows, surface].astype(np.float32), 1, 0)
    return np.stack([_c(first[:, k]) + share * _c(second[:, k] - first[:, k]) for k in range(3)])


def _c(values: Field) -> Field:
    return values[:, None, None]


def _background(factors: SceneFactors, x: Field, y: Field, size: int) -> Field:
    """The fields [3, N, size, size]: every place belongs to the field with the nearest site."""
    everyone, site = np.arange(len(factors.label)), factors.site
    canvas = _painted(factors, 0, everyone, _surface_texture(factors, 0, everyone, x, y, size))
    for field in range(1, FIELDS):
        inside = np.minimum.reduce([_inside(site[:, field], site[:, other], x, y) for other in range(field)])
        cover = np.clip(inside * np.float32(size) + np.float32(0.5), 0, 1)
        canvas += cover * (
            _painted(factors, field, everyone, _surface_texture(factors, field, everyone, x, y, size)) - canvas
        )
    return canvas


def _inside(own: npt.NDArray[np.float64], other: npt.NDArray[np.float64], x: Field, y: Field) -> Field:
    """Distance from the bisector of two sites, positive on the side of `own`."""
    towards = own - other
    length = np.sqrt(towards[:, 0] ** 2 + towards[:, 1] ** 2) + 1e-9
    normal, middle = towards / length[:, None], (own + other) / 2
    offset = normal[:, 0] * middle[:, 0] + normal[:, 1] * middle[:, 1]
    return x * _column(normal[:, 0]) + y * _column(normal[:, 1]) - _column(offset)


def _draw_objects(
    canvas: Field,
    mask: npt.NDArray[np.uint8],
    factors: SceneFactors,
    rows: Rows,
    slot: Rows,
    x: Field,
    y: Field,
) -> None:
    """Lay object slot[i] over image rows[i], in place."""
    size = mask.shape[1]
    centre, radius = factors.position[rows, slot], factors.radius[rows, slot]
    dx, dy = x - _column(centre[:, 0]), y - _column(centre[:, 1])
    right, down = _turned(dx, dy, factors.angle[rows, slot], radius)
    distance = _by_kind(SHAPES, factors.shape[rows, slot], right, -down)
    cover = np.clip(np.float32(0.5) - distance * _column(radius * size), 0, 1)
    colour = _painted(factors, slot + FIELDS, rows, _surface_texture(factors, slot + FIELDS, rows, dx, dy, size))
    for k in range(3):
        below = canvas[k, rows]
        canvas[k, rows] = below + cover * (colour[k] - below)
    mask[rows] = np.where(cover >= 0.5, (slot + 1).astype(np.uint8)[:, None, None], mask[rows])


def _lit(canvas: Field, factors: SceneFactors, x: Field, y: Field, noise: float) -> npt.NDArray[np.uint8]:
    """The canvas under the scene's light, with noise, as bytes [N, size, size, 3]."""
    gain, contrast, right, down = (_column(factors.light[:, k]) for k in range(4))
    light = gain * (1 + right * (x - np.float32(0.5)) + down * (y - np.float32(0.5)))
    size, out = canvas.shape[-1], np.empty((*canvas.shape[1:], 3), dtype=np.uint8)
    grain = _grain(factors.grain_seed, size)
    for k in range(3):
        value = ((canvas[k] - np.float32(0.5)) * contrast + np.float32(0.5)) * light * 255
        value += (grain[k] - np.float32(0.5)) * np.float32(2 * 255 * noise)
        out[..., k] = (np.clip(value, 0, 255) + np.float32(0.5)).astype(np.uint8)
    return out


def _grain(seeds: Rows, size: int) -> Field:
    """Uniform noise 0..1, [3, N, size, size], from a hash of image and pixel (the same in any batch)."""
    pixel = np.arange(3 * size * size, dtype=np.uint32).reshape(3, 1, size, size) * np.uint32(0x9E3779B1)
    h = pixel ^ seeds.astype(np.uint32)[None, :, None, None]
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return ((h ^ (h >> np.uint32(16))) >> np.uint32(8)).astype(np.float32) / np.float32(1 << 24)
