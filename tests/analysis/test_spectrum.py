"""The variance spectrum against planted spectra and numpy, and its inequalities."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bits.analysis import spectrum
from bits.analysis.spectrum import variance_spectrum
from bits.errors import BitsError


def planted(spectrum: list[float], rows: int, offset: float = 0.0) -> torch.Tensor:
    """Features [rows, D] whose centred covariance has exactly these eigenvalues, in a random basis."""
    rng = np.random.default_rng(0)
    d = len(spectrum)
    left = rng.standard_normal((rows, d))
    left, _ = np.linalg.qr(left - left.mean(0))
    right, _ = np.linalg.qr(rng.standard_normal((d, d)))
    return torch.from_numpy(left * np.sqrt(rows * np.array(spectrum)) @ right + offset)


def plain_spectrum(x: np.ndarray, centred: bool, normalised: bool) -> tuple[float, float, np.ndarray]:
    if normalised:
        x = x / np.linalg.norm(x, axis=1, keepdims=True)
    if centred:
        x = x - x.mean(0)
    eigenvalues = np.sort(np.linalg.svd(x, compute_uv=False) ** 2)[::-1]
    eigenvalues = np.concatenate([eigenvalues, np.zeros(x.shape[1] - len(eigenvalues))])
    p = eigenvalues / eigenvalues.sum()
    entropy = -sum(q * np.log(q) for q in p if q > 0)
    return 1 / (p**2).sum(), np.exp(entropy), np.concatenate([[0], p.cumsum()])


@pytest.mark.parametrize("shape", [(200, 12), (12, 12), (7, 30), (1000, 3)])
@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("normalised", [True, False])
def test_equals_the_singular_values(shape: tuple[int, int], centred: bool, normalised: bool) -> None:
    x = np.random.default_rng(1).standard_normal(shape) * np.linspace(0.1, 3, shape[1]) + 1
    got = variance_spectrum(torch.from_numpy(x), centred=centred, normalised=normalised)
    d_eff, r_eff, cumulative = plain_spectrum(x, centred, normalised)
    assert (got["d_eff"], got["r_eff"], got["dimension"]) == pytest.approx((d_eff, r_eff, shape[1]), rel=1e-9)
    np.testing.assert_allclose(got["cumulative"], cumulative, atol=1e-12)


def test_planted_spectra() -> None:
    flat = variance_spectrum(planted([2.0] * 8, 50, offset=30.0))
    assert (flat["d_eff"], flat["r_eff"]) == pytest.approx((8, 8))
    line = variance_spectrum(planted([5.0, 0.0, 0.0], 50))
    assert (line["d_eff"], line["r_eff"]) == pytest.approx((1, 1))
    assert line["cumulative"] == pytest.approx([0, 1, 1, 1])
    steps = variance_spectrum(planted([4.0, 2.0, 1.0, 1.0], 50))
    assert steps["d_eff"] == pytest.approx(64 / 22)
    assert steps["r_eff"] == pytest.approx(2**1.75)
    assert steps["cumulative"] == pytest.approx([0, 0.5, 0.75, 0.875, 1])


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 12),
    dimension=st.integers(1, 12),
    power=st.floats(0, 6),
    seed=st.integers(0, 999),
    centred=st.booleans(),
)
def test_effective_dimensions_are_ordered_and_the_curve_rises(
    rows: int, dimension: int, power: float, seed: int, centred: bool
) -> None:
    x = torch.randn(rows, dimension, generator=torch.Generator().manual_seed(seed))
    got = variance_spectrum(x * torch.arange(1, dimension + 1) ** -power, centred=centred)
    assert 0 <= got["d_eff"] <= got["r_eff"] * (1 + 1e-9) <= min(rows, dimension) * (1 + 2e-9)
    curve = got["cumulative"]
    assert curve[0] == 0.0 and curve[-1] == 1.0 and len(curve) == dimension + 1
    assert all(a <= b for a, b in pairwise(curve))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("rows", [100, 5])
@pytest.mark.parametrize("normalised", [True, False])
def test_a_collapsed_representation_is_a_result(dtype: torch.dtype, rows: int, normalised: bool) -> None:
    row = torch.rand(16, generator=torch.Generator().manual_seed(0)) + 0.5
    features = row.to(dtype).expand(rows, 16).clone()
    got = variance_spectrum(features, normalised=normalised)
    assert got == {"d_eff": 0.0, "r_eff": 0.0, "dimension": 16, "cumulative": [0.0] + [1.0] * 16}
    features[0, 0] *= 1 + max(torch.finfo(dtype).eps, torch.finfo(torch.float32).eps)
    assert features[0, 0] != features[1, 0]
    assert variance_spectrum(features, normalised=normalised)["d_eff"] == 0.0
    assert variance_spectrum(torch.zeros(rows, 16, dtype=dtype), normalised=normalised)["d_eff"] == 0.0
    assert variance_spectrum(features, centred=False, normalised=normalised)["d_eff"] == pytest.approx(1)


def test_small_spread_on_a_large_offset_is_not_collapse() -> None:
    got = variance_spectrum(planted([1e-6] * 4, 50, offset=100.0))
    assert got["d_eff"] == pytest.approx(4, rel=1e-6)


def test_chunks_of_rows_give_the_same_spectrum(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.randn(100, 6, generator=torch.Generator().manual_seed(0))
    whole = variance_spectrum(x)
    monkeypatch.setattr(spectrum, "ROWS_AT_ONCE", 7)
    chunked = variance_spectrum(x)
    assert chunked["d_eff"] == pytest.approx(whole["d_eff"], rel=1e-12)
    assert chunked["cumulative"] == pytest.approx(whole["cumulative"], rel=1e-12)


def test_refuses_features_without_a_spectrum() -> None:
    for features, match in (
        (torch.zeros(3), r"\(3,\)"),
        (torch.zeros(0, 3), r"\(0, 3\)"),
        (torch.zeros(3, 3, dtype=torch.int64), "int64"),
        (torch.full((3, 3), float("nan")), "NaN"),
    ):
        with pytest.raises(ValueError, match=match) as error:
            variance_spectrum(features)
        assert isinstance(error.value, BitsError)
