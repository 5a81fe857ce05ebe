"""How a representation spreads its variance over directions (paper Table 2 and Figure 1)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from bits.errors import BitsError

ROWS_AT_ONCE = 16384


class FeatureError(BitsError, ValueError):
    """Features that have no variance spectrum."""


def variance_spectrum(
    features_ND: Tensor, *, centred: bool = True, normalised: bool = False
) -> dict[str, float | int | list[float]]:
    """Effective dimensions of the covariance eigenvalues l (protocol "Geometry and language").

    "d_eff": (sum l)^2 / sum l^2. "r_eff": exp(entropy of l / sum l), entropy in nats. "dimension": D.
    "cumulative": D + 1 shares of the variance explained by the leading directions, from 0.0 to 1.0.
    0 <= d_eff <= r_eff <= D. centred: about the mean row. normalised: L2-normalise the rows first.
    Accumulated and decomposed in float64. A collapsed representation, whose spread is no more than rounding
    (float32's, or its own coarser format's), is a result and not an error: no direction carries variance, so
    d_eff = r_eff = 0.0, which no other features have, and "cumulative" steps to 1.0 at once.
    Raises FeatureError (a ValueError) unless features_ND is floating, finite, [N >= 1, D >= 1].
    """
    _check(features_ND)
    eigenvalues = _eigenvalues(features_ND, centred, normalised)
    dimension = features_ND.shape[1]
    total = eigenvalues.sum()
    if total <= _rounding_variance(features_ND, normalised):
        d_eff = r_eff = 0.0
        cumulative = [0.0] + [1.0] * dimension
    else:
        share = eigenvalues / total
        d_eff = float(1 / share.square().sum())
        r_eff = float(torch.special.entr(share).sum().exp())
        shares = share.cumsum(dim=0).clamp(max=1.0).tolist()
        cumulative = [0.0, *shares[:-1], 1.0]
    return {"d_eff": d_eff, "r_eff": r_eff, "dimension": dimension, "cumulative": cumulative}


def _eigenvalues(features_ND: Tensor, centred: bool, normalised: bool) -> Tensor:
    """The D eigenvalues of the covariance, falling, float64; rounding below zero is cut."""
    rows, dimension = features_ND.shape
    mean = _mean(features_ND, normalised) if centred else None
    if rows < dimension:
        # The smaller Gram matrix has the same non-zero eigenvalues.
        z = _prepared(features_ND, normalised, mean)
        gram = z @ z.T
    else:
        gram = torch.zeros(dimension, dimension, dtype=torch.float64, device=features_ND.device)
        for chunk in features_ND.split(ROWS_AT_ONCE):
            z = _prepared(chunk, normalised, mean)
            gram += z.T @ z
    found = torch.linalg.eigvalsh(gram / rows).flip(0).clamp(min=0)
    return torch.cat([found, found.new_zeros(dimension - len(found))])


def _mean(features_ND: Tensor, normalised: bool) -> Tensor:
    sums = [_prepared(chunk, normalised, None).sum(dim=0) for chunk in features_ND.split(ROWS_AT_ONCE)]
    return torch.stack(sums).sum(dim=0) / len(features_ND)


def _prepared(rows: Tensor, normalised: bool, mean: Tensor | None) -> Tensor:
    z = rows.double()
    if normalised:
        z = normalize(z, dim=-1)
    return z if mean is None else z - mean


def _rounding_variance(features_ND: Tensor, normalised: bool) -> float:
    """The total variance that rounding alone can bring about.

    Networks compute in float32 at best, so features stored as float64 are no more exact than that.
    """
    if normalised:
        mean_square = 1.0
    else:
        mean_square = float(sum(c.double().square().sum() for c in features_ND.split(ROWS_AT_ONCE)))
        mean_square /= len(features_ND)
    eps = max(torch.finfo(features_ND.dtype).eps, torch.finfo(torch.float32).eps)
    return mean_square * eps**2


def _check(features_ND: Tensor) -> None:
    if features_ND.ndim != 2 or 0 in features_ND.shape or not features_ND.is_floating_point():
        raise FeatureError(
            f"variance spectrum: expected floating features [N, D], got {features_ND.dtype} {tuple(features_ND.shape)}"
        )
    if not features_ND.isfinite().all():
        raise FeatureError("variance spectrum: the features hold NaN or infinity; the model has diverged")
