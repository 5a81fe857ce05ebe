"""Hours, bytes and seconds as people read them."""

from __future__ import annotations

import math


def hours_text(hours: float) -> str:
    """Three significant digits: "0.0123", "4.56", "1,235"."""
    if hours == 0:
        return "0"
    digits = max(2 - math.floor(math.log10(abs(hours))), 0)
    return f"{hours:,.{min(digits, 4)}f}"


def bytes_text(count: float) -> str:
    """ "12 MB", "3.4 GB", in powers of ten."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def time_text(seconds: float) -> str:
    """ "42 s", "12 min", "5.2 h", "3.1 d"."""
    for size, unit in ((86400 * 2, "d"), (5400, "h"), (90, "min")):
        if seconds >= size:
            return f"{seconds / {'d': 86400, 'h': 3600, 'min': 60}[unit]:.3g} {unit}"
    return f"{seconds:.0f} s"


def number_of(count: int, thing: str) -> str:
    """ "1 GPU", "8 GPUs"."""
    return f"{count} {thing}{'s' * (count > 1)}"
