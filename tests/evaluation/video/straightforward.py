"""Propagation and scores written as their definitions read, for comparison."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import binary_dilation
from torch import Tensor

from bits.evaluation.video.neighbours import Neighbours

Mask = npt.NDArray[np.bool_]


def dense_labels(target_hwD: Tensor, contexts_ChwD: Tensor, labels_ChwK: Tensor, how: Neighbours) -> Tensor:
    """See `neighbours.carried`: all affinities at once, those out of reach set to 0."""
    h, w, d = target_hwD.shape
    place = torch.cartesian_prod(torch.arange(h), torch.arange(w))
    near = ((place[:, None] - place[None]).abs() <= how.radius).all(dim=2)
    affinity = (
        torch.einsum("qd,csd->csq", target_hwD.reshape(-1, d), contexts_ChwD.flatten(1, 2)) / how.temperature
    ).exp()
    affinity = (affinity * near).flatten(0, 1)
    least = affinity.topk(min(how.top, len(affinity)), dim=0).values[-1]
    affinity[affinity < least] = 0
    affinity = affinity / affinity.sum(dim=0)
    return (affinity.T @ labels_ChwK.flatten(0, 2)).reshape(h, w, -1)


def outline(mask: Mask) -> Mask:
    """Pixels that differ from a neighbour to the right, below or both, pixel by pixel."""
    height, width = mask.shape
    found = np.zeros_like(mask)
    for y in range(height):
        for x in range(width):
            for below, right in ((0, 1), (1, 0), (1, 1)):
                if y + below < height and x + right < width:
                    found[y, x] |= mask[y, x] != mask[y + below, x + right]
    return found


def contour_score(found: Mask, true: Mask, bound: float = 0.008) -> float:
    """F by growing each outline by a disk."""
    reach = math.ceil(bound * math.hypot(*found.shape))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disk = x**2 + y**2 <= reach**2
    lines = [outline(mask) for mask in (found, true)]
    wide = [binary_dilation(line, disk) for line in lines]
    hits = [(lines[0] & wide[1]).sum(), (lines[1] & wide[0]).sum()]
    if not lines[0].any() or not lines[1].any():
        return float(lines[0].any() == lines[1].any())
    precision, recall = (hit / line.sum() for hit, line in zip(hits, lines, strict=True))
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0
