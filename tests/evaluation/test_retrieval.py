"""Retrieval as an evaluator: protocol, ties, labels and identities arrive where they count."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError
from sklearn.metrics import average_precision_score
from torch import Tensor
from torch.nn.functional import normalize

from bits.evaluation.declaration import Tokens, Workload
from bits.evaluation.intervals import means, values_of
from bits.evaluation.ranking.average_precision import average_precision
from bits.evaluation.ranking.query_split import draw_queries, split_query_gallery
from bits.evaluation.retrieval import EVALUATOR, Retrieval

from .conftest import FakeSubject, Labelled

SETTINGS = {"protocol": "each-against-all", "queries_per_class": 1, "seed": 0, "cutoffs": (5,), "ties": "expected"}


def settings(**others: Any) -> Retrieval:
    return Retrieval(**{**SETTINGS, **others})


def measured(subject: FakeSubject, chosen: Retrieval) -> dict[str, Any]:
    return values_of(EVALUATOR.measure(subject, chosen))


def similarity(queries: Tensor, gallery: Tensor) -> Tensor:
    return normalize(queries, dim=1) @ normalize(gallery, dim=1).T


@pytest.mark.parametrize("protocol", ["val-against-train", "each-against-all"])
@pytest.mark.parametrize("ties", ["expected", "stable"])
def test_ties_are_resolved_as_the_settings_say(subject: FakeSubject, protocol: str, ties: str) -> None:
    found = measured(subject, settings(protocol=protocol, ties=ties))
    split = "train" if protocol == "val-against-train" else "val"
    gallery, labels = subject.vectors[split], getattr(subject, split).labels
    nearness = similarity(subject.vectors["val"], gallery)
    relevant = subject.val.labels[:, None] == labels
    if protocol == "each-against-all":
        nearness.fill_diagonal_(-torch.inf)
        relevant.fill_diagonal_(False)
    expected = {name: average_precision(nearness, relevant, ties=name).whole.mean() for name in ("expected", "stable")}
    assert found["map"] == pytest.approx(float(expected[ties]), abs=1e-6)
    assert abs(float(expected["expected"] - expected["stable"])) > 1e-3


def test_queries_and_gallery_are_parts_of_val(subject: FakeSubject) -> None:
    found = measured(subject, settings(protocol="query-gallery", queries_per_class=2, seed=3))
    labels, vectors = subject.val.labels, subject.vectors["val"]
    queries, gallery = split_query_gallery(labels, subject.val.identities, 2, 3)
    relevant = labels[queries][:, None] == labels[gallery]
    scores = average_precision(similarity(vectors[queries], vectors[gallery]), relevant, cutoffs=(5,))
    assert found["map"] == pytest.approx(float(scores.whole.mean()), abs=1e-6)
    assert found["map_at_5"] == pytest.approx(float(scores.at_cutoff[5].mean()), abs=1e-6)
    assert found["map_at_5_standard"] == pytest.approx(float(scores.at_cutoff_standard[5].mean()), abs=1e-6)
    assert [split for split, _ in subject.asked] == ["val"]


def test_drawn_queries_are_searched_among_the_rest(subject: FakeSubject) -> None:
    found = measured(subject, settings(protocol="sampled-queries", queries=7, seed=3))
    labels, vectors = subject.val.labels, subject.vectors["val"]
    queries, gallery = draw_queries(subject.val.identities, 7, 3)
    relevant = labels[queries][:, None] == labels[gallery]
    scores = average_precision(similarity(vectors[queries], vectors[gallery]), relevant)
    assert found["map"] == pytest.approx(float(scores.whole.mean()), abs=1e-6)
    load = Workload(train=60, val=30, classes=3, width=4, blocks=1, bare=False)
    cost = EVALUATOR.cost(load, settings(protocol="sampled-queries", queries=7))
    assert cost.flops == {"ranking": 2.0 * 4 * 7 * 23}


def test_a_number_of_queries_belongs_to_the_protocol_that_draws_them() -> None:
    for words in ({"protocol": "sampled-queries"}, {"protocol": "query-gallery", "queries": 5}):
        with pytest.raises(ValidationError, match="a number for the protocol sampled-queries, null for any other"):
            settings(**words)
    assert "queries" not in settings().model_dump()
    assert settings(protocol="sampled-queries", queries=5).model_dump()["queries"] == 5


def test_intervals_come_from_the_queries(subject: FakeSubject) -> None:
    found = EVALUATOR.measure(subject, settings(protocol="val-against-train"))
    nearness = similarity(subject.vectors["val"], subject.vectors["train"])
    scores = average_precision(nearness, subject.val.labels[:, None] == subject.train.labels, cutoffs=(5,))
    expected = means({"map": 0.0, "map_at_5": 0.0}, {"map": scores.whole, "map_at_5": scores.at_cutoff[5]})
    for name, estimate in expected.items():
        assert found[name].n == len(subject.val)
        assert (found[name].low, found[name].high) == pytest.approx((estimate.low, estimate.high), abs=1e-6)
    assert found["queries_without_relevant"] == 0


@pytest.mark.parametrize("protocol", ["val-against-train", "each-against-all", "query-gallery"])
def test_one_shared_label_of_several_makes_an_image_relevant(subject: FakeSubject, protocol: str) -> None:
    generator = torch.Generator().manual_seed(1)
    vectors: dict[Any, Tensor] = {}
    sets: dict[str, Labelled] = {}
    for split, count in (("train", 50), ("val", 40)):
        several = torch.rand(count, 3, generator=generator) < 0.3
        several[several.sum(1) == 0, 0] = True
        sets[split] = Labelled(split, several.int().argmax(1), several)
        vectors[split] = torch.randn(count, 4, generator=generator)
    subject = FakeSubject(sets["train"], sets["val"], vectors)
    found = measured(subject, settings(protocol=protocol, queries_per_class=3))
    assert found["map"] == pytest.approx(by_loops(subject, protocol), abs=1e-6)
    one_label = FakeSubject(Labelled("train", sets["train"].labels), Labelled("val", sets["val"].labels), vectors)
    assert abs(found["map"] - measured(one_label, settings(protocol=protocol, queries_per_class=3))["map"]) > 0.01


def by_loops(subject: FakeSubject, protocol: str) -> float:
    """mAP of a multi-label set, query by query, pair by pair."""
    other = "train" if protocol == "val-against-train" else "val"
    queries = gallery = range(len(subject.val))
    if protocol == "val-against-train":
        gallery = range(len(subject.train))
    if protocol == "query-gallery":
        split = split_query_gallery(subject.val.labels, subject.val.identities, 3, 0)
        queries, gallery = (part.tolist() for part in split)
    nearness = similarity(subject.vectors["val"], subject.vectors[other])
    labels, others = subject.val.multilabels, getattr(subject, other).multilabels
    scores = []
    for query in queries:
        ranked = [item for item in gallery if protocol != "each-against-all" or item != query]
        shared = [any(a and b for a, b in zip(labels[query], others[item], strict=True)) for item in ranked]
        scores.append(average_precision_score(shared, nearness[query][ranked]) if any(shared) else 0.0)
    return sum(scores) / len(scores)


@pytest.mark.parametrize(
    ("protocol", "train", "pairs"),
    [
        ("val-against-train", True, 40 * 100),
        ("each-against-all", False, 40 * 40),
        ("query-gallery", False, 10 * (40 - 10)),
    ],
)
def test_what_a_protocol_reads_and_costs(protocol: str, train: bool, pairs: int) -> None:
    chosen = settings(protocol=protocol)
    assert EVALUATOR.tokens(chosen, True) == Tokens(train=train)
    load = Workload(train=100, val=40, classes=10, width=8, blocks=3, bare=False)
    assert EVALUATOR.cost(load, chosen).flops == {"ranking": 2.0 * 8 * pairs}
