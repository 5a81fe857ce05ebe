"""The settings of procedural scenes. Never imports numpy: planning reads them."""

from __future__ import annotations

from dataclasses import dataclass

GENERATOR_VERSION = "1"  # changes whenever a scene of given settings would get other bytes
MOST_CLASSES = 64  # every shape in every texture

FIELDS = 6  # parts of the background: surfaces 0 to 5
OBJECTS = 4  # object slots: surfaces 6 to 9
SURFACES = FIELDS + OBJECTS


@dataclass(frozen=True)
class SceneSettings:
    """How many scenes, how large, and how hard.

    The counts (train, val, videos, video_frames) don't change the pixels of a scene that is there anyway.
    Probabilities are in 0..1, lengths are fractions of the image side. Raises ValueError naming the field.
    """

    image_size: int = 48  # pixels, square
    classes: int = 20  # 2 to 64, see `classes.class_table`
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
    light: float = 0.6  # strength of the random brightness, contrast and gradient of the light
    noise: float = 0.03  # half-width of the uniform noise on each value, 1 = full range
    video_speed: float = 0.03  # most that an object's centre moves between two frames

    def __post_init__(self) -> None:
        limits = {"classes": (2, MOST_CLASSES), "image_size": (16, 1024), "seed": (0, 1 << 63)}
        limits |= dict.fromkeys(("train", "val", "video_frames"), (1, 1 << 31)) | {"videos": (0, 1 << 31)}
        limits |= dict.fromkeys(("distractor", "background_tie", "palette_tie", "light", "noise"), (0, 1))
        for name, (low, high) in limits.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"scenes: {name} = {getattr(self, name)}, expected {low} to {high}")
        if not (self.period > 0 and 0 < self.smallest_radius <= self.largest_radius):
            raise ValueError("scenes: period and smallest_radius must be above 0, largest_radius not below it")
