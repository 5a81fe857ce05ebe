"""Signs of collapse, measured during training."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from bits.objectives.channel import LEAST_CODE_ENTROPY, LEAST_EFFECTIVE_RANK

# Share of the features' energy that counts as rounding error. Equal features computed in bfloat16 differ by 1e-7 to
# 1e-5 of their energy; the features of different images, in a run that has not collapsed, by at least 3e-4.
ROUNDING = 1e-5


@torch.no_grad()
def health(features_ND: Tensor, ones_B: Tensor) -> dict[str, float]:
    """Spread of one batch's teacher features and codes.

    ones_B: for each bit, the share of samples whose output is positive (Eq. 7).

    Returns, by name:
    feature_std: mean standard deviation of the unit features times sqrt(D); 1 isotropic, 0 collapsed.
    effective_rank: exp(entropy) of the covariance's normalised eigenvalues, at most min(N - 1, D); 0 for equal rows.
    code_entropy: mean marginal entropy of the bits, 0 to 1 bit.
    """
    features = features_ND.float()
    unit = F.normalize(features, dim=-1)
    centred = features - features.mean(0)
    squares = torch.linalg.svdvals(centred) ** 2
    # Equal rows differ by rounding errors, which have a high rank.
    spread = bool(squares.sum() > ROUNDING * features.square().sum())
    shares = squares / squares.sum().clamp_min(1e-30)
    rank = torch.exp(-(shares * torch.log(shares.clamp_min(1e-30))).sum())
    ones = ones_B.float().clamp(1e-7, 1 - 1e-7)
    entropy = -(ones * ones.log2() + (1 - ones) * (1 - ones).log2()).mean()
    return {
        "feature_std": float(unit.std(0).mean() * features.shape[1] ** 0.5) if len(unit) > 1 else 0.0,
        "effective_rank": float(rank) if spread else 0.0,
        "code_entropy": float(entropy),
    }


def collapse(health: dict[str, float]) -> str | None:
    """Why the run counts as collapsed (its features have lost their spread), or None."""
    if health["effective_rank"] < LEAST_EFFECTIVE_RANK:
        return f"effective rank of the teacher's features {health['effective_rank']:.2f} < {LEAST_EFFECTIVE_RANK}"
    return None


def constant_codes(health: dict[str, float]) -> str | None:
    """A warning that nearly all images have the same code, or None; for objectives that send codes.

    This is not a collapse in itself: features can stay spread out, and good, while the codes are constant.
    """
    if health["code_entropy"] < LEAST_CODE_ENTROPY:
        found = f"{health['code_entropy']:.3f} < {LEAST_CODE_ENTROPY} bits"
        return f"constant codes: mean marginal entropy of the code's bits {found}"
    return None
