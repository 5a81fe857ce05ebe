"""A stretch of scenes as arrays: pixels, labels, boxes, masks and factors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bits.scenes.factors import SceneFactors, draw_factors
from bits.scenes.render import render
from bits.scenes.settings import FIELDS, OBJECTS, SceneSettings
from bits.scenes.shapes import SHAPES

CHUNK = 32  # images drawn at once: their canvas stays in the processor's cache

Arrays = dict[str, npt.NDArray[Any]]


def render_split(settings: SceneSettings, split: str, start: int, count: int) -> Arrays:
    """Scenes start..start+count-1 of "train" or "val"; scene i has the same bytes in every call. count >= 1.

    images uint8 [N, H, W, 3]; labels int64 [N]; multilabels bool [N, 8], the shapes in sight; boxes int16
    [N, 4, 4], x0, y0, x1, y1 around the pixels in sight of each object slot, x1 and y1 one past the last, -1
    where nothing is in sight; masks uint8 [N, H, W], 0 background or the object's slot + 1; factors/visible
    int32 [N, 4], pixels in sight; and the other factors/<name>, see `factor_arrays`.
    """
    ends = range(start, start + count, CHUNK)
    parts = [_chunk(settings, split, np.arange(first, min(first + CHUNK, start + count))) for first in ends]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _chunk(settings: SceneSettings, split: str, indices: npt.NDArray[np.int64]) -> Arrays:
    factors = draw_factors(settings, split, indices)
    images, masks = render(factors, settings.image_size, settings.noise)
    boxes, visible = boxes_and_areas(masks)
    shapes_in_sight = np.zeros((len(indices), len(SHAPES)), dtype=np.bool_)
    image, slot = np.nonzero(visible)
    shapes_in_sight[image, factors.shape[image, slot]] = True
    pixels: Arrays = {"images": images, "masks": masks, "boxes": boxes, "factors/visible": visible}
    return {**pixels, "labels": factors.label, "multilabels": shapes_in_sight, **factor_arrays(factors)}


def boxes_and_areas(masks: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int32]]:
    """Boxes int16 [N, 4, 4] and visible pixels int32 [N, 4] of the objects 1..4 in masks uint8 [N, H, W]."""
    mine = masks[:, None] == np.arange(1, OBJECTS + 1, dtype=np.uint8)[:, None, None]
    across, down = mine.any(axis=2), mine.any(axis=3)
    last = masks.shape[1]
    edges = [
        across.argmax(2),
        down.argmax(2),
        last - across[..., ::-1].argmax(2),
        last - down[..., ::-1].argmax(2),
    ]
    boxes = np.where(across.any(axis=2)[..., None], np.stack(edges, axis=2), -1)
    return boxes.astype(np.int16), mine.sum(axis=(2, 3)).astype(np.int32)


def factor_arrays(factors: SceneFactors) -> Arrays:
    """The factors that are stored, as factors/<name>. Of unused object slots: -1 for kinds, nan for numbers.

    int8: object_count, palette, background_texture [N]; field_hue [N, 6]; shape, texture, hue, depth [N, 4].
    float16: position [N, 4, 2] and radius [N, 4] as fractions of the image side; light [N, 4], gain,
    contrast, gradient to the right and downwards.
    """
    used = np.arange(OBJECTS) < factors.count[:, None]
    kinds = {
        "shape": factors.shape,
        "texture": factors.texture[:, FIELDS:],
        "hue": factors.hue[:, FIELDS:],
        "depth": factors.depth,
    }
    arrays: Arrays = {name: np.where(used, kind, -1).astype(np.int8) for name, kind in kinds.items()}
    arrays["object_count"] = factors.count.astype(np.int8)
    arrays["palette"] = factors.palette.astype(np.int8)
    arrays["background_texture"] = factors.texture[:, 0].astype(np.int8)
    arrays["field_hue"] = factors.hue[:, :FIELDS].astype(np.int8)
    arrays["position"] = np.where(used[:, :, None], factors.position, np.nan).astype(np.float16)
    arrays["radius"] = np.where(used, factors.radius, np.nan).astype(np.float16)
    arrays["light"] = factors.light.astype(np.float16)
    return {f"factors/{name}": value for name, value in arrays.items()}
