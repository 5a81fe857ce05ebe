"""The coding rate: how much volume a set of rows spans (paper Eq. 9). The term is minus it, as it is maximised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from bits.config.section import Positive
from bits.objectives.term import Term, TermSettings

if TYPE_CHECKING:
    from torch import Tensor


class Settings(TermSettings):
    """weight: beta of BITS (Eq. 10), SimDINO's factor of gamma R."""

    eps: float = Field(gt=0)  # plays the part of eps^2 in Eq. 9
    rows: Literal["student", "mean"]  # the student's global views; or their mean with the teacher's, not renormalised
    normalise: bool  # L2-normalise student and teacher rows first; false for heads whose outputs are unit rows
    centred: bool  # the covariance about the mean row
    # 1: R of the whole batch. r > 1 reproduces the public code on r processes: the mean of R over r equal runs of
    # neighbouring rows, each divided by the count of the whole batch.
    virtual_ranks: Positive


def coding_rate(z_ND: Tensor, eps: float, centred: bool = False, count: int | None = None) -> Tensor:
    """R = 1/2 logdet(I + p / (n eps) Z^T Z), in nats; larger is more spread (paper Eq. 9).

    z_ND: n rows of dimension p, unit rows in every published recipe; they are not normalised here.
    eps: plays the part of the paper's eps^2 (protocol: 0.05). centred: subtract the mean row first.
    count: the n of the division when it is not the number of rows. The public SimDINO code takes the Gram
    matrix of one process's rows and divides by the rows of all processes; that reading is `virtual_ranks`,
    and passing the global count here gives its value for one process.

    Returns a differentiable scalar >= 0, float32 or wider even under autocast. The gradient is finite for
    duplicate and for zero rows. Non-finite input gives a non-finite result, not an error (no device sync).
    Raises ValueError unless z_ND is a 2-D floating tensor with rows and columns, eps > 0 and count > 0.
    """
    import torch

    _check(z_ND, eps, count)
    with torch.autocast(z_ND.device.type, enabled=False):
        rows = z_ND.float() if z_ND.dtype.itemsize < 4 else z_ND
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


def rows(student_GND: Tensor, teacher_GND: Tensor, settings: Settings) -> Tensor:
    """The rows that the rate is taken of, [G, N, D]."""
    from torch.nn.functional import normalize

    student, teacher = student_GND, teacher_GND
    if settings.normalise:
        student, teacher = normalize(student, dim=-1), normalize(teacher, dim=-1)
    return (student + teacher) / 2 if settings.rows == "mean" else student


def value(rows_GND: Tensor, settings: Settings) -> Tensor:
    """-gamma R in nats, the mean over the G views.

    Raises ValueError when the rows cannot be dealt evenly to the virtual ranks.
    """
    import torch

    per_view = torch.stack([_rate_of_view(view, settings) for view in rows_GND])
    return -per_view.mean() * rate_scale(rows_GND.shape[1], rows_GND.shape[2])


def _rate_of_view(rows_ND: Tensor, settings: Settings) -> Tensor:
    import torch

    count, ranks = len(rows_ND), settings.virtual_ranks
    if count % ranks:
        raise ValueError(f"{count} rows cannot be dealt evenly to {ranks} virtual ranks")
    rates = [coding_rate(share, settings.eps, settings.centred, count=count) for share in rows_ND.chunk(ranks)]
    return torch.stack(rates).mean()


def _half_logdet_identity_plus(gram: Tensor) -> Tensor:
    import torch

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


TERM = Term(name="coding_rate", settings=Settings, value=value, couples=True, rows=rows)
