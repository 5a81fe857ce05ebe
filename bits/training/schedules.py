"""Values that change with the step, as in the public DINO and SimDINO recipes."""

from __future__ import annotations

import math


def cosine(start: float, end: float, step: int, steps: int) -> float:
    """From `start` at step 0 along a half cosine to `end` at step `steps` (the last step stops just short)."""
    return end + 0.5 * (start - end) * (1 + math.cos(math.pi * step / steps))


def warmup_cosine(peak: float, end: float, step: int, steps: int, warmup: int) -> float:
    """Linearly from 0 at step 0 to `peak` at step warmup - 1, then along a half cosine to `end`."""
    if step < warmup:
        return peak * step / max(warmup - 1, 1)
    return cosine(peak, end, step - warmup, steps - warmup)
