"""CSV: numbers to ten digits, what went wrong beside them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from bits.reporting.intervals import Interval
from bits.reporting.seeds import Seeds

# The last columns of every exhibit.
VALUES = ("sd", "seeds", "n", "low", "high", "not_live", "published", "unit", "measure", "origin", "note", "stamp")


def digits(value: float | None) -> str:
    """A number to ten digits; nothing for None."""
    return "" if value is None else f"{value:.10g}"


def problems(seeds: Seeds) -> str:
    """Why seeds collapsed, diverged or are missing, each reason once."""
    return "; ".join(dict.fromkeys(reading.problem for reading in seeds.readings if reading.problem))


def not_live(seeds: Seeds) -> str:
    """Why the channel of its runs carries nothing, each reason once; "" of live ones."""
    return "; ".join(dict.fromkeys(reading.dead for reading in seeds.readings if reading.dead))


def interval_texts(intervals: Sequence[Interval | None]) -> tuple[str, str, str]:
    """n, low and high of each seed, divided by spaces and "-" for a seed without; n once where all agree."""
    known = [one for one in intervals if one is not None]
    if not known:
        return "", "", ""
    low = " ".join(digits(one.low) if one else "-" for one in intervals)
    high = " ".join(digits(one.high) if one else "-" for one in intervals)
    return " ".join(dict.fromkeys(str(one.n) for one in known)), low, high


def csv_text(columns: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A header and lines as CSV."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(lines)
    return buffer.getvalue()
