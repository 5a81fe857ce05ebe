"""A seeded split of one set into queries and gallery (protocol "Retrieval": 5 + 45 per class, or 5,000 in all).

Queries are the images with the smallest sha256("{seed}:{identity}"), so that the order of the files changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256

import torch
from torch import Tensor

from bits.evaluation.ranking.similarity import EvaluationError


def split_query_gallery(
    labels: Tensor, identities: Sequence[str], queries_per_class: int, seed: int
) -> tuple[Tensor, Tensor]:
    """(query index, gallery index), int64, both ascending and together every item once.

    Of each class `queries_per_class` items are queries; other classes do not change which.
    labels: int64 [N]. Raises EvaluationError for repeated identities, or a class that would leave no gallery.
    """
    if labels.shape != (len(identities),):
        raise EvaluationError(f"{len(identities)} identities for labels of shape {tuple(labels.shape)}")
    if queries_per_class < 1:
        raise EvaluationError(f"queries_per_class must be >= 1, got {queries_per_class}")
    _refuse_repeated(identities)
    members: dict[int, list[int]] = {}
    for index, label in enumerate(labels.tolist()):
        members.setdefault(label, []).append(index)
    is_query = torch.zeros(len(identities), dtype=torch.bool)
    for label, indices in members.items():
        if len(indices) <= queries_per_class:
            raise EvaluationError(
                f"class {label} has {len(indices)} images, so {queries_per_class} queries leave it no "
                "gallery. Ask for fewer queries per class."
            )
        is_query[_drawn(indices, identities, queries_per_class, seed)] = True
    return _parted(is_query)


def draw_queries(identities: Sequence[str], queries: int, seed: int) -> tuple[Tensor, Tensor]:
    """(query index, gallery index), as `split_query_gallery`, with `queries` of all items whatever their labels.

    Raises EvaluationError for repeated identities, or too few items to leave a gallery.
    """
    if not 1 <= queries < len(identities):
        raise EvaluationError(f"{len(identities)} images are too few for {queries} queries and a gallery")
    _refuse_repeated(identities)
    is_query = torch.zeros(len(identities), dtype=torch.bool)
    is_query[_drawn(range(len(identities)), identities, queries, seed)] = True
    return _parted(is_query)


def _drawn(indices: Sequence[int], identities: Sequence[str], count: int, seed: int) -> list[int]:
    return sorted(indices, key=lambda index: sha256(f"{seed}:{identities[index]}".encode()).digest())[:count]


def _parted(is_query: Tensor) -> tuple[Tensor, Tensor]:
    return is_query.nonzero()[:, 0], (~is_query).nonzero()[:, 0]


def _refuse_repeated(identities: Sequence[str]) -> None:
    repeated = [identity for identity, count in Counter(identities).items() if count > 1]
    if repeated:
        raise EvaluationError(f"{len(repeated)} identities occur more than once, the first is {repeated[0]!r}")
