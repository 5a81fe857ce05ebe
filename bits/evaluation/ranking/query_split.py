"""A seeded split of one labelled set into queries and gallery (protocol "Retrieval": 5 + 45 per class)."""

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

    Of each class the queries are the items with the `queries_per_class` smallest sha256("{seed}:{identity}"),
    so that neither the order of the files nor other classes change who is a query.
    labels: int64 [N]. Raises EvaluationError for repeated identities, or a class that would leave no gallery.
    """
    if labels.shape != (len(identities),):
        raise EvaluationError(f"{len(identities)} identities for labels of shape {tuple(labels.shape)}")
    if queries_per_class < 1:
        raise EvaluationError(f"queries_per_class must be >= 1, got {queries_per_class}")
    repeated = [identity for identity, count in Counter(identities).items() if count > 1]
    if repeated:
        raise EvaluationError(f"{len(repeated)} identities occur more than once, the first is {repeated[0]!r}")
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
        drawn = sorted(indices, key=lambda index: sha256(f"{seed}:{identities[index]}".encode()).digest())
        is_query[drawn[:queries_per_class]] = True
    return is_query.nonzero()[:, 0], (~is_query).nonzero()[:, 0]
