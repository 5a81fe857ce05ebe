"""What is in a procedural scene: the settings of the generator and the factors drawn for each image.

Every image has its own random stream, seeded by (seed, split, index): its factors don't depend on how many
images are made, in which order, or by how many processes.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bits.data.scene_shapes import SHAPES
from bits.data.scene_textures import TEXTURES

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

STREAMS = {"train": 0, "val": 1, "video": 2, "motion": 3}
FIELDS = 3  # parts of the background, surfaces 0, 1 and 2
OBJECTS = 4  # surfaces 3 to 6
SURFACES = FIELDS + OBJECTS
DRAWS = 160  # random numbers reserved for one image; a draw past the end is an IndexError, never a reuse

# Six hues, a sixth of the colour wheel apart. A palette is three of them, each the hue of one field.
HUES = ("red", "yellow", "green", "cyan", "blue", "magenta")
PALETTES = tuple(itertools.combinations(range(len(HUES)), FIELDS))


@dataclass(frozen=True)
class SceneSettings:
    """How many scenes, how large, and how hard. Every field changes the pixels, except the counts.

    classes: 2 to 64; class c is a pair (shape, texture), see `class_table`. Probabilities are in 0..1, lengths are
    fractions of the image side.
    """

    image_size: int = 48  # pixels, square
    classes: int = 20
    train: int = 4000
    val: int = 1000
    videos: int = 12
    video_frames: int = 16
    seed: int = 0
    distractor: float = 0.25  # chance that an object after the first is of any shape and texture
    background_tie: float = 0.8  # chance that the background's texture is the class's own, not any
    palette_tie: float = 0.8  # chance that the palette is the class's own, not any
    hue_jitter: float = 0.04  # turns of the colour wheel, either way, for each surface
    period: float = 0.14  # length of a texture's period
    period_jitter: float = 0.25  # octaves, either way, for each surface
    smallest_radius: float = 0.15  # of an object
    largest_radius: float = 0.27
    light: float = 0.5  # strength of the random brightness, contrast and gradient of the light
    noise: float = 0.03  # half-width of the uniform noise on each value, 1 = full range
    video_speed: float = 0.03  # most that an object's centre moves between two frames

    def __post_init__(self) -> None:
        if not 2 <= self.classes <= len(SHAPES) * len(TEXTURES):
            raise ValueError(f"classes must be 2..{len(SHAPES) * len(TEXTURES)}, got {self.classes}")
        if self.image_size < 16:
            raise ValueError(f"image_size must be at least 16 pixels, got {self.image_size}")


@dataclass(frozen=True)
class ClassTable:
    """The own shape, texture, background texture and palette of each class: int64 [classes] and readable names."""

    shape: Int
    texture: Int
    background: Int
    palette: Int
    names: tuple[str, ...]


def class_table(classes: int) -> ClassTable:
    """Class c pairs shape c mod 8 with a texture shifted by one at every round; no pair comes twice.

    Neither the shape nor the texture alone tells the class; (texture, background) does where both are tied."""
    c = np.arange(classes)
    turn = c // len(SHAPES)
    shape, texture = c % len(SHAPES), (c + turn) % len(TEXTURES)
    shape_names, texture_names = tuple(SHAPES), tuple(TEXTURES)
    names = tuple(f"{texture_names[t]} {shape_names[s]}" for s, t in zip(shape, texture, strict=True))
    return ClassTable(
        shape, texture, (3 * c + 5 * turn + 1) % len(TEXTURES), 7 * c % len(PALETTES), names
    )


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
    """The factors of N scenes, S = 5 surfaces each: the background, then 4 object slots (the first `count` are used).

    Lengths and positions are fractions of the image side from the top-left corner, angles are radians.
    label, count, palette: int64 [N]; shape int64 [N, 4]; texture int64 [N, 5]; position float64 [N, 4, 2] (x, y);
    radius, angle float64 [N, 4]; depth int64 [N, 4], 0 nearest; period, grain_angle float64 [N, 5]; phase float64
    [N, 5, 2], the texture's origin (for an object relative to its centre); colours float64 [N, 5, 2, 3] RGB 0..1;
    light float64 [N, 4]: gain, contrast, gradient to the right, gradient downwards; grain_seed int64 [N].
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
    """The factors of the scenes at `indices` of a split; class = index mod classes, so that classes are balanced."""
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
    """Centres [N, 4, 2]: a lone object anywhere near the middle, several in different quarters of the image."""
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
    """The hue [N, 7] of each surface, numbered as in HUES: the fields show the palette's hues in any order, objects
    any of them."""
    role = np.concatenate([draws.order(FIELDS), draws.integers(FIELDS, OBJECTS)], axis=1)
    return np.take_along_axis(np.array(PALETTES)[palette], role, axis=1)


def _colours(draws: Draws, settings: SceneSettings, hue: Int) -> Float:
    """A dark and a light colour of one hue for each surface [N, 7, 2, 3]."""
    turns = hue / len(HUES) + settings.hue_jitter * draws.uniform(-1, 1, SURFACES)
    dark, light = draws.uniform(0.15, 0.4, SURFACES), draws.uniform(0.7, 1.0, SURFACES)
    value = np.stack([dark, light], axis=2)
    saturation = draws.uniform(0.45, 0.85, 2 * SURFACES).reshape(value.shape)
    return _rgb(turns[:, :, None], saturation, value)


def _rgb(hue: Float, saturation: Float, value: Float) -> Float:
    """Hue in turns, saturation and value in 0..1 to RGB in 0..1 on a new last axis."""
    sector = (hue[..., None] + np.array([0.0, 2 / 3, 1 / 3])) % 1.0 * 6
    ramp = np.clip(np.abs(sector - 3) - 1, 0, 1)
    rgb: Float = value[..., None] * (1 - saturation[..., None] * (1 - ramp))
    return rgb
