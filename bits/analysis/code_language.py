"""Entropies of codes and what their bits have in common, as named numbers with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bits.analysis import entropy
from bits.analysis.entropy import Codes as Bits
from bits.analysis.entropy import Weights
from bits.evaluation.intervals import Estimate

if TYPE_CHECKING:
    from torch import Tensor

    from bits.analysis.codes import Codes


def language(codes_NB: Tensor, settings: Codes, briefly: bool = False) -> dict[str, Any]:
    """See the metrics of `codes`. codes_NB: bool. briefly: entropies alone, without intervals.

    A code of fewer than eight bits has no block, and a single bit shares nothing: null, which is shown as such.
    """
    bits = codes_NB.cpu().numpy()
    has_blocks, has_pairs = bits.shape[1] >= entropy.BLOCK, bits.shape[1] > 1
    if briefly:
        return {
            "marginal_entropy": float(entropy.marginal_entropies(bits).mean()),
            "block_entropy": float(entropy.block_entropies(bits).mean()) if has_blocks else None,
        }

    def marginal(some: Bits, weights: Weights | None) -> float:
        return float(entropy.marginal_entropies(some, weights).mean())

    def blocks(some: Bits, weights: Weights | None) -> float:
        return float(entropy.block_entropies(some, weights).mean())

    def corrected(some: Bits, weights: Weights | None) -> float:
        return float(entropy.block_entropies(some, weights, corrected=True).mean())

    def mutual(some: Bits, weights: Weights | None) -> float:
        return float(entropy.pairs(entropy.mutual_information(some, weights)).mean())

    def correlation(some: Bits, weights: Weights | None) -> float:
        return float(entropy.total_correlation(some, settings.blocks, settings.seed, weights).mean())

    shuffled = entropy.shuffled(bits, settings.seed)
    return {
        "code_length": bits.shape[1],
        "marginal_entropy": _estimate(bits, marginal),
        "block_entropy": _estimate(bits, blocks) if has_blocks else None,
        "block_entropy_corrected": _estimate(bits, corrected) if has_blocks else None,
        "mutual_information": _estimate(bits, mutual) if has_pairs else None,
        "mutual_information_shuffled": mutual(shuffled, None) if has_pairs else None,
        "total_correlation": _estimate(bits, correlation) if has_pairs else None,
        "total_correlation_shuffled": correlation(shuffled, None) if has_pairs else None,
    }


def _estimate(bits: Bits, statistic: Any) -> Estimate:
    low, high = entropy.interval(bits, statistic)
    return Estimate(statistic(bits, None), len(bits), low, high)


def chosen_bits(bits: Bits, count: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The positions of `count` bits, in order, each next one with the most entropy less what it shares with those
    that were chosen before (their mean mutual information); of equals the first."""
    shared = entropy.mutual_information(bits)
    own = np.diagonal(shared)
    chosen: list[int] = []
    common = np.zeros(len(own))
    for _ in range(count):
        worth = own - common / max(len(chosen), 1)
        worth[chosen] = -np.inf
        chosen.append(int(worth.argmax()))
        common += shared[chosen[-1]]
    return np.array(chosen)
