"""Retrieval by code against simulation, and against ranking the same distances by sorting."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from bits.evaluation.ranking.average_precision import average_precision
from bits.evaluation.ranking.hamming import asymmetric_scores, hamming_scores
from bits.evaluation.ranking.relevance import relevance
from bits.evaluation.ranking.similarity import EvaluationError

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
CPU = torch.device("cpu")


def test_the_expectation_is_what_simulation_finds() -> None:
    with np.load(FIXTURES / "hamming.npz", allow_pickle=False) as o:
        bits = [torch.from_numpy(o[f"{side}_bits"]) for side in ("query", "gallery")]
        labels = [torch.from_numpy(o[f"{side}_labels"]) for side in ("query", "gallery")]
        expected = o["expected_average_precision"]
    scores = hamming_scores(*bits, relevance(*labels, None, None, CPU))
    assert np.abs(scores.whole.numpy() - expected).max() < 0.002


@pytest.mark.parametrize("bits", [1, 5, 64, 300])
@pytest.mark.parametrize("several", [False, True])
def test_counting_agrees_with_sorting(bits: int, several: bool) -> None:
    generator = torch.Generator().manual_seed(bits)
    codes = torch.rand(90, bits, generator=generator) > 0.4
    labels = torch.randint(5, (90,), generator=generator)
    if several:
        labels = torch.rand(90, 4, generator=generator) > 0.7
    names = [str(index) for index in range(90)]
    known = relevance(labels[:30], labels, names[:30], names, CPU)  # each query is in the gallery
    distance = (codes[:30, None] != codes[None]).sum(dim=2).float()
    everyone = slice(0, 30)
    similarity = (-distance).masked_fill(known.same(everyone), -torch.inf)
    sorted_ = average_precision(similarity, known.relevant(everyone))
    for chunk in (None, 7):
        counted = hamming_scores(codes[:30], codes, known, chunk=chunk)
        assert counted.whole == pytest.approx(sorted_.whole, abs=1e-12)
        assert counted.relevant.equal(sorted_.relevant)


def test_a_query_that_is_sure_ranks_as_its_bits_do() -> None:
    generator = torch.Generator().manual_seed(0)
    codes = torch.rand(60, 24, generator=generator) > 0.5
    labels = torch.randint(4, (60,), generator=generator)
    known = relevance(labels[:20], labels[20:], None, None, CPU)
    sure = torch.where(codes[:20], 60.0, -60.0)
    by_bits = hamming_scores(codes[:20], codes[20:], known).whole
    assert asymmetric_scores(sure, codes[20:], known).whole == pytest.approx(by_bits, abs=1e-9)
    unsure = sure.clone()
    unsure[:, 12:] = 0.0  # probability one half: these bits say nothing
    first = hamming_scores(codes[:20, :12], codes[20:, :12], known).whole
    assert asymmetric_scores(unsure, codes[20:], known).whole == pytest.approx(first, abs=1e-9)


def test_codes_that_cannot_be_searched_are_refused() -> None:
    codes, labels = torch.ones(4, 8, dtype=torch.bool), torch.zeros(4, dtype=torch.int64)
    known = relevance(labels, labels, None, None, CPU)
    with pytest.raises(EvaluationError, match="8 bits of a query but 7 of the gallery"):
        hamming_scores(codes, codes[:, :7], known)
    with pytest.raises(EvaluationError, match="expected bool"):
        hamming_scores(codes.long(), codes, known)
    with pytest.raises(EvaluationError, match="expected gallery codes"):
        hamming_scores(codes, codes[:3], known)
    with pytest.raises(EvaluationError, match="NaN or infinity"):
        asymmetric_scores(torch.full((4, 8), torch.nan), codes, known)
