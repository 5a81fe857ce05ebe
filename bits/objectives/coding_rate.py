"""The coding rate: the volume that a set of rows spans (paper Eq. 9). It is maximised, so the term is its negative."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from bits.config.section import Positive
from bits.objectives.term import Term, TermSettings

if TYPE_CHECKING:
    from torch import Tensor


class Settings(TermSettings):
    """weight: beta of BITS (Eq. 10), or SimDINO's factor of gamma R (of R, without gamma).

    virtual_ranks: r > 1 reproduces the public code on r processes: the mean of R over r equal blocks of consecutive
    rows, in each of which the Gram matrix is divided by the number of rows of the whole batch.
    """

    eps: float = Field(gt=0)  # takes the place of eps^2 in Eq. 9
    rows: Literal["student", "mean"]  # student's global views, or mean of student and teacher (not renormalised)
    normalise: bool  # L2-normalise student and teacher rows first; false if the head already does
    centred: bool  # subtract the mean row: a centred covariance
    virtual_ranks: Positive  # 1: R of the whole batch; r > 1: mean of R over r blocks, as in public code on r GPUs
    gamma: bool  # multiply R by gamma = (p + n) / (p n), as in the public code; false: R alone, the literal Eq. 9-10


def coding_rate(z_ND: Tensor, eps: float, centred: bool = False, count: int | None = None) -> Tensor:
    """R = 1/2 logdet(I + p / (n eps) Z^T Z), in nats; larger means more spread out (paper Eq. 9).

    z_ND: n rows of dimension p; unit rows in every published recipe, but they are not normalised here.
    eps: takes the place of the paper's eps^2 (protocol: 0.05). centred: subtract the mean row first.
    count: the n to divide by, if it is not the number of rows. The public SimDINO code divides the Gram matrix
    of one process's rows by the number of rows of all processes; passing that number here gives its value for
    one process (see `virtual_ranks`).

    Returns a differentiable scalar >= 0, float32 or wider even under autocast. The gradient is finite for
    duplicate rows and for zero rows. Non-finite input gives a non-finite result, not an error (no device sync).
    Raises ValueError unless z_ND is a non-empty 2-D floating-point tensor, eps > 0 and count > 0.
    """
    import torch

    _check(z_ND, eps, count)
    with torch.autocast(z_ND.device.type, enabled=False):
        rows = z_ND.float() if z_ND.dtype.itemsize < 4 else z_ND
        if centred:
            rows = rows - rows.mean(dim=0)
        n, p = rows.shape
        # I_p + a Z^T Z and I_n + a Z Z^T have the same determinant; factorise the smaller one.
        gram = rows @ rows.T if n < p else rows.T @ rows
        return _half_logdet_identity_plus(gram * (p / ((n if count is None else count) * eps)))


def rate_scale(n: int, p: int) -> float:
    """gamma = (p + n) / (p n), which makes the rate term comparable across batch sizes and dimensions (protocol).

    n: rows of the whole batch, p: dimension; ValueError unless both >= 1.
    """
    if n < 1 or p < 1:
        raise ValueError(f"rate_scale needs n >= 1 rows and p >= 1 dimensions, got n={n}, p={p}")
    return (p + n) / (p * n)


def rows(student_GND: Tensor, teacher_GND: Tensor, settings: Settings) -> Tensor:
    """The rows whose rate is computed, [G, N, D]."""
    from torch.nn.functional import normalize

    student, teacher = student_GND, teacher_GND
    if settings.normalise:
        student, teacher = normalize(student, dim=-1), normalize(teacher, dim=-1)
    return (student + teacher) / 2 if settings.rows == "mean" else student


def value(rows_GND: Tensor, settings: Settings) -> Tensor:
    """-gamma R in nats, or -R without gamma; the mean over the G views.

    Raises ValueError if the rows cannot be divided evenly among the virtual ranks.
    """
    import torch

    per_view = torch.stack([_rate_of_view(view, settings) for view in rows_GND])
    scale = rate_scale(rows_GND.shape[1], rows_GND.shape[2]) if settings.gamma else 1.0
    return -per_view.mean() * scale


def _rate_of_view(rows_ND: Tensor, settings: Settings) -> Tensor:
    import torch

    count, ranks = len(rows_ND), settings.virtual_ranks
    if count % ranks:
        raise ValueError(f"{count} rows cannot be divided evenly among {ranks} virtual ranks")
    rates = [coding_rate(share, settings.eps, settings.centred, count=count) for share in rows_ND.chunk(ranks)]
    return torch.stack(rates).mean()


def _half_logdet_identity_plus(gram: Tensor) -> Tensor:
    import torch

    identity = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    # cholesky_ex skips the error check, which would wait for the device; I + PSD always has a factor.
    factor: Tensor = torch.linalg.cholesky_ex(identity + gram)[0]
    return factor.diagonal().log().sum()


def _check(z_ND: Tensor, eps: float, count: int | None) -> None:
    if z_ND.ndim != 2 or 0 in z_ND.shape or not z_ND.is_floating_point():
        raise ValueError(f"coding_rate needs floating rows [N, D], got {z_ND.dtype} {tuple(z_ND.shape)}")
    if not eps > 0:
        raise ValueError(f"coding_rate needs eps > 0, got {eps}")
    if count is not None and count < 1:
        raise ValueError(f"coding_rate needs count >= 1, got {count}")


TERM = Term(name="coding_rate", settings=Settings, value=value, couples=True, rows=rows)
