"""Cosine similarities good enough to rank by, in blocks of bounded size."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn.functional import normalize

from bits.errors import BitsError

# Elements of one similarity block: 64 MB of float32 on a CPU, 0.5 GB on an accelerator.
CPU_BLOCK, DEVICE_BLOCK = 2**24, 2**27


class EvaluationError(BitsError, ValueError):
    """Features, labels or settings that cannot be evaluated."""


def require_rows(features_ND: Tensor, name: str) -> None:
    """Raise EvaluationError unless features are [N >= 1, D >= 1]."""
    if features_ND.ndim != 2 or 0 in features_ND.shape:
        raise EvaluationError(f"{name}: expected features [N, D], got {tuple(features_ND.shape)}")


def unit_rows(features_ND: Tensor, name: str) -> Tensor:
    """The rows L2-normalised, float32 or wider; a zero row stays zero.

    name: what to call them in an error. Raises EvaluationError unless they are [N >= 1, D >= 1] and finite.
    """
    require_rows(features_ND, name)
    rows = features_ND if features_ND.dtype == torch.float64 else features_ND.float()
    norms = torch.linalg.vector_norm(rows, dim=1, keepdim=True)
    # One pass tells broken rows; the norm of a finite row overflows only beyond 1e19.
    if not norms.isfinite().all():
        broken = int((~rows.isfinite().all(dim=1)).sum())
        if broken:
            raise EvaluationError(
                f"{name}: {broken} of {len(rows)} feature rows hold NaN or infinity. "
                "The model that made them has diverged, or the features were read back damaged."
            )
        return normalize(rows.double(), dim=1).to(rows.dtype)
    return rows / norms.clamp_min(1e-12)


def cosine_block(query_qD: Tensor, gallery_GD: Tensor) -> Tensor:
    """Similarities [q, G] of unit rows, in their own precision.

    Neither autocast nor a reduced matmul precision that training has set applies here: half precision ties
    almost everything in a large gallery (protocol "Retrieval").
    """
    with full_precision(), torch.autocast(query_qD.device.type, enabled=False):
        return query_qD @ gallery_GD.T


def blocks(rows: int, columns: int, chunk: int | None, device: torch.device) -> Iterator[slice]:
    """Runs of consecutive rows whose [chunk, columns] block is held at once; `chunk` None: by memory."""
    if chunk is not None and chunk < 1:
        raise EvaluationError(f"chunk is the number of rows held at once and must be >= 1, got {chunk}")
    budget = CPU_BLOCK if device.type == "cpu" else DEVICE_BLOCK
    step = chunk or max(1, budget // columns)
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


@contextmanager
def full_precision() -> Iterator[None]:
    """Products of float32 are not rounded to fewer bits, whatever training has set."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
