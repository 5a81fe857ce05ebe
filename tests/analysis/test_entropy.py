"""Entropies of codes whose answer is known: constant, independent, repeated bits; and against plain counting."""

from __future__ import annotations

from collections import Counter
from math import log2

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from bits.analysis import entropy


def fair(n: int = 4096, bits: int = 24, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2, (n, bits)).astype(bool)


def test_constant_codes_say_nothing() -> None:
    codes = np.tile(np.array([True, False] * 8), (50, 1))
    assert entropy.marginal_entropies(codes).tolist() == [0.0] * 16
    assert entropy.block_entropies(codes).tolist() == [0.0, 0.0]
    assert entropy.block_entropies(codes, corrected=True).tolist() == [0.0, 0.0]
    assert entropy.mutual_information(codes).tolist() == np.zeros((16, 16)).tolist()
    assert np.abs(entropy.total_correlation(codes, 5, 0)).max() == 0.0


def test_independent_fair_bits_say_all_that_they_can() -> None:
    codes = fair()
    assert entropy.marginal_entropies(codes).min() > 0.995
    plug_in, corrected = entropy.block_entropies(codes), entropy.block_entropies(codes, corrected=True)
    assert plug_in.max() < 7.97, "4,096 images for 256 values: the plug-in estimate is 0.045 too low"
    assert corrected == pytest.approx([8.0] * 3, abs=0.01)
    assert entropy.pairs(entropy.mutual_information(codes)).mean() < 5e-4
    assert abs(entropy.total_correlation(codes, 20, 0).mean()) < 0.01


def test_a_bit_that_is_repeated_is_shared_and_adds_nothing() -> None:
    codes = np.repeat(fair(bits=1), 8, axis=1)
    assert entropy.block_entropies(codes) == pytest.approx([1.0], abs=1e-3)
    assert entropy.pairs(entropy.mutual_information(codes)) == pytest.approx([1.0] * 28, abs=1e-3)
    assert entropy.total_correlation(codes, 3, 0) == pytest.approx([7.0] * 3, abs=0.01)
    assert entropy.pairs(entropy.mutual_information(entropy.shuffled(codes, 0))).max() < 0.01


def test_against_counting_image_by_image() -> None:
    codes = fair(300, 19, seed=1) & fair(300, 19, seed=2)
    for bit, found in enumerate(entropy.marginal_entropies(codes)):
        share = codes[:, bit].mean()
        assert found == pytest.approx(-share * log2(share) - (1 - share) * log2(1 - share))
    for block, found in enumerate(entropy.block_entropies(codes)):
        counts = Counter(map(tuple, codes[:, 8 * block : 8 * block + 8].tolist()))
        assert found == pytest.approx(-sum(count / 300 * log2(count / 300) for count in counts.values()))
    assert len(entropy.block_entropies(codes)) == 2, "three bits fill no block"
    shared = entropy.mutual_information(codes)
    for i, j in ((0, 1), (5, 5), (18, 3)):
        assert shared[i, j] == pytest.approx(mutual_info_score(codes[:, i], codes[:, j]) / np.log(2), abs=1e-12)


def test_weights_are_repeated_images() -> None:
    codes, times = fair(60, 16), np.random.default_rng(3).integers(0, 3, 60)
    repeated = np.repeat(codes, times, axis=0)
    weights = times.astype(float)
    for statistic in (entropy.marginal_entropies, entropy.block_entropies, entropy.mutual_information):
        assert statistic(codes, weights) == pytest.approx(statistic(repeated))
    assert entropy.total_correlation(codes, 4, 0, weights) == pytest.approx(entropy.total_correlation(repeated, 4, 0))


def test_an_interval_holds_the_number_and_narrows_with_images() -> None:
    def mean(codes: np.ndarray, weights: np.ndarray | None) -> float:
        return float(entropy.block_entropies(codes, weights).mean())

    widths = []
    for n in (200, 3200):
        codes = fair(n, 16) & fair(n, 16, seed=5)
        low, high = entropy.interval(codes, mean)
        assert low < mean(codes, None) < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2
