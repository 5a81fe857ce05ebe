"""Exact average precision over whole rankings, with ties resolved in expectation or by position.

Average precision is the mean, over the relevant items of a query, of the precision at each item's rank. With
tied similarities the rank is random; its expectation has a closed form that needs only four counts for a
relevant item (McSherry and Najork, ECIR 2008): N items and R relevant ones strictly nearer, and n items and
r relevant ones, itself included, equally near. The counts come from one sort of the values, so no item is
ever moved along with its value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from bits.evaluation.ranking.expected_precision import RankCounts, harmonic_numbers, mean_at_cutoff, precision_sum
from bits.evaluation.ranking.similarity import EvaluationError

Ties = Literal["expected", "stable"]


@dataclass(frozen=True)
class AveragePrecision:
    """Average precisions of Q queries, float64 [Q] in [0, 1]; 0 for a query without a relevant item.

    whole: over the whole ranking. at_cutoff[k]: divided by the relevant items among the first k, as the
    authors' public retrieval code does. at_cutoff_standard[k]: divided by min(relevant items, k).
    relevant: int64 [Q], the number of relevant items.
    """

    whole: Tensor
    at_cutoff: dict[int, Tensor]
    at_cutoff_standard: dict[int, Tensor]
    relevant: Tensor

    def named(self) -> dict[str, Tensor]:
        """The precisions under the names of retrieval_map."""
        found = {"map": self.whole}
        for cutoff in self.at_cutoff:
            found[f"map_at_{cutoff}"] = self.at_cutoff[cutoff]
            found[f"map_at_{cutoff}_standard"] = self.at_cutoff_standard[cutoff]
        return found


def average_precision(
    similarity_QG: Tensor, relevant_QG: Tensor, *, cutoffs: Sequence[int] = (), ties: Ties = "expected"
) -> AveragePrecision:
    """Average precision of each row's ranking by falling similarity; give minus the distance for distances.

    similarity_QG: floating; -inf leaves an item out of the ranking. relevant_QG: bool.
    ties: "expected" is the mean over all orders of equally similar items, "stable" takes them by column.
    Raises EvaluationError for NaN, a relevant item at -inf, shapes that differ, a cutoff below 1.
    """
    _check(similarity_QG, relevant_QG, cutoffs, ties)
    if ties == "stable":
        return _stable(similarity_QG, relevant_QG, cutoffs)
    counts = _rank_counts(similarity_QG, relevant_QG)
    harmonic = harmonic_numbers(similarity_QG.shape[1], similarity_QG.device)
    relevant = counts.valid.sum(dim=1)
    standard, inside = {}, {}
    for cutoff in cutoffs:
        standard[cutoff] = precision_sum(counts, harmonic, cutoff) / relevant.clamp(1, cutoff)
        inside[cutoff] = mean_at_cutoff(counts, harmonic, cutoff)
    whole = precision_sum(counts, harmonic, None) / relevant.clamp(min=1)
    return AveragePrecision(whole, inside, standard, relevant)


def _rank_counts(similarity_QG: Tensor, relevant_QG: Tensor) -> RankCounts:
    ascending = _ascending(similarity_QG)
    _refuse_nan(ascending[:, -1])
    own = _relevant_values(similarity_QG, relevant_QG)
    nearer, equal = _counts_nearer(ascending, own)
    relevant_nearer, relevant_equal = _counts_nearer(_ascending(own), own)
    return RankCounts(nearer, equal, relevant_nearer, relevant_equal, valid=own > -torch.inf)


def _relevant_values(similarity_QG: Tensor, relevant_QG: Tensor) -> Tensor:
    """The similarities of each row's relevant items, [Q, most relevant items of a row], filled with -inf."""
    rows, columns = relevant_QG.nonzero(as_tuple=True)
    found = similarity_QG[rows, columns]
    _refuse_left_out(found)
    per_row = torch.bincount(rows, minlength=len(relevant_QG))
    first = per_row.cumsum(dim=0) - per_row
    slot = torch.arange(len(rows), device=rows.device) - first[rows]
    values = similarity_QG.new_full((len(per_row), int(per_row.max())), -torch.inf)
    values[rows, slot] = found
    return values


def _counts_nearer(ascending_QG: Tensor, values_QW: Tensor) -> tuple[Tensor, Tensor]:
    """For each value: how many entries of its row are above it, and how many are equal."""
    up_to = torch.searchsorted(ascending_QG, values_QW, right=True)
    below = torch.searchsorted(ascending_QG, values_QW)
    return ascending_QG.shape[1] - up_to, up_to - below


def _ascending(values: Tensor) -> Tensor:
    if values.device.type != "cpu":
        return values.sort(dim=1).values
    # torch sorts an index along; NumPy's vectorised sort of the values alone is some 20 times faster.
    return torch.from_numpy(np.sort(values.detach().numpy(), axis=1))


def _stable(similarity_QG: Tensor, relevant_QG: Tensor, cutoffs: Sequence[int]) -> AveragePrecision:
    ranking = similarity_QG.sort(dim=1, descending=True, stable=True)
    _refuse_nan(ranking.values[:, 0])
    _refuse_left_out(similarity_QG[relevant_QG])
    hit = relevant_QG.gather(1, ranking.indices)
    found = hit.cumsum(dim=1)
    rank = torch.arange(1, hit.shape[1] + 1, device=hit.device)
    total = (found.double() / rank * hit).cumsum(dim=1)
    relevant = found[:, -1]
    inside, standard = {}, {}
    for cutoff in cutoffs:
        last = min(cutoff, hit.shape[1]) - 1
        inside[cutoff] = total[:, last] / found[:, last].clamp(min=1)
        standard[cutoff] = total[:, last] / relevant.clamp(1, cutoff)
    return AveragePrecision(total[:, -1] / relevant.clamp(min=1), inside, standard, relevant)


def _refuse_nan(largest_Q: Tensor) -> None:
    """largest_Q: the end of each sorted row where sorting puts NaN."""
    if largest_Q.isnan().any():
        raise EvaluationError("average precision: similarities hold NaN, so they rank nothing")


def _refuse_left_out(relevant_values: Tensor) -> None:
    if (relevant_values == -torch.inf).any():
        raise EvaluationError("average precision: an item at -inf is left out and cannot be relevant")


def _check(similarity_QG: Tensor, relevant_QG: Tensor, cutoffs: Sequence[int], ties: str) -> None:
    shape = tuple(similarity_QG.shape)
    if similarity_QG.ndim != 2 or 0 in shape or relevant_QG.shape != shape or relevant_QG.dtype != torch.bool:
        raise EvaluationError(
            "average precision: expected similarity [Q, G] and bool relevance of the same shape, "
            f"got {shape} and {relevant_QG.dtype} {tuple(relevant_QG.shape)}"
        )
    if any(cutoff < 1 for cutoff in cutoffs):
        raise EvaluationError(f"average precision: cutoffs must be >= 1, got {tuple(cutoffs)}")
    if ties not in ("expected", "stable"):
        raise EvaluationError(f'average precision: ties is {ties!r}, expected "expected" or "stable"')
