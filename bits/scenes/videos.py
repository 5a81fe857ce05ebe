"""Short videos of procedural scenes: the same factors, moving smoothly from frame to frame."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import numpy.typing as npt

from bits.scenes.factors import Draws, Float, SceneFactors, draw_factors
from bits.scenes.render import render
from bits.scenes.settings import OBJECTS, SceneSettings

DRIFT = 0.01  # most that the background moves between two frames along an axis, a fraction of the image side
SPIN = 0.08  # most that an object turns between two frames, radians
BREATH = 0.15  # most that an object's radius grows or shrinks over the video, a share of itself


def render_videos(
    settings: SceneSettings, start: int, count: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Frames uint8 [count, T, H, W, 3] and masks uint8 [count, T, H, W] of the videos from `start` on.

    An object keeps its number 1..4 through the video; where objects cross, the nearer one covers the other.
    """
    size, length = settings.image_size, settings.video_frames
    frames = np.empty((count, length, size, size, 3), dtype=np.uint8)
    masks = np.empty((count, length, size, size), dtype=np.uint8)
    for video in range(count):
        frames[video], masks[video] = render(video_factors(settings, start + video), size, settings.noise)
    return frames, masks


def video_factors(settings: SceneSettings, index: int) -> SceneFactors:
    """The factors of one video, a row for each frame."""
    still = draw_factors(settings, "video", np.array([index]))
    time = np.arange(settings.video_frames)
    scene = SceneFactors(*(np.repeat(getattr(still, f.name), len(time), axis=0) for f in fields(still)))
    draws = Draws(settings.seed, "motion", np.array([index]))
    drift = time[:, None] * draws.uniform(-DRIFT, DRIFT, 2)
    phase = scene.phase.copy()
    phase[:, :-OBJECTS] += drift[:, None]
    breath = 1 + BREATH * draws.uniform(-1, 1, OBJECTS) * (time / max(len(time) - 1, 1))[:, None]
    return replace(
        scene,
        site=scene.site + drift[:, None],
        phase=phase,
        position=scene.position + _path(draws, settings.video_speed, time),
        angle=scene.angle + time[:, None] * draws.uniform(-SPIN, SPIN, OBJECTS),
        radius=scene.radius * breath,
        grain_seed=scene.grain_seed + time,
    )


def _path(draws: Draws, speed: float, time: npt.NDArray[np.int64]) -> Float:
    """Displacements [T, 4, 2] from the first frame: a sine along each axis, never over `speed` a frame."""
    reach, start = draws.uniform(0.1, 0.25, 2 * OBJECTS), draws.uniform(0, 1, 2 * OBJECTS)
    # reach * sin(rate * t) moves by at most reach * rate a frame; both axes together by sqrt(2) of that.
    rate = speed * draws.uniform(0.5, 1, 2 * OBJECTS) / (np.sqrt(2) * reach)
    waves = np.sin(rate * time[:, None] + 2 * np.pi * start) - np.sin(2 * np.pi * start)
    return (reach * waves).reshape(len(time), OBJECTS, 2)
