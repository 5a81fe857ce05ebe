"""Image retrieval: rank a gallery for each query, score by average precision (protocol "Retrieval")."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from bits.evaluation.ranking.average_precision import AveragePrecision, Ties, average_precision
from bits.evaluation.ranking.relevance import Relevance, relevance
from bits.evaluation.ranking.similarity import EvaluationError, blocks, cosine_block, unit_rows

SimilarityBlock = Callable[[slice], Tensor]


def retrieval_map(
    query_QD: Tensor,
    gallery_GD: Tensor,
    query_labels: Tensor,
    gallery_labels: Tensor,
    *,
    cutoffs: Sequence[int] = (1000,),
    query_identities: Sequence[str] | None = None,
    gallery_identities: Sequence[str] | None = None,
    ties: Ties = "expected",
    chunk: int | None = None,
) -> dict[str, float | int]:
    """Exact mean average precision of cosine retrieval, as fractions.

    "map": over the whole ranking. "map_at_1000", for each cutoff: average precision divided by the relevant
    items inside the cutoff, as the authors' public code does; "map_at_1000_standard": divided by
    min(relevant, cutoff). "queries_without_relevant": how many queries have average precision 0 for that
    reason; they stay in the mean.
    Features of any floating type, L2-normalised here and compared in float32 or wider. Labels: int64 [N], or
    bool [N, K] where one shared label makes an item relevant. A gallery item with the identity of the query
    is left out of that query's ranking. ties: see average_precision. chunk: queries held at once, by memory
    when None. Raises EvaluationError (a ValueError) for NaN features and for sizes that don't belong
    together.
    """
    scores = retrieval_scores(
        *(query_QD, gallery_GD, query_labels, gallery_labels),
        cutoffs=cutoffs,
        query_identities=query_identities,
        gallery_identities=gallery_identities,
        ties=ties,
        chunk=chunk,
    )
    return mean_average_precision(scores)


def retrieval_scores(
    query_QD: Tensor,
    gallery_GD: Tensor,
    query_labels: Tensor,
    gallery_labels: Tensor,
    *,
    cutoffs: Sequence[int] = (),
    query_identities: Sequence[str] | None = None,
    gallery_identities: Sequence[str] | None = None,
    ties: Ties = "expected",
    chunk: int | None = None,
) -> AveragePrecision:
    """Each query's average precisions, float64 [Q] on the CPU; see retrieval_map."""
    query, gallery = _unit_sides(query_QD, gallery_GD)
    known = relevance(query_labels, gallery_labels, query_identities, gallery_identities, query.device)
    _check_sizes(query, gallery, known)
    return ranked(lambda rows: cosine_block(query[rows], gallery), known, cutoffs=cutoffs, ties=ties, chunk=chunk)


def ranked(
    similarity: SimilarityBlock,
    known: Relevance,
    *,
    cutoffs: Sequence[int] = (),
    ties: Ties = "expected",
    chunk: int | None = None,
) -> AveragePrecision:
    """Average precisions of all queries, on the CPU, for any similarity.

    similarity(rows) gives the floating block [q, G] of those queries, larger is nearer: minus the Hamming
    distance for codes. Only one block is held at a time.
    """
    queries, items = len(known.query_labels), len(known.gallery_labels)
    parts = []
    for rows in blocks(queries, items, chunk, known.query_labels.device):
        block, same = similarity(rows), known.same(rows)
        if same is not None:
            block = block.masked_fill(same, -torch.inf)
        parts.append(average_precision(block, known.relevant(rows), cutoffs=cutoffs, ties=ties))
    return AveragePrecision(
        whole=torch.cat([part.whole for part in parts]).cpu(),
        at_cutoff={k: torch.cat([part.at_cutoff[k] for part in parts]).cpu() for k in cutoffs},
        at_cutoff_standard={k: torch.cat([part.at_cutoff_standard[k] for part in parts]).cpu() for k in cutoffs},
        relevant=torch.cat([part.relevant for part in parts]).cpu(),
    )


def mean_average_precision(scores: AveragePrecision) -> dict[str, float | int]:
    """The means over all queries under the names of retrieval_map."""
    means: dict[str, float | int] = {name: _mean(precisions) for name, precisions in scores.named().items()}
    return means | {"queries_without_relevant": int((scores.relevant == 0).sum())}


def _mean(precisions: Tensor) -> float:
    """At most 1: rounding takes perfect rankings a few units in the last place above it."""
    return min(float(precisions.mean()), 1.0)


def _unit_sides(query_QD: Tensor, gallery_GD: Tensor) -> tuple[Tensor, Tensor]:
    query, gallery = unit_rows(query_QD, "retrieval queries"), unit_rows(gallery_GD, "retrieval gallery")
    if query.shape[1] != gallery.shape[1]:
        raise EvaluationError(f"retrieval: {query.shape[1]} query dimensions but {gallery.shape[1]} gallery dimensions")
    return query, gallery


def _check_sizes(query: Tensor, gallery: Tensor, known: Relevance) -> None:
    for name, features, labels in (
        ("query", query, known.query_labels),
        ("gallery", gallery, known.gallery_labels),
    ):
        if len(features) != len(labels):
            raise EvaluationError(f"retrieval: {len(features)} {name} features but {len(labels)} {name} labels")
