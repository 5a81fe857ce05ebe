"""The coding rate: how much volume a set of rows spans (paper Eq. 9)."""

from __future__ import annotations

import torch
from torch import Tensor

HALF_PRECISIONS = (torch.float16, torch.bfloat16)


def coding_rate(z_ND: Tensor, eps: float, centred: bool = False, count: int | None = None) -> Tensor:
    """R = 1/2 logdet(I + p / (n eps) Z^T Z), in nats; larger is more spread (paper Eq. 9).

    z_ND: n rows of dimension p, unit rows in every published recipe; they are not normalised here.
    eps: plays the part of the paper's eps^2 (protocol: 0.05). centred: subtract the mean row first.
    count: the n of the division when it is not the number of rows. The public SimDINO code takes the Gram
    matrix of one process's rows and divides by the rows of all processes; that reading is the `virtual_ranks`
    variant of the objective, and passing the global count here gives its value for one process.

    Returns a differentiable scalar >= 0, float32 or wider even under autocast. The gradient is finite for
    duplicate and for zero rows. Non-finite input gives a non-finite result, not an error (no device sync).
    Raises ValueError unless z_ND is a 2-D floating tensor with rows and columns, eps > 0 and count > 0.
    """
    _check(z_ND, eps, count)
    with torch.autocast(z_ND.device.type, enabled=False):
        rows = z_ND.float() if z_ND.dtype in HALF_PRECISIONS else z_ND
        if centred:
            rows = rows - rows.mean(dim=0)
        n, p = rows.shape
        # I_p + a Z^T Z and I_n + a Z Z^T have the same determinant: factor the smaller one.
        gram = rows @ rows.T if n < p else rows.T @ rows
        return _half_logdet_identity_plus(gram * (p / ((n if count is None else count) * eps)))


def rate_scale(n: int, p: int) -> float:
    """gamma = (p + n) / (p n), which keeps the rate term of one size over batch and code length (protocol).

    n: rows of the whole batch, p: dimension; both >= 1.
    """
    if n < 1 or p < 1:
        raise ValueError(f"rate_scale needs n >= 1 rows and p >= 1 dimensions, got n={n}, p={p}")
    return (p + n) / (p * n)


def _half_logdet_identity_plus(gram: Tensor) -> Tensor:
    identity = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    # cholesky_ex leaves out the error check, which would wait for the device; I + PSD cannot fail.
    factor: Tensor = torch.linalg.cholesky_ex(identity + gram)[0]
    return factor.diagonal().log().sum()


def _check(z_ND: Tensor, eps: float, count: int | None) -> None:
    if z_ND.ndim != 2 or 0 in z_ND.shape or not z_ND.is_floating_point():
        raise ValueError(f"coding_rate needs floating rows [N, D], got {z_ND.dtype} {tuple(z_ND.shape)}")
    if not eps > 0:
        raise ValueError(f"coding_rate needs eps > 0, got {eps}")
    if count is not None and count < 1:
        raise ValueError(f"coding_rate divides by count, which must be >= 1, got {count}")
