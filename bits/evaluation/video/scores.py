"""Region similarity J and boundary accuracy F of masks (DAVIS-2017's official evaluation)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bits.evaluation.video.boundaries import Mask, boundary, near, tolerance

Indices = npt.NDArray[np.uint8]
LEFT_OUT = 1  # frames at either end that are not scored: the first one is given, the last one by convention
BOUND = 0.008  # of the diagonal: how far a boundary may be off


@dataclass(frozen=True)
class VideoScores:
    """J and F of every object in every frame. objects: their numbers. j, f: float64 [T, K], in [0, 1]."""

    objects: tuple[int, ...]
    j: npt.NDArray[np.float64]
    f: npt.NDArray[np.float64]

    @property
    def means(self) -> tuple[list[float], list[float]]:
        """J and F of each object, averaged over all frames but the first and the last; none of two frames or fewer."""
        scored = slice(LEFT_OUT, len(self.j) - LEFT_OUT)
        if len(self.j) <= 2 * LEFT_OUT:
            return [], []
        return self.j[scored].mean(axis=0).tolist(), self.f[scored].mean(axis=0).tolist()


def region(found_HW: Mask, true_HW: Mask) -> float:
    """J: intersection over union; 1 where both masks are empty."""
    union = np.count_nonzero(found_HW | true_HW)
    return np.count_nonzero(found_HW & true_HW) / union if union else 1.0


def contour(found_HW: Mask, true_HW: Mask, bound: float = BOUND) -> float:
    """F: harmonic mean of the share of the found boundary near the true one, and of the true one near the found one.

    A mask without a boundary has precision (recall) 1, where the other one has a boundary recall (precision) is 0;
    1 where neither has one. bound: a share of the diagonal.
    """
    found, true = boundary(found_HW), boundary(true_HW)
    if not len(found) or not len(true):
        return float(len(found) == len(true))
    height, width = found_HW.shape
    reach = tolerance(height, width, bound)
    precision, recall = near(found, true, reach) / len(found), near(true, found, reach) / len(true)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def objects_of(mask_HW: Indices) -> tuple[int, ...]:
    """The numbers of the objects of a mask, ascending, without the background."""
    return tuple(int(number) for number in np.unique(mask_HW) if number)


def video_scores(found_THW: Indices, true_THW: Indices, objects: Iterable[int], bound: float = BOUND) -> VideoScores:
    """Of masks uint8 [T, H, W] that give each pixel its object's number; void must be background already.

    objects: their numbers, usually those of the first frame: an object that appears later cannot be carried on and is
    background, as in the official evaluation. Raises ValueError where the masks differ in shape.
    """
    if found_THW.shape != true_THW.shape:
        raise ValueError(f"masks of shape {found_THW.shape} are scored against {true_THW.shape}; expected the same")
    numbers = tuple(objects)
    j, f = (np.empty((len(true_THW), len(numbers))) for _ in range(2))
    for t, (found_HW, true_HW) in enumerate(zip(found_THW, true_THW, strict=True)):
        for k, number in enumerate(numbers):
            found, true = found_HW == number, true_HW == number
            j[t, k], f[t, k] = region(found, true), contour(found, true, bound)
    return VideoScores(numbers, j, f)
