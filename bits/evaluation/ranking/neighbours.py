"""Weighted k-nearest-neighbour classification (protocol "Features"; public DINO evaluation)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from bits.evaluation.ranking.similarity import (
    DEVICE_BLOCK,
    EvaluationError,
    blocks,
    cosine_block,
    require_rows,
    unit_rows,
)


def knn_accuracy(
    train_ND: Tensor,
    train_labels: Tensor,
    test_MD: Tensor,
    test_labels: Tensor,
    ks: Sequence[int] = (10, 20, 100, 200),
    temperature: float = 0.07,
    chunk: int | None = None,
    device: torch.device | None = None,
) -> dict[str, float]:
    """Accuracies in [0, 1]: "top1_k20", "top5_k20", ... for every k of `ks`.

    Each of the k nearest training rows votes for its class with exp(cos / temperature). Features are
    L2-normalised here; labels are int64 >= 0, and the number of classes comes from both label sets. "top5" is
    the top min(5, k), as in the public code, and is left out when there are fewer than 5 classes.
    chunk: test rows held at once, by memory when None; it does not change the result. device: where to compute, of
    the training rows when None; on another one these arrive in parts, so that they need not fit its memory.
    Ties: equal similarities at the edge of the k are taken in the order of torch.topk (of each part, then of the
    parts' nearest); equal votes, also the
    zero votes of classes without a neighbour, go to the lower class index.
    Raises EvaluationError (a ValueError) for k outside 1..N, negative labels, NaN features, or sizes that
    differ.
    """
    require_rows(train_ND, "k-NN training set")
    device = device or train_ND.device
    test = unit_rows(test_MD.to(device), "k-NN test set")
    _check(train_ND, train_labels, test, test_labels, ks, temperature)
    train_labels, test_labels = train_labels.to(device), test_labels.to(device)
    classes = int(torch.maximum(train_labels.max(), test_labels.max())) + 1
    hits = {(top, k): 0 for k in ks for top in (1, 5) if top == 1 or classes >= 5}
    similarities, indices = _nearest(train_ND, test, max(ks), chunk)
    for rows in blocks(len(test), max(classes, max(ks)), chunk, device):
        voters, near = train_labels[indices[rows]], similarities[rows]
        # Relative to the nearest one: the same ranking, and no overflow at low temperatures.
        weights = ((near - near[:, :1]).double() / temperature).exp()
        for k in ks:
            place = _place_of_truth(voters[:, :k], weights[:, :k], test_labels[rows], classes)
            for top in (1, 5):
                if (top, k) in hits:
                    hits[top, k] += int((place < min(top, k)).sum())
    return {f"top{top}_k{k}": count / len(test) for (top, k), count in hits.items()}


def _nearest(train_ND: Tensor, test_MD: Tensor, k: int, chunk: int | None) -> tuple[Tensor, Tensor]:
    """(similarities, indices) of the k training rows nearest to each unit test row, falling, [M, k] each."""
    nearest: tuple[Tensor, Tensor] | None = None
    for start, rows in _parts(train_ND, test_MD.device):
        part = unit_rows(rows.to(test_MD.device), "k-NN training set")
        values, indices = _nearest_of_part(part, test_MD, min(k, len(part)), chunk)
        indices += start
        if nearest is not None:
            both = torch.cat([nearest[0], values], dim=1), torch.cat([nearest[1], indices], dim=1)
            values, where = both[0].topk(min(k, both[0].shape[1]), dim=1)
            indices = both[1].gather(1, where)
        nearest = values, indices
    assert nearest is not None
    return nearest


def _nearest_of_part(train_ND: Tensor, test_MD: Tensor, k: int, chunk: int | None) -> tuple[Tensor, Tensor]:
    found = [
        cosine_block(test_MD[rows], train_ND).topk(k, dim=1)
        for rows in blocks(len(test_MD), len(train_ND), chunk, test_MD.device)
    ]
    return torch.cat([one.values for one in found]), torch.cat([one.indices for one in found])


def _parts(train_ND: Tensor, device: torch.device) -> Iterator[tuple[int, Tensor]]:
    """(first row, rows) of what goes to another device at a time; all rows where they are there already."""
    step = len(train_ND) if train_ND.device == device else max(1, DEVICE_BLOCK // train_ND.shape[1])
    yield from ((start, train_ND[start : start + step]) for start in range(0, len(train_ND), step))


def _place_of_truth(voters_mk: Tensor, weights_mk: Tensor, truth_m: Tensor, classes: int) -> Tensor:
    """How many classes come before the true one, [m]: more votes, or as many and a lower index."""
    votes = weights_mk.new_zeros(len(truth_m), classes).scatter_add_(1, voters_mk, weights_mk)
    own = votes.gather(1, truth_m[:, None])
    lower_index = torch.arange(classes, device=votes.device) < truth_m[:, None]
    return ((votes > own) | ((votes == own) & lower_index)).sum(dim=1)


def _check(
    train: Tensor,
    train_labels: Tensor,
    test: Tensor,
    test_labels: Tensor,
    ks: Sequence[int],
    temperature: float,
) -> None:
    if train.shape[1] != test.shape[1]:
        raise EvaluationError(f"k-NN: {train.shape[1]} training dimensions but {test.shape[1]} test dimensions")
    for name, features, labels in (("training", train, train_labels), ("test", test, test_labels)):
        if labels.shape != (len(features),) or labels.dtype != torch.int64:
            raise EvaluationError(
                f"k-NN {name} set: expected int64 labels [{len(features)}], got {labels.dtype} {tuple(labels.shape)}"
            )
        if int(labels.min()) < 0:
            raise EvaluationError(f"k-NN {name} set: labels must be >= 0, the smallest is {int(labels.min())}")
    if not ks or min(ks) < 1 or max(ks) > len(train):
        raise EvaluationError(
            f"k-NN: k = {', '.join(map(str, ks))} does not fit a training set of {len(train)} rows. "
            f"Choose every k from 1 to {len(train)}."
        )
    if not temperature > 0:
        raise EvaluationError(f"k-NN: temperature must be above 0, got {temperature}")
