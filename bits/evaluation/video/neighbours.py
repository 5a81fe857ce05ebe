"""Labels of a frame's patches from their nearest neighbours among the patches of earlier frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

STRIP = 6  # columns (or rows) of the grid whose patches look for neighbours at once; changes nothing but speed


@dataclass(frozen=True)
class Neighbours:
    """How labels are carried on. radius: a patch looks at those at most so many rows and columns away, of each earlier
    frame. top: how many of them it takes labels from, over all frames. temperature: of their weights,
    exp(cos / temperature)."""

    radius: int
    top: int
    temperature: float


def unit_patches(features_Dhw: Tensor) -> Tensor:
    """Features float32 [D, h, w] of a frame as unit vectors [h, w, D]; one of zeroes stays so."""
    return torch.nn.functional.normalize(features_Dhw.permute(1, 2, 0).float(), dim=2)


def carried(target_hwD: Tensor, contexts_ChwD: Tensor, labels_ChwK: Tensor, how: Neighbours) -> Tensor:
    """Labels float32 [h, w, K] of the target's patches: weighted means of those of the nearest context patches.

    target_hwD: unit vectors. contexts_ChwD, labels_ChwK: of C earlier frames. Patches as similar as the last of the
    `top` nearest count, too, as in the public code: with equal features no order of patches decides.
    """
    if target_hwD.shape[0] > target_hwD.shape[1]:  # strips run across the long side, where they cut most away
        target, contexts, labels = (part.transpose(-3, -2) for part in (target_hwD, contexts_ChwD, labels_ChwK))
        return carried(target, contexts, labels, how).transpose(0, 1)
    rows, columns, _ = target_hwD.shape
    parts = []
    # Columns first, so that the patches of a strip and of what it sees are contiguous.
    target, contexts, labels = (
        part.transpose(-3, -2).contiguous() for part in (target_hwD, contexts_ChwD, labels_ChwK)
    )
    for queries, seen in _strips(columns, how.radius):
        near = _near(queries, seen, rows, how.radius, target.device)
        parts.append(
            _strip(
                target[queries].flatten(0, 1), contexts[:, seen].flatten(1, 2), labels[:, seen].flatten(1, 2), near, how
            )
        )
    return torch.cat(parts).unflatten(0, (columns, rows)).transpose(0, 1)


def _strips(columns: int, radius: int) -> Iterator[tuple[slice, slice]]:
    """(columns of the strip, columns that it sees) from left to right."""
    for start in range(0, columns, STRIP):
        stop = min(start + STRIP, columns)
        yield slice(start, stop), slice(max(0, start - radius), min(columns, stop + radius))


def _near(queries: slice, seen: slice, rows: int, radius: int, device: torch.device) -> Tensor:
    """Whether a patch of the strip sees another one, bool [q, s], both column by column."""
    row = torch.arange(rows, device=device)
    across = torch.arange(seen.start, seen.stop, device=device)
    along = torch.arange(queries.start, queries.stop, device=device)
    beside = (along[:, None] - across).abs() <= radius
    level = (row[:, None] - row).abs() <= radius
    return (beside[:, None, :, None] & level[None, :, None]).flatten(2, 3).flatten(0, 1)


def _strip(target_qD: Tensor, contexts_CsD: Tensor, labels_CsK: Tensor, near_qs: Tensor, how: Neighbours) -> Tensor:
    """Labels [q, K] of a strip's patches."""
    cosines_Cqs = target_qD @ contexts_CsD.transpose(1, 2)
    cosines_Cqs.masked_fill_(~near_qs, -torch.inf)
    values_qn, places_qn = _nearest(cosines_Cqs, how.top + 1)
    top = min(how.top, values_qn.shape[1])
    weights = (values_qn[:, :top] / how.temperature).softmax(dim=1)
    found_qK = (weights[..., None] * labels_CsK.flatten(0, 1)[places_qn[:, :top]]).sum(dim=1)
    if values_qn.shape[1] > top:
        last = values_qn[:, top - 1]
        tied = torch.nonzero((values_qn[:, top] == last) & last.isfinite())[:, 0]
        if len(tied):
            found_qK[tied] = _with_ties(cosines_Cqs[:, tied], last[tied], labels_CsK, how.temperature)
    return found_qK


def _nearest(cosines_Cqs: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The largest cosines over all contexts, descending, [q, n], and their places among the C * s patches."""
    contexts, _, seen = cosines_Cqs.shape
    values, places = cosines_Cqs.topk(min(count, seen), dim=2)  # of each context, then of these: fewer to compare
    places = places + seen * torch.arange(contexts, device=places.device)[:, None, None]
    values, places = (part.transpose(0, 1).flatten(1, 2) for part in (values, places))
    values, chosen = values.topk(min(count, values.shape[1]), dim=1)
    return values, places.gather(1, chosen)


def _with_ties(cosines_Cts: Tensor, last_t: Tensor, labels_CsK: Tensor, temperature: float) -> Tensor:
    """Labels [t, K] from all patches that are at least as similar as the last one taken."""
    weights = (cosines_Cts / temperature).exp() * (cosines_Cts >= last_t[:, None])
    weights = weights / weights.sum(dim=(0, 2), keepdim=True)
    return (weights @ labels_CsK).sum(dim=0)
