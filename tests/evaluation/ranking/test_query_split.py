"""The split into queries and gallery: by hashes of identities, class by class."""

from __future__ import annotations

from hashlib import sha256

import pytest
import torch

from bits.errors import BitsError
from bits.evaluation.ranking.query_split import draw_queries, split_query_gallery


def test_split_is_the_smallest_hashes_of_each_class_whatever_the_order() -> None:
    identities = [f"n{label:02d}/{number}.JPEG" for label in range(6) for number in range(10)]
    labels = torch.arange(6).repeat_interleave(10)
    query, gallery = split_query_gallery(labels, identities, 3, seed=7)
    for label in range(6):
        members = identities[10 * label : 10 * label + 10]
        drawn = sorted(members, key=lambda name: sha256(f"7:{name}".encode()).hexdigest())[:3]
        assert {identities[i] for i in query[labels[query] == label]} == set(drawn)
    assert sorted([*query.tolist(), *gallery.tolist()]) == list(range(60))
    order = torch.randperm(60, generator=torch.Generator().manual_seed(0))
    again, _ = split_query_gallery(labels[order], [identities[i] for i in order], 3, seed=7)
    assert {identities[i] for i in query} == {identities[order[i]] for i in again}
    other, _ = split_query_gallery(labels, identities, 3, seed=8)
    assert query.tolist() != other.tolist()


def test_split_refuses_small_classes_and_repeats() -> None:
    labels, identities = torch.tensor([0, 0, 0, 4, 4]), list("abcde")
    with pytest.raises(BitsError, match="class 4 has 2 images, so 2 queries"):
        split_query_gallery(labels, identities, 2, seed=0)
    with pytest.raises(BitsError, match="more than once, the first is 'a'"):
        split_query_gallery(labels, list("abcda"), 1, seed=0)
    with pytest.raises(BitsError, match="4 identities"):
        split_query_gallery(labels, identities[:4], 1, seed=0)
    with pytest.raises(BitsError, match="queries_per_class"):
        split_query_gallery(labels, identities, 0, seed=0)


def test_drawn_queries_are_the_smallest_hashes_of_all_whatever_the_order() -> None:
    identities = [f"2008_{number:06d}.jpg" for number in range(40)]
    queries, gallery = draw_queries(identities, 12, seed=3)
    smallest = sorted(identities, key=lambda name: sha256(f"3:{name}".encode()).hexdigest())[:12]
    assert {identities[i] for i in queries} == set(smallest)
    assert sorted([*queries.tolist(), *gallery.tolist()]) == list(range(40))
    turned, _ = draw_queries(identities[::-1], 12, seed=3)
    assert {identities[39 - i] for i in turned} == set(smallest)
    assert draw_queries(identities, 12, seed=4)[0].tolist() != queries.tolist()


@pytest.mark.parametrize("queries", [0, 5, 6])
def test_a_draw_leaves_a_gallery(queries: int) -> None:
    with pytest.raises(BitsError, match=f"5 images are too few for {queries} queries and a gallery"):
        draw_queries(list("abcde"), queries, seed=0)
    with pytest.raises(BitsError, match="more than once, the first is 'a'"):
        draw_queries(list("abcda"), 2, seed=0)
