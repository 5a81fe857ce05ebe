"""Average precision with ties against enumeration of all orders, simulation and scikit-learn."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from bits.evaluation.ranking.average_precision import average_precision

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
INFINITY = float("inf")


def scores_of_order(hits: list[bool], total: int, cutoff: int) -> tuple[float, float]:
    """(divided by the hits inside, divided by min(total, cutoff)) for one fixed ranking."""
    found, precision_sum = 0, 0.0
    for rank, hit in enumerate(hits[:cutoff], start=1):
        if hit:
            found += 1
            precision_sum += found / rank
    return precision_sum / max(found, 1), precision_sum / max(min(total, cutoff), 1)


def over_all_orders(similarity: list[float], relevant: list[bool], cutoff: int) -> tuple[float, float]:
    """The mean of both scores over every order that sorts the similarities."""
    results = []
    for order in permutations(range(len(similarity))):
        values = [similarity[i] for i in order]
        if values == sorted(values, reverse=True):
            results.append(scores_of_order([relevant[i] for i in order], sum(relevant), cutoff))
    return tuple(np.mean(results, axis=0))


rankings = st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(ranking=rankings, cutoff=st.integers(1, 7))
def test_expectation_equals_the_mean_over_every_order(ranking: list[tuple[int, bool]], cutoff: int) -> None:
    similarity, relevant = [float(s) for s, _ in ranking], [r for _, r in ranking]
    got = average_precision(torch.tensor([similarity]), torch.tensor([relevant]), cutoffs=(cutoff,))
    inside, standard = over_all_orders(similarity, relevant, cutoff)
    whole, _ = over_all_orders(similarity, relevant, len(similarity))
    assert got.whole.item() == pytest.approx(whole, abs=1e-12)
    assert got.at_cutoff[cutoff].item() == pytest.approx(inside, abs=1e-12)
    assert got.at_cutoff_standard[cutoff].item() == pytest.approx(standard, abs=1e-12)
    assert got.relevant.item() == sum(relevant)


def test_hamming_codes_agree_with_simulation() -> None:
    with np.load(FIXTURES / "hamming.npz", allow_pickle=False) as o:
        distance = (o["query_bits"][:, None] != o["gallery_bits"][None]).sum(-1)
        relevant = o["query_labels"][:, None] == o["gallery_labels"][None]
        expected = o["expected_average_precision"]
    got = average_precision(-torch.from_numpy(distance).float(), torch.from_numpy(relevant)).whole
    np.testing.assert_allclose(got, expected, atol=0.002)
    shifted = average_precision(-torch.from_numpy(distance).float(), torch.from_numpy(relevant), ties="stable")
    assert (shifted.whole - got).abs().max() > 0.002


@pytest.mark.parametrize("ties", ["expected", "stable"])
def test_without_ties_both_readings_equal_scikit_learn(ties: str) -> None:
    generator = torch.Generator().manual_seed(0)
    similarity = torch.rand(30, 400, generator=generator, dtype=torch.float64)
    relevant = torch.rand(30, 400, generator=generator) < torch.rand(30, 1, generator=generator) ** 3
    relevant[:, 0] = True
    got = average_precision(similarity, relevant, cutoffs=(10, 400, 9999), ties=ties)
    expected = [average_precision_score(r, s) for r, s in zip(relevant, similarity, strict=True)]
    np.testing.assert_allclose(got.whole, expected, atol=1e-12)
    for cutoff in (400, 9999):
        torch.testing.assert_close(got.at_cutoff[cutoff], got.whole)
        torch.testing.assert_close(got.at_cutoff_standard[cutoff], got.whole)
    for row in range(30):
        order = similarity[row].argsort(descending=True)
        hits = relevant[row][order].tolist()
        want = scores_of_order(hits, sum(hits), 10)
        assert (got.at_cutoff[10][row], got.at_cutoff_standard[10][row]) == pytest.approx(want, abs=1e-12)


def test_stable_takes_equal_items_by_column() -> None:
    similarity = torch.tensor([[1.0, 1.0, 0.0, 1.0, 0.0]])
    relevant = torch.tensor([[False, True, False, True, True]])
    got = average_precision(similarity, relevant, cutoffs=(2,), ties="stable")
    assert got.whole.item() == pytest.approx((1 / 2 + 2 / 3 + 3 / 5) / 3)
    assert got.at_cutoff[2].item() == pytest.approx(1 / 2)
    assert got.at_cutoff_standard[2].item() == pytest.approx(1 / 4)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), levels=st.integers(1, 6), cutoff=st.integers(1, 40))
def test_invariants_under_column_order_and_monotone_maps(seed: int, levels: int, cutoff: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    similarity = torch.randint(levels, (4, 30), generator=generator).double()
    relevant = torch.rand(4, 30, generator=generator) < 0.3
    got = average_precision(similarity, relevant, cutoffs=(cutoff,))
    order = torch.randperm(30, generator=generator)
    moved = average_precision((3 * similarity.exp() - 50)[:, order], relevant[:, order], cutoffs=(cutoff,))
    torch.testing.assert_close(moved.whole, got.whole, rtol=0, atol=1e-13)
    torch.testing.assert_close(moved.at_cutoff[cutoff], got.at_cutoff[cutoff], rtol=0, atol=1e-13)
    assert (got.whole >= 0).all() and (got.whole <= 1 + 1e-12).all()
    assert (got.at_cutoff_standard[cutoff] <= got.at_cutoff[cutoff] + 1e-12).all()


def test_an_item_at_minus_infinity_is_left_out() -> None:
    similarity = torch.tensor([[3.0, -INFINITY, 2.0, 1.0], [3.0, 2.0, -INFINITY, -INFINITY]])
    relevant = torch.tensor([[False, False, True, True], [True, False, False, False]])
    for ties in ("expected", "stable"):
        got = average_precision(similarity, relevant, cutoffs=(4,), ties=ties)
        assert got.whole.tolist() == pytest.approx([(1 / 2 + 2 / 3) / 2, 1.0])
        assert got.at_cutoff[4].tolist() == pytest.approx(got.whole.tolist())


def test_nothing_relevant_is_zero_and_counted() -> None:
    for ties in ("expected", "stable"):
        got = average_precision(torch.rand(3, 5), torch.zeros(3, 5, dtype=torch.bool), cutoffs=(2,), ties=ties)
        for values in (got.whole, got.at_cutoff[2], got.at_cutoff_standard[2], got.relevant):
            assert values.tolist() == [0, 0, 0]


def test_a_large_tied_group_across_the_cutoff_agrees_with_simulation() -> None:
    rng = np.random.default_rng(0)
    similarity = np.repeat([2.0, 1.0, 0.0], [40, 300, 60])
    relevant = rng.random(400) < 0.2
    draws = []
    for _ in range(4000):
        order = np.lexsort((rng.random(400), -similarity))
        hits = relevant[order][:100]
        precision = np.cumsum(hits) / np.arange(1, 101) * hits
        draws.append((precision.sum() / hits.sum(), precision.sum() / min(relevant.sum(), 100)))
    got = average_precision(torch.from_numpy(similarity)[None], torch.from_numpy(relevant)[None], cutoffs=(100,))
    inside, standard = np.mean(draws, axis=0)
    assert got.at_cutoff[100].item() == pytest.approx(inside, abs=0.002)
    assert got.at_cutoff_standard[100].item() == pytest.approx(standard, abs=0.002)


def test_refuses_what_ranks_nothing() -> None:
    good, relevant = torch.rand(2, 3), torch.tensor([[True, False, True]] * 2)
    for similarity, mask, kwargs, match in (
        (good * float("nan"), relevant, {}, "NaN"),
        (good - INFINITY, relevant, {}, "cannot be relevant"),
        (good, relevant[:, :2], {}, "same shape"),
        (good, relevant.int(), {}, "int32"),
        (good[:, :0], relevant[:, :0], {}, r"\(2, 0\)"),
        (good, relevant, {"cutoffs": (0,)}, "cutoffs must be >= 1"),
        (good, relevant, {"ties": "random"}, "'random'"),
    ):
        for ties in ("expected", "stable"):
            with pytest.raises(ValueError, match=match):
                average_precision(similarity, mask, **({"ties": ties} | kwargs))
