"""Cosine retrieval against scikit-learn, and the rules about labels, identities and precision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score

from bits.errors import BitsError
from bits.evaluation.ranking.average_precision import AveragePrecision
from bits.evaluation.ranking.cosine import (
    mean_average_precision,
    ranked,
    retrieval_map,
    retrieval_scores,
)
from bits.evaluation.ranking.relevance import Relevance

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"


@pytest.fixture(scope="module")
def oracle() -> dict[str, torch.Tensor]:
    with np.load(FIXTURES / "retrieval.npz", allow_pickle=False) as arrays:
        return {key: torch.from_numpy(np.asarray(arrays[key])) for key in arrays}


SIDES = ("query", "gallery", "query_labels", "gallery_labels")


def average_precisions(*sides: torch.Tensor, **how: Any) -> torch.Tensor:
    return retrieval_scores(*sides, **how).whole


@pytest.mark.parametrize("chunk", [None, 1, 13, 60])
@pytest.mark.parametrize("ties", ["expected", "stable"])
def test_multi_label_average_precision_of_each_query(oracle, chunk: int | None, ties: str) -> None:
    sides = [oracle[key] for key in SIDES]
    per_query = average_precisions(*sides, chunk=chunk, ties=ties)
    torch.testing.assert_close(per_query, oracle["average_precision"], rtol=0, atol=1e-10)
    scores = retrieval_map(*sides, chunk=chunk, ties=ties, cutoffs=(50, 1000))
    assert scores["map"] == pytest.approx(oracle["mean_average_precision"].item(), abs=1e-10)
    relevant = (oracle["query_labels"].int() @ oracle["gallery_labels"].int().T > 0).sum(1)
    assert scores["queries_without_relevant"] == int((relevant == 0).sum()) > 0
    assert set(scores) == {
        "map",
        "map_at_50",
        "map_at_50_standard",
        "map_at_1000",
        "map_at_1000_standard",
        "queries_without_relevant",
    }
    assert scores["map_at_1000"] == pytest.approx(scores["map"], abs=1e-12)


def test_single_labels_scale_and_format_do_not_matter(oracle) -> None:
    query, gallery = oracle["query"].float(), 7 * oracle["gallery"].float()
    labels = [oracle[key].int().argmax(1) for key in SIDES[2:]]
    got = average_precisions(query, gallery, *labels)
    similarity = oracle["query"] @ torch.nn.functional.normalize(oracle["gallery"], dim=1).T
    expected = [
        average_precision_score(labels[1] == label, row) for label, row in zip(labels[0], similarity, strict=True)
    ]
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_a_query_in_the_gallery_is_left_out_by_identity(oracle) -> None:
    gallery, labels = oracle["gallery"][:200], oracle["gallery_labels"][:200]
    names = [f"class/{number}.jpg" for number in range(200)]
    order = torch.randperm(200, generator=torch.Generator().manual_seed(0))
    got = average_precisions(
        gallery,
        gallery[order],
        labels,
        labels[order],
        query_identities=names,
        gallery_identities=[names[index] for index in order],
    )
    for row in (0, 57, 199):
        others = torch.arange(200) != row
        alone = average_precisions(gallery[row : row + 1], gallery[others], labels[row : row + 1], labels[others])
        assert got[row].item() == pytest.approx(alone.item(), abs=1e-12)
    unrelated = average_precisions(
        gallery, gallery, labels, labels, query_identities=[f"q{n}" for n in names], gallery_identities=names
    )
    torch.testing.assert_close(unrelated, average_precisions(gallery, gallery, labels, labels))


def test_planted_classes_give_one_and_collapse_gives_chance() -> None:
    labels = torch.arange(60) % 3
    planted = torch.eye(3)[labels]
    assert retrieval_map(planted, planted, labels, labels)["map"] == pytest.approx(1.0)
    collapsed = retrieval_map(torch.ones(60, 4), torch.ones(60, 4), labels, labels)["map"]
    # 20 relevant among 60 in random order: (r-1)/(n-1) + (1 - (r-1)/(n-1)) H(n)/n.
    slope = 19 / 59
    assert collapsed == pytest.approx(slope + (1 - slope) * sum(1 / i for i in range(1, 61)) / 60, abs=1e-9)


def test_autocast_and_reduced_matmul_precision_change_nothing(oracle) -> None:
    sides = [
        oracle["query"].float(),
        oracle["gallery"].float(),
        oracle["query_labels"],
        oracle["gallery_labels"],
    ]
    expected = retrieval_map(*sides)
    torch.set_float32_matmul_precision("medium")
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert retrieval_map(*sides) == expected
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")


def test_any_similarity_can_be_ranked_block_by_block() -> None:
    with np.load(FIXTURES / "hamming.npz", allow_pickle=False) as o:
        codes = [torch.from_numpy(o[key]) for key in ("query_bits", "gallery_bits")]
        known = Relevance(torch.from_numpy(o["query_labels"]), torch.from_numpy(o["gallery_labels"]))
        expected = o["expected_average_precision"].mean()

    def similarity(rows: slice) -> torch.Tensor:
        return -(codes[0][rows, None] != codes[1][None]).sum(-1).float()

    scores = mean_average_precision(ranked(similarity, known, cutoffs=(20,), chunk=6))
    assert scores["map"] == pytest.approx(expected, abs=0.001)
    assert scores["queries_without_relevant"] == 0


def test_rows_whose_norm_overflows_are_ranked_all_the_same(oracle) -> None:
    sides = [
        oracle["query"].float(),
        oracle["gallery"].float(),
        oracle["query_labels"],
        oracle["gallery_labels"],
    ]
    expected = average_precisions(*sides)
    got = average_precisions(1e25 * sides[0], 1e25 * sides[1], *sides[2:])
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-4)


def test_refuses_sides_that_do_not_belong_together(oracle) -> None:
    q, g, ql, gl = (oracle[key] for key in SIDES)
    names = [str(n) for n in range(len(q))]
    broken = g.clone()
    broken[5, 3] = float("nan")
    for sides, kwargs, match in (
        ((q, broken, ql, gl), {}, "retrieval gallery: 1 of 900 feature rows hold NaN"),
        ((q[:, :5], g, ql, gl), {}, "5 query dimensions but 32 gallery"),
        ((q, g, ql[:9], gl), {}, "60 query features but 9 query labels"),
        ((q, g, ql, gl[:, :3]), {}, "one K"),
        ((q, g, ql.int(), gl.int()), {}, "int32"),
        ((q, g, ql.int().argmax(1), gl), {}, "on both sides"),
        ((q, g, ql, gl), {"query_identities": names}, "for both"),
        ((q, g, ql, gl), {"query_identities": names, "gallery_identities": names}, "60 gallery identities"),
    ):
        with pytest.raises(ValueError, match=match) as error:
            retrieval_map(*sides, **kwargs)
        assert isinstance(error.value, BitsError)


def test_perfect_rankings_are_a_mean_of_one_and_not_a_bit_more():
    over = torch.full((3,), 1.0 + 7e-16, dtype=torch.float64)
    scores = AveragePrecision(over, {5: over}, {5: over}, torch.ones(3, dtype=torch.int64))
    found = mean_average_precision(scores)
    assert found == {"map": 1.0, "map_at_5": 1.0, "map_at_5_standard": 1.0, "queries_without_relevant": 0}
    below = torch.tensor([0.1, 0.2, 0.7], dtype=torch.float64)
    others = AveragePrecision(below, {}, {}, torch.ones(3, dtype=torch.int64))
    assert mean_average_precision(others)["map"] == float(below.mean())
