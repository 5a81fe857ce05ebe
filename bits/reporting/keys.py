"""How to read a table, in the same words in every format: what bold and ± mean."""

from __future__ import annotations

from typing import Protocol

from bits.reporting.cells import Table
from bits.reporting.seeds import MARK

NOT_LIVE = (
    "Not live: the teacher's messages in training say nothing of the image, or the features have collapsed, so the "
    "number is no evidence about the method."
)


def bold_said(table: Table) -> str:
    """What bold means; nothing for a table without a bold number."""
    rows = [row for row in table.rows if row.kind == "run"]
    if not any(cell.best for row in rows for cell in row.cells):
        return ""
    where = "column and group of rows" if len({row.group for row in rows}) > 1 else "column"
    among = "rows" if table.about.beyond else "of the paper's rows"
    return f"Bold: in each {where}, the best of two or more {among} of which every seed was measured and is live."


def intervals_said(table: Table) -> str:
    """Where the intervals of its numbers are; nothing for a table without any."""
    if not any(interval for cell in table.cells() for interval in cell.seeds.intervals):
        return ""
    return (
        "Hovering over a number shows its 95 % bootstrap interval over test images or queries, of each seed where "
        "there are several; the CSV holds them all."
    )


def seeds_said(table: Table) -> str:
    """What ± means; nothing for a table of single seeds."""
    match table.seeds():
        case () | (1,):
            return ""
        case (number,):
            return (
                f"A value with ± is the mean and the sample standard deviation of {number} seeds, unless a number of "
                "seeds follows it."
            )
        case _:
            return (
                "A value with ± is the mean and the sample standard deviation of the number of seeds that follows it."
            )


class WithRuns(Protocol):
    """An exhibit that knows which of its runs are not live."""

    def dead(self) -> list[str]:
        """A sentence each."""


def dead_said(exhibit: WithRuns) -> str:
    """What the mark behind a number means; nothing where none is marked."""
    return f"{MARK} {NOT_LIVE}" if exhibit.dead() else ""
