"""A video's masks from that of its first frame: label propagation (protocol "DAVIS-2017"; public DINO evaluation)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import torch
from torch import Tensor

from bits.evaluation.video.grid import mask_of, one_hot
from bits.evaluation.video.neighbours import Neighbours, carried, unit_patches


def carried_masks(
    features: Iterable[Tensor],
    first_HW: Tensor,
    objects: tuple[int, ...],
    network: tuple[int, int],
    how: Neighbours,
    previous: int,
) -> Tensor:
    """Masks uint8 [T, H, W] of all frames, with the objects' own numbers; the first is the one given, bit by bit.

    features: of each frame's patches, float32 [D, h, w], one frame after the other, on the device where the work is
    done. network: (height, width) in px of the frames that they were taken from. previous: how many frames before
    the one at hand lend their labels, besides the first. Labels are carried on as they are, never as masks.
    """
    frames = iter(features)
    first = unit_patches(next(frames))
    labels = one_hot(first_HW.to(first.device), objects, *first.shape[:2])
    context = [(first, labels)]
    recent: deque[tuple[Tensor, Tensor]] = deque(maxlen=previous)
    masks = [first_HW.to(torch.uint8).cpu()]
    height, width = first_HW.shape
    for features_Dhw in frames:
        patches, known = unit_patches(features_Dhw), [*context, *recent]
        vectors, channels = (torch.stack(parts) for parts in zip(*known, strict=True))
        found = carried(patches, vectors, channels, how)
        recent.append((patches, found))
        masks.append(mask_of(found, objects, network, (height, width)).cpu())
    return torch.stack(masks)
