"""Cached features as training batches for a probe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from bits.evaluation.ranking.similarity import EvaluationError

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class ShuffledEpoch:
    """One pass over all rows in a random order; the last batch may be smaller."""

    features: Tensor
    labels: Tensor
    batch_size: int
    order: Tensor

    def __len__(self) -> int:
        return -(-len(self.order) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        for rows in self.order.split(self.batch_size):
            yield self.features[rows], self.labels[rows]


def shuffled(features: Tensor, labels: Tensor, batch_size: int, seed: int) -> Callable[[int], ShuffledEpoch]:
    """The `batches` of train_probe from cached features [N, D] and int64 labels [N].

    The order depends on the seed and the epoch only, and is drawn on the CPU whatever device holds the rows.
    Raises EvaluationError for lengths that differ, no rows, or a batch size below 1.
    """
    if len(features) != len(labels) or len(features) == 0 or batch_size < 1:
        raise EvaluationError(
            f"probe batches: {len(features)} feature rows, {len(labels)} labels, batch size {batch_size}; "
            "expected as many labels as rows, at least one, and a batch size of 1 or more"
        )

    def epoch_of(epoch: int) -> ShuffledEpoch:
        generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
        order = torch.randperm(len(features), generator=generator).to(features.device)
        return ShuffledEpoch(features, labels, batch_size, order)

    return epoch_of


def standardise(train_ND: Tensor, test_MD: Tensor) -> tuple[Tensor, Tensor]:
    """Both sets shifted and scaled to mean 0 and variance 1 of the training set, float32 or wider.

    A dimension that is constant in training becomes 0 in training and is only shifted in test. The protocol's
    second reading of Table 8, where a fixed learning rate may otherwise reward the feature scale.
    """
    train, test = train_ND, test_MD
    if train.dtype != torch.float64:
        train, test = train.float(), test.float()
    mean = train.double().mean(dim=0)
    deviation = train.double().std(dim=0, correction=0)
    # The mean of equal numbers may miss them by a rounding error, which must not be blown up to 1.
    constant = train.amin(dim=0) == train.amax(dim=0)
    mean = torch.where(constant, train[0].double(), mean).to(train.dtype)
    scale = torch.where(constant, 1.0, deviation).to(train.dtype)
    return (train - mean) / scale, (test - mean) / scale
