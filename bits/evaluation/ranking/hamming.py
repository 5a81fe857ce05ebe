"""Retrieval with binary codes, ties in expectation: by Hamming distance, or by a query's probabilities (asymmetric)."""

from __future__ import annotations

import torch
from torch import Tensor

from bits.evaluation.ranking.average_precision import AveragePrecision
from bits.evaluation.ranking.cosine import ranked
from bits.evaluation.ranking.expected_precision import harmonic_numbers, precision_of_groups
from bits.evaluation.ranking.relevance import Relevance
from bits.evaluation.ranking.similarity import EvaluationError, blocks, cosine_block, full_precision

EXACT = 2**23  # below it, whole numbers and their halves are exact in float32


def hamming_scores(
    query_QB: Tensor, gallery_GB: Tensor, known: Relevance, chunk: int | None = None
) -> AveragePrecision:
    """Each query's average precision over the whole ranking by Hamming distance, float64 [Q] on the CPU.

    Items at equal distance are in random order, and the expectation has a closed form that needs only how many items,
    and how many relevant ones, there are at each of the B + 1 distances: nothing is sorted. Codes: bool [N, B >= 1].
    known: on their device. chunk: queries held at once, by memory when None. Raises EvaluationError.
    """
    _check(query_QB, gallery_GB, known)
    query, gallery = (codes.float() * 2 - 1 for codes in (query_QB, gallery_GB))
    bits, items = query.shape[1], len(gallery)
    harmonic = harmonic_numbers(items, query.device)
    parts = []
    for rows in blocks(len(query), max(items, bits), chunk, query.device):
        for few in blocks(rows.stop - rows.start, 1, max(EXACT // (bits + 1), 1), query.device):
            some = slice(rows.start + few.start, rows.start + few.stop)
            parts.append(_expected(_places(query[some], gallery), known, some, bits, harmonic))
    whole, relevant = (torch.cat(part).cpu() for part in zip(*parts, strict=True))
    return AveragePrecision(whole, {}, {}, relevant)


def _places(query_qB: Tensor, gallery_GB: Tensor) -> Tensor:
    """int32 [q, G]: the distance of every item, plus (B + 1) times the query's position in the block."""
    queries, bits = query_qB.shape
    first = torch.arange(queries, device=query_qB.device)[:, None] * (bits + 1) + bits / 2
    # The product of codes of -1 and 1 is B - 2 d; all of it is exact, because no place reaches EXACT.
    with full_precision(), torch.autocast(query_qB.device.type, enabled=False):
        return torch.addmm(first, query_qB, gallery_GB.T, alpha=-0.5).int()


def asymmetric_scores(
    query_logits_QB: Tensor, gallery_GB: Tensor, known: Relevance, chunk: int | None = None
) -> AveragePrecision:
    """Likewise by the L1 distance between the sigmoid of a query's logits and an item's bits (protocol "Retrieval").

    query_logits_QB: floating. The gallery sends its bits alone; a query knows how sure it is of each of its own.
    """
    _check(query_logits_QB, gallery_GB, known)
    # sum |p - b| is sum p + b (1 - 2 p): the first part is the same for all items of a query.
    weights, gallery = query_logits_QB.double().sigmoid() * 2 - 1, gallery_GB.double()
    return ranked(lambda rows: cosine_block(weights[rows], gallery), known, chunk=chunk)


def _expected(place_qG: Tensor, known: Relevance, rows: slice, bits: int, harmonic: Tensor) -> tuple[Tensor, Tensor]:
    """(expected average precision, number of relevant items) of a block of queries."""
    queries = len(place_qG)
    equal = _counted(place_qG, queries, bits)
    same = known.same(rows)
    if same is not None:
        equal = equal - _counted(place_qG[same], queries, bits)
    relevant = _counted(place_qG[known.relevant(rows)], queries, bits)
    nearer, relevant_nearer = (counts.cumsum(dim=1) - counts for counts in (equal, relevant))
    total = relevant.sum(dim=1)
    precision = precision_of_groups(nearer, equal, relevant_nearer, relevant, harmonic)
    return precision / total.clamp(min=1), total


def _counted(places: Tensor, queries: int, bits: int) -> Tensor:
    """int64 [q, B + 1]: how many items of each query are at each distance."""
    return torch.bincount(places.reshape(-1), minlength=queries * (bits + 1)).view(queries, bits + 1)


def _check(query: Tensor, gallery: Tensor, known: Relevance) -> None:
    sides = (("query", query, known.query_labels), ("gallery", gallery, known.gallery_labels))
    for name, codes, labels in sides:
        if codes.ndim != 2 or 0 in codes.shape or len(codes) != len(labels):
            said = f"got {tuple(codes.shape)} and {len(labels)} labels"
            raise EvaluationError(f"codes: expected {name} codes [N, B] with N labels, {said}")
    if gallery.dtype != torch.bool or query.dtype not in (torch.bool, torch.float32, torch.float64):
        raise EvaluationError(f"codes: expected bool (or a query's logits), got {query.dtype} and {gallery.dtype}")
    if query.shape[1] != gallery.shape[1]:
        raise EvaluationError(f"codes: {query.shape[1]} bits of a query but {gallery.shape[1]} of the gallery")
    if query.dtype != torch.bool and not bool(query.isfinite().all()):
        raise EvaluationError("codes: a query's logits hold NaN or infinity; the model that made them has diverged")
