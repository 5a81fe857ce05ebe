"""Expected precision over the random order of tied items, in closed form (McSherry and Najork, ECIR 2008).

The i-th of n tied items stands at rank N + i. It is relevant with probability r / n, and then
R + 1 + (i - 1) c relevant items are expected up to it, with c = (r - 1) / (n - 1). The sum over i of its
precision, (R + 1 + (i - 1) c) / (N + i) = c + (R + 1 - c (N + 1)) / (N + i), needs only harmonic numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class RankCounts:
    """For the W relevant items of Q queries, int64 [Q, W] each; `valid` (bool) is false in padding.

    nearer, relevant_nearer: the N items and R relevant items strictly nearer than this one.
    equal, relevant_equal: the n items and r relevant items equally near, this one included.
    """

    nearer: Tensor
    equal: Tensor
    relevant_nearer: Tensor
    relevant_equal: Tensor
    valid: Tensor

    def at(self, rows: Tensor, items: Tensor) -> RankCounts:
        """One item of each of the rows, [q, 1]."""
        fields = (self.nearer, self.equal, self.relevant_nearer, self.relevant_equal, self.valid)
        return RankCounts(*(field[rows, items][:, None] for field in fields))


def harmonic_numbers(n: int, device: torch.device) -> Tensor:
    """H(0) = 0, H(1) = 1, ..., H(n), float64 [n + 1]."""
    steps = 1 / torch.arange(1, n + 1, dtype=torch.float64, device=device)
    return torch.cat([steps.new_zeros(1), steps.cumsum(dim=0)])


def precision_sum(counts: RankCounts, harmonic: Tensor, cutoff: int | None) -> Tensor:
    """The expected sum of precisions at the relevant items within the first `cutoff` ranks, float64 [Q]."""
    return (_item_precision(counts, harmonic, cutoff) * counts.valid).sum(dim=1)


def precision_of_groups(
    nearer: Tensor, equal: Tensor, relevant_nearer: Tensor, relevant_equal: Tensor, harmonic: Tensor
) -> Tensor:
    """`precision_sum` over whole rankings from counts of groups of tied items, float64 [Q].

    All int64 [Q, groups], as the fields of RankCounts, but of the group as a whole; groups may be empty.
    """
    counts = RankCounts(nearer, equal, relevant_nearer, relevant_equal, valid=relevant_equal > 0)
    return (_item_precision(counts, harmonic, None) * relevant_equal).sum(dim=1)


def mean_at_cutoff(counts: RankCounts, harmonic: Tensor, cutoff: int) -> Tensor:
    """The expected mean precision over the relevant items within the first `cutoff` ranks, float64 [Q].

    The number of relevant items inside is itself random where the cutoff parts a tied group: hypergeometric.
    """
    ends = counts.nearer + counts.equal
    whole_group = counts.valid & (ends <= cutoff)
    parted = counts.valid & (counts.nearer < cutoff) & (ends > cutoff)
    total = (_item_precision(counts, harmonic, None) * whole_group).sum(dim=1)
    result = total / whole_group.sum(dim=1).clamp(min=1)
    rows = parted.any(dim=1).nonzero()[:, 0]
    if len(rows):
        first = parted[rows].int().argmax(dim=1)
        result[rows] = _mean_with_parted_group(total[rows], counts.at(rows, first), harmonic, cutoff)
    return result


def _item_precision(counts: RankCounts, harmonic: Tensor, cutoff: int | None) -> Tensor:
    """Each relevant item's expected precision, counted as 0 where it falls behind the cutoff."""
    inside = counts.equal if cutoff is None else (cutoff - counts.nearer).clamp(min=0).minimum(counts.equal)
    slope = (counts.relevant_equal - 1).double() / (counts.equal - 1).clamp(min=1)
    rest = counts.relevant_nearer + 1 - slope * (counts.nearer + 1)
    rise = harmonic[counts.nearer + inside] - harmonic[counts.nearer]
    return (slope * inside + rest * rise) / counts.equal.clamp(min=1)


def _mean_with_parted_group(total_q: Tensor, group: RankCounts, harmonic: Tensor, cutoff: int) -> Tensor:
    """Mean over x, the relevant items of the parted group that come inside; `group` fields are [q, 1]."""
    room = cutoff - group.nearer
    most = int(group.relevant_equal.minimum(room).max())
    x = torch.arange(most + 1, dtype=torch.float64, device=total_q.device)
    # Given x, the `room` ranks are again a tied group, with x relevant items.
    slope = (x - 1) / (room - 1).clamp(min=1)
    rise = harmonic[group.nearer + room] - harmonic[group.nearer]
    rest = group.relevant_nearer + 1 - slope * (group.nearer + 1)
    inside = x / room * (slope * room + rest * rise)
    mean = (total_q[:, None] + inside) / (group.relevant_nearer + x).clamp(min=1)
    chance = _hypergeometric(x, group.equal.double(), group.relevant_equal.double(), room.double())
    return (chance * mean).sum(dim=1)


def _hypergeometric(x: Tensor, items: Tensor, marked: Tensor, drawn: Tensor) -> Tensor:
    """P(x of the `drawn` out of `items` are among the `marked`), 0 where impossible."""
    possible = (x <= marked) & (x <= drawn) & (drawn - x <= items - marked)
    log_p = _log_choose(marked, x) + _log_choose(items - marked, drawn - x) - _log_choose(items, drawn)
    return torch.where(possible, log_p.exp(), 0.0)


def _log_choose(n: Tensor, k: Tensor) -> Tensor:
    """log of n over k; meaningless but finite or NaN where k is outside 0..n, which the caller masks."""
    return torch.lgamma(n + 1) - torch.lgamma(k + 1) - torch.lgamma(n - k + 1)
