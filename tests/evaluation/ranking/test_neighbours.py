"""k-NN accuracy against the public DINO evaluation's numbers and against a loop over neighbours."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bits.errors import BitsError
from bits.evaluation.ranking import neighbours
from bits.evaluation.ranking.neighbours import knn_accuracy

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"


def random_set(n: int, dimension: int, classes: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(n, dimension, generator=generator, dtype=torch.float64)
    return features, torch.randint(classes, (n,), generator=generator)


@pytest.mark.parametrize("chunk", [None, 1, 7, 200])
def test_public_dino_numbers_exactly(chunk: int | None) -> None:
    with np.load(FIXTURES / "knn.npz", allow_pickle=False) as arrays:
        o = {key: torch.from_numpy(np.asarray(arrays[key])) for key in arrays}
    scores = knn_accuracy(o["train"], o["train_labels"], o["test"], o["test_labels"], chunk=chunk)
    expected = {key: value.item() / 100 for key, value in o.items() if key.startswith("top")}
    assert scores == pytest.approx(expected, abs=1e-12)


def loop_accuracy(train, train_labels, test, test_labels, k: int, temperature: float) -> tuple[float, float]:
    top1 = top5 = 0
    for row, truth in zip(test.tolist(), test_labels.tolist(), strict=True):
        cosines = []
        for other, label in zip(train.tolist(), train_labels.tolist(), strict=True):
            dot = sum(a * b for a, b in zip(row, other, strict=True))
            cosines.append((dot / math.hypot(*row) / math.hypot(*other), label))
        votes: dict[int, float] = {}
        for cosine, label in sorted(cosines, reverse=True)[:k]:
            votes[label] = votes.get(label, 0.0) + math.exp(cosine / temperature)
        classes = range(1 + max(int(train_labels.max()), int(test_labels.max())))
        ranking = sorted(classes, key=lambda c: (-votes.get(c, 0.0), c))
        top1 += truth == ranking[0]
        top5 += truth in ranking[: min(5, k)]
    return top1 / len(test), top5 / len(test)


@settings(max_examples=25, deadline=None)
@given(
    classes=st.integers(1, 8),
    k=st.integers(1, 12),
    temperature=st.floats(0.02, 1.0),
    seed=st.integers(0, 999),
)
def test_equals_a_loop(classes: int, k: int, temperature: float, seed: int) -> None:
    train, test = random_set(12, 3, classes, seed), random_set(6, 3, classes, seed + 1)
    scores = knn_accuracy(*train, *test, ks=(k,), temperature=temperature, chunk=4)
    top1, top5 = loop_accuracy(*train, *test, k, temperature)
    present = 1 + max(int(train[1].max()), int(test[1].max()))
    expected = {f"top1_k{k}": top1} | ({f"top5_k{k}": top5} if present >= 5 else {})
    assert scores == pytest.approx(expected, abs=1e-12)


def test_scale_of_the_features_and_their_format_do_not_matter() -> None:
    train, labels = random_set(60, 8, 6, 0)
    test, truth = random_set(40, 8, 6, 1)
    scores = knn_accuracy(train, labels, test, truth, ks=(5, 60))
    assert knn_accuracy(100 * train.float(), labels, 0.01 * test.float(), truth, ks=(5, 60)) == scores
    assert 0 <= scores["top1_k5"] <= scores["top5_k5"] <= 1


def test_one_neighbour_of_a_stored_row_is_itself_also_at_tiny_temperatures() -> None:
    train, labels = random_set(50, 4, 7, 0)
    scores = knn_accuracy(train, labels, train, labels, ks=(1, 50), temperature=1e-5)
    assert scores["top1_k1"] == 1.0 and scores["top1_k50"] == 1.0


def test_equal_votes_go_to_the_lower_class() -> None:
    train = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    test, truth = torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([1, 3])
    for order in ([3, 1], [1, 3]):
        assert knn_accuracy(train, torch.tensor(order), test, truth, ks=(2,)) == {"top1_k2": 0.5}


def test_collapsed_features_are_a_result() -> None:
    labels = torch.arange(20) % 4
    scores = knn_accuracy(torch.zeros(20, 3), labels, torch.zeros(20, 3), labels, ks=(20,))
    assert scores == {"top1_k20": 0.25}


def test_refuses_what_it_cannot_score() -> None:
    x, y = random_set(10, 3, 2, 0)
    for arguments, match in (
        ((x, y, x, y, (5, 20)), "k = 5, 20 .* 10 rows"),
        ((x, y, x, y, (0,)), "k = 0"),
        ((x, y, x, y, ()), "k = "),
        ((x, y - 5, x, y, (1,)), "training set: labels must be >= 0"),
        ((x, y, x[:, :2], y, (1,)), "3 training dimensions but 2 test"),
        ((x, y[:9], x, y, (1,)), r"int64 labels \[10\]"),
        ((x, y, x, y.float(), (1,)), "test set: expected int64"),
        ((x * math.nan, y, x, y, (1,)), "training set: 10 of 10 feature rows hold NaN"),
        ((x[:0], y[:0], x, y, (1,)), r"expected features \[N, D\]"),
    ):
        with pytest.raises(ValueError, match=match) as error:
            knn_accuracy(*arguments)
        assert isinstance(error.value, BitsError)
    with pytest.raises(ValueError, match="temperature"):
        knn_accuracy(x, y, x, y, ks=(1,), temperature=0.0)
    with pytest.raises(ValueError, match="chunk"):
        knn_accuracy(x, y, x, y, ks=(1,), chunk=0)


@pytest.mark.parametrize("part", [1, 7, 59, 60])
def test_training_rows_in_parts_have_the_same_neighbours(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on another device; on this one they would come whole."""
    train, labels = random_set(60, 8, 6, 0)
    test, truth = random_set(40, 8, 6, 1)
    whole = knn_accuracy(train, labels, test, truth, ks=(3, 20))

    def parts(rows: torch.Tensor, device: torch.device) -> Iterator[tuple[int, torch.Tensor]]:
        return ((start, rows[start : start + part]) for start in range(0, len(rows), part))

    monkeypatch.setattr(neighbours, "_parts", parts)
    assert knn_accuracy(train, labels, test, truth, ks=(3, 20)) == whole


def test_what_goes_to_another_device_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "DEVICE_BLOCK", 18)
    rows = torch.arange(40).view(10, 4)
    for device, sizes in (("cpu", [10]), ("meta", [4, 4, 2])):
        parts = list(neighbours._parts(rows, torch.device(device)))
        assert [len(part) for _, part in parts] == sizes
        assert all(torch.equal(part, rows[start : start + len(part)]) for start, part in parts)
