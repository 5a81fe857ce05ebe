"""The coding rate, compared with torch.logdet and with published values of the rate term; edge cases."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import normalize

from bits.objectives.coding_rate import coding_rate, rate_scale


def random_rows(n: int, p: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return normalize(torch.randn(n, p, generator=generator, dtype=torch.float64), dim=-1).to(dtype)


def plain_rate(z: torch.Tensor, eps: float, centred: bool, count: int) -> torch.Tensor:
    """Eq. 9 literally, with the p x p matrix and a general determinant."""
    z = z - z.mean(0) if centred else z
    p = z.shape[1]
    return torch.logdet(torch.eye(p, dtype=z.dtype) + p / (count * eps) * z.T @ z) / 2


@pytest.mark.parametrize(("n", "p"), [(5, 12), (12, 5), (8, 8), (1, 6), (6, 1)])
@pytest.mark.parametrize("centred", [False, True])
def test_both_gram_forms_equal_the_plain_formula_with_gradient(n: int, p: int, centred: bool) -> None:
    z = random_rows(n, p).requires_grad_()
    fast, plain = coding_rate(z, 0.05, centred), plain_rate(z, 0.05, centred, n)
    torch.testing.assert_close(fast, plain, rtol=1e-11, atol=1e-11)
    got, want = torch.autograd.grad(fast, z)[0], torch.autograd.grad(plain, z)[0]
    torch.testing.assert_close(got, want, rtol=1e-10, atol=1e-10)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 12), p=st.integers(1, 12), eps=st.floats(0.01, 2), seed=st.integers(0, 1000))
def test_rate_is_invariant_to_rotation_and_order_and_lies_between_collapse_and_full_spread(
    n: int, p: int, eps: float, seed: int
) -> None:
    z = random_rows(n, p, seed)
    rate = coding_rate(z, eps)
    rotation, _ = torch.linalg.qr(random_rows(p, p, seed + 1) + torch.eye(p))
    torch.testing.assert_close(coding_rate(z.flip(0) @ rotation, eps), rate, rtol=1e-8, atol=1e-8)
    collapsed = math.log(1 + p / eps) / 2
    rank = min(n, p)
    spread = rank / 2 * math.log(1 + p / (rank * eps))
    assert collapsed - 1e-9 <= rate.item() <= spread + 1e-9


def test_gradcheck_in_both_forms() -> None:
    for n, p in ((4, 7), (7, 4)):
        z = random_rows(n, p).requires_grad_()
        assert torch.autograd.gradcheck(lambda rows: coding_rate(rows, 0.05), (z,))
        assert torch.autograd.gradcheck(lambda rows: coding_rate(rows, 0.5, True, count=20), (z,))


# gamma * R of random unit rows, p = 256, eps 0.05: (rows per process, processes, value). Each process's Gram matrix is
# divided by the number of rows of all processes, as in the public SimDINO code.
PUBLIC_SIZES = [
    (64, 8, 0.429),
    (32, 8, 0.373),
    (256, 2, 1.414),
    (128, 2, 1.390),
    (256, 1, 2.416),
    (512, 1, 2.084),
]


@pytest.mark.parametrize(("rows", "processes", "expected"), PUBLIC_SIZES)
def test_published_sizes_of_the_rate_term(rows: int, processes: int, expected: float) -> None:
    total, p = rows * processes, 256
    rates = [coding_rate(random_rows(rows, p, seed, torch.float32), 0.05, count=total) for seed in range(processes)]
    assert rate_scale(total, p) * torch.stack(rates).mean().item() == pytest.approx(expected, abs=0.006)


@pytest.mark.parametrize(("n", "p"), [(6, 16), (16, 6)])
def test_duplicates_and_zero_rows_have_finite_gradients(n: int, p: int) -> None:
    for z in (torch.zeros(n, p), torch.ones(n, p), random_rows(n, p, dtype=torch.float32) * torch.eye(n, 1)):
        raw = z.clone().requires_grad_()
        for rows in (raw, normalize(raw, dim=-1)):
            (gradient,) = torch.autograd.grad(coding_rate(rows, 0.05), raw, retain_graph=True)
            assert gradient.isfinite().all()
    assert coding_rate(torch.zeros(n, p), 0.05).item() == 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_computed_in_float32_under_autocast(dtype: torch.dtype) -> None:
    z = random_rows(64, 32, dtype=dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rate = coding_rate(z, 0.05)
    assert rate.dtype == torch.float32
    assert rate.item() == pytest.approx(coding_rate(z.double(), 0.05).item(), rel=1e-5)


def test_count_is_a_larger_batch_padded_with_zero_rows() -> None:
    z = random_rows(10, 6)
    padded = torch.cat([z, torch.zeros(30, 6, dtype=z.dtype)])
    torch.testing.assert_close(coding_rate(z, 0.05, count=40), coding_rate(padded, 0.05))


def test_refuses_what_has_no_rate() -> None:
    with pytest.raises(ValueError, match=r"rows \[N, D\].*\(2, 3, 4\)"):
        coding_rate(torch.zeros(2, 3, 4), 0.05)
    with pytest.raises(ValueError, match="rows"):
        coding_rate(torch.zeros(0, 4), 0.05)
    with pytest.raises(ValueError, match="int64"):
        coding_rate(torch.zeros(3, 4, dtype=torch.int64), 0.05)
    for eps in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="eps > 0"):
            coding_rate(torch.ones(3, 4), eps)
    with pytest.raises(ValueError, match="count"):
        coding_rate(torch.ones(3, 4), 0.05, count=0)
    with pytest.raises(ValueError, match="n=0"):
        rate_scale(0, 3)


@pytest.mark.parametrize(("n", "p"), [(5, 12), (12, 5)])
def test_only_the_smaller_gram_matrix_is_factored(n: int, p: int, monkeypatch: pytest.MonkeyPatch) -> None:
    factored, cholesky_ex = [], torch.linalg.cholesky_ex

    def recorded(matrix: torch.Tensor):
        factored.append(tuple(matrix.shape))
        return cholesky_ex(matrix)

    monkeypatch.setattr(torch.linalg, "cholesky_ex", recorded)
    coding_rate(random_rows(n, p), 0.05)
    assert factored == [(5, 5)]
