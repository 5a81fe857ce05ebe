"""Boundaries of masks, and how much of one lies near another: precision and recall of the boundary measure F."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Points = npt.NDArray[np.int64]


def boundary(mask_HW: Mask) -> Points:
    """Rows and columns, int64 [n, 2], of the pixels that differ from their right, lower or lower right neighbour.

    In the last row and column only the neighbour within the image counts, and the last pixel is never one: the
    definition of the Berkeley segmentation benchmark, which the official evaluation of DAVIS uses.
    """
    differs = np.zeros(mask_HW.shape, dtype=bool)
    differs[:, :-1] |= mask_HW[:, :-1] != mask_HW[:, 1:]
    differs[:-1] |= mask_HW[:-1] != mask_HW[1:]
    differs[:-1, :-1] |= mask_HW[:-1, :-1] != mask_HW[1:, 1:]
    return np.argwhere(differs)


def tolerance(height: int, width: int, share: float) -> int:
    """Px within which boundaries match: a share of the image's diagonal, rounded up (8 at 480 x 854 and 0.008)."""
    return math.ceil(share * math.hypot(height, width))


def near(points: Points, others: Points, reach: int) -> int:
    """How many of the points have one of `others` within `reach` px, by Euclidean distance."""
    if not len(points) or not len(others):
        return 0
    from scipy.spatial import cKDTree  # takes a third of a second to import

    # Distances of whole pixels: the next one above `reach` is its square plus one, far beyond rounding.
    distances, _ = cKDTree(others).query(points, distance_upper_bound=reach + 1e-6)
    return int(np.isfinite(distances).sum())
