"""The factors of procedural scenes: what each image shows, drawn from a random stream of its own.

The stream is seeded by (seed, split, index), so the factors of an image don't depend on how many images are
made, in which order, or by how many processes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bits.scenes.classes import HUES, PALETTES, Int, class_table
from bits.scenes.settings import FIELDS, OBJECTS, SURFACES, SceneSettings
from bits.scenes.shapes import SHAPES
from bits.scenes.textures import TEXTURES

Float = npt.NDArray[np.float64]

STREAMS = {"train": 0, "val": 1, "video": 2, "motion": 3}
DRAWS = 256  # random numbers reserved for one image; a draw past the end is an IndexError, never a reuse


class Draws:
    """One row of uniform random numbers an image, handed out column by column."""

    def __init__(self, seed: int, split: str, indices: Int) -> None:
        rows = [np.random.default_rng((seed, STREAMS[split], int(i))).random(DRAWS) for i in indices]
        self._numbers: Float = np.stack(rows)
        self._used = 0

    def uniform(self, low: float, high: float, count: int = 1) -> Float:
        """[N, count] in low..high."""
        if self._used + count > DRAWS:
            raise IndexError(f"a scene draws more than the {DRAWS} random numbers reserved for it")
        numbers = self._numbers[:, self._used : self._used + count]
        self._used += count
        return low + (high - low) * numbers

    def integers(self, bound: int, count: int = 1) -> Int:
        """[N, count] in 0..bound-1."""
        return self.uniform(0, bound, count).astype(np.int64)

    def chance(self, probability: float, count: int = 1) -> npt.NDArray[np.bool_]:
        """[N, count], true with that probability."""
        return self.uniform(0, 1, count) < probability

    def order(self, count: int) -> Int:
        """[N, count], a permutation of 0..count-1 in each row."""
        return np.argsort(self.uniform(0, 1, count), axis=1, kind="stable")


@dataclass(frozen=True)
class SceneFactors:
    """The factors of N scenes of 10 surfaces: six fields, then four object slots, of which `count` are used.

    Positions are (x, y) from the top-left corner; with lengths they are fractions of the image side. Angles
    are radians. int64: label, count, palette [N]; hue, texture [N, 10]; shape [N, 4]; depth [N, 4], 0 nearest;
    grain_seed [N]. float64: site [N, 6, 2], each place belongs to the field with the nearest one; position
    [N, 4, 2]; radius, angle [N, 4]; period, grain_angle [N, 10], length and direction of the texture; phase
    [N, 10, 2], its origin (for an object from its centre); colours [N, 10, 2, 3], RGB 0..1; light [N, 4], gain,
    contrast, gradient to the right and downwards.
    """

    label: Int
    count: Int
    palette: Int
    hue: Int
    shape: Int
    texture: Int
    site: Float
    position: Float
    radius: Float
    angle: Float
    depth: Int
    period: Float
    grain_angle: Float
    phase: Float
    colours: Float
    light: Float
    grain_seed: Int


def draw_factors(settings: SceneSettings, split: str, indices: Int) -> SceneFactors:
    """The factors of the scenes at `indices` of a split; the class is index mod classes: balanced."""
    draws = Draws(settings.seed, split, indices)
    table = class_table(settings.classes)
    label = indices % settings.classes
    n, own = len(indices), table.texture[label]
    odd = draws.chance(settings.distractor, OBJECTS)
    odd[:, 0] = False
    shape = np.where(odd, draws.integers(len(SHAPES), OBJECTS), table.shape[label][:, None])
    on_objects = np.where(odd, draws.integers(len(TEXTURES), OBJECTS), own[:, None])
    behind = np.where(
        draws.chance(settings.background_tie), table.background[label][:, None], draws.integers(len(TEXTURES))
    )
    palette = np.where(
        draws.chance(settings.palette_tie)[:, 0], table.palette[label], draws.integers(len(PALETTES))[:, 0]
    )
    count = 1 + draws.integers(OBJECTS)[:, 0]
    hue, strength = _hues(draws, palette), settings.light
    return SceneFactors(
        label=label,
        count=count,
        palette=palette,
        hue=hue,
        shape=shape,
        texture=np.concatenate([np.repeat(behind, FIELDS, axis=1), on_objects], axis=1),
        site=draws.uniform(0, 1, 2 * FIELDS).reshape(n, FIELDS, 2),
        position=_positions(draws, count),
        radius=_radii(draws, settings, count),
        angle=draws.uniform(-np.pi, np.pi, OBJECTS),
        depth=draws.order(OBJECTS),
        period=settings.period * np.exp2(settings.period_jitter * draws.uniform(-1, 1, SURFACES)),
        grain_angle=draws.uniform(-np.pi, np.pi, SURFACES),
        phase=draws.uniform(0, 1, 2 * SURFACES).reshape(n, SURFACES, 2),
        colours=_colours(draws, settings, hue),
        light=np.concatenate(
            [
                1 - strength * draws.uniform(0, 0.7),
                1 - strength * draws.uniform(0, 0.7),
                strength * draws.uniform(-0.8, 0.8, 2),
            ],
            axis=1,
        ),
        grain_seed=draws.integers(1 << 32)[:, 0],
    )


def _positions(draws: Draws, count: Int) -> Float:
    """Centres [N, 4, 2]: a lone object anywhere near the middle, several in different quarters."""
    quarter = draws.order(OBJECTS)
    corner = np.stack([quarter % 2, quarter // 2], axis=2) * 0.46 + 0.27
    alone = (count == 1)[:, None, None]
    wander = draws.uniform(-1, 1, 2 * OBJECTS).reshape(-1, OBJECTS, 2)
    return np.where(alone, 0.5 + 0.22 * wander, corner + 0.11 * wander)


def _radii(draws: Draws, settings: SceneSettings, count: Int) -> Float:
    """Radii [N, 4]; a lone object is a third larger."""
    radius = draws.uniform(settings.smallest_radius, settings.largest_radius, OBJECTS)
    return np.where((count == 1)[:, None], radius * 4 / 3, radius)


def _hues(draws: Draws, palette: Int) -> Int:
    """The hue [N, 10] of each surface: two fields show each of the palette's three, objects any of them."""
    role = np.concatenate([draws.order(FIELDS) % 3, draws.integers(3, OBJECTS)], axis=1)
    return np.take_along_axis(np.array(PALETTES)[palette], role, axis=1)


def _colours(draws: Draws, settings: SceneSettings, hue: Int) -> Float:
    """A dark and a light colour of one hue for each surface [N, 10, 2, 3]."""
    turns = hue / len(HUES) + settings.hue_jitter * draws.uniform(-1, 1, SURFACES)
    dark, light = draws.uniform(0.08, 0.3, SURFACES), draws.uniform(0.7, 1.0, SURFACES)
    value = np.stack([dark, light], axis=2)
    saturation = draws.uniform(0.45, 0.85, 2 * SURFACES).reshape(value.shape)
    return _rgb(turns[:, :, None], saturation, value)


def _rgb(hue: Float, saturation: Float, value: Float) -> Float:
    """Hue in turns, saturation and value in 0..1 to RGB in 0..1 on a new last axis."""
    sector = (hue[..., None] + np.array([0.0, 2 / 3, 1 / 3])) % 1.0 * 6
    ramp = np.clip(np.abs(sector - 3) - 1, 0, 1)
    rgb: Float = value[..., None] * (1 - saturation[..., None] * (1 - ramp))
    return rgb
