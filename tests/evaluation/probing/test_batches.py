"""Cached features as batches: every row once an epoch, and standardised by the training set."""

from __future__ import annotations

import pytest
import torch

from bits.errors import BitsError
from bits.evaluation.probing.batches import shuffled, standardise


def test_shuffled_visits_every_row_once_in_an_order_of_seed_and_epoch() -> None:
    features, labels = torch.arange(10.0)[:, None], torch.arange(10)
    batches = shuffled(features, labels, 4, seed=0)
    assert len(batches(0)) == 3
    orders = [torch.cat([y for _, y in batches(epoch)]).tolist() for epoch in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == list(range(10))
    assert all(torch.equal(x[:, 0].long(), y) for x, y in batches(3))
    assert orders[0] != torch.cat([y for _, y in shuffled(features, labels, 4, seed=1)(0)]).tolist()


def test_standardise_uses_training_statistics_and_survives_constants() -> None:
    train, test = torch.randn(50, 3) * torch.tensor([1.0, 100.0, 0.0]) + 0.1, torch.randn(20, 3)
    scaled, scaled_test = standardise(train, test)
    torch.testing.assert_close(scaled.mean(0), torch.zeros(3), rtol=0, atol=1e-5)
    torch.testing.assert_close(scaled.std(0, correction=0), torch.tensor([1.0, 1.0, 0.0]), rtol=1e-5, atol=0)
    want = (test[:, :2] - train[:, :2].mean(0)) / train[:, :2].std(0, correction=0)
    torch.testing.assert_close(scaled_test[:, :2], want, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(scaled_test[:, 2], test[:, 2] - 0.1)


@pytest.mark.parametrize(("labels", "size", "message"), [(3, 5, "3 labels"), (20, 0, "batch size 0")])
def test_what_makes_no_batches_is_refused(labels: int, size: int, message: str) -> None:
    with pytest.raises(BitsError, match=message):
        shuffled(torch.zeros(20, 2), torch.zeros(labels, dtype=torch.int64), size, 0)
