"""Tables with their values, ready to be rendered in any format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from bits.reporting.about import About
from bits.reporting.caveats import CAVEAT
from bits.reporting.results import MISSING, Reading
from bits.reporting.seeds import Seeds

ADDED = "Added here"
NOTHING = "\N{EN DASH}"  # where a measure does not apply


@dataclass(frozen=True)
class Cell:
    """One value of a table in its unit, the mean of its seeds. Without seeds: a number from elsewhere.

    counted: whether it states its number of seeds even when all were measured, because other cells have more or fewer.
    """

    seeds: Seeds
    published: float | str | None = None
    note: str = ""
    source: str = ""
    measure: str = ""
    unit: str = ""
    decimals: int = 2
    best: bool = False
    counted: bool = False

    @property
    def status(self) -> str:
        return self.seeds.status or "quoted"

    @property
    def value(self) -> float | None:
        return self.seeds.mean

    @property
    def missing(self) -> bool:
        """Whether there is nothing to show, no value and no outcome."""
        return self.status in MISSING

    @property
    def number(self) -> str:
        """The measured number as shown, or nothing."""
        return self.rounded(self.value)

    @property
    def spread(self) -> str:
        """The deviation among seeds as shown, or nothing."""
        return self.rounded(self.seeds.deviation)

    @property
    def core(self) -> str:
        """The number with its spread; the word for a run that collapsed, diverged or has none; a dash where there is no
        such thing; nothing when quoted."""
        if self.status == "measured":
            return f"{self.number} ± {self.spread}" if self.spread else self.number
        return {"quoted": "", "does not apply": NOTHING}.get(self.status, self.status)

    @property
    def mark(self) -> str:
        """Behind a number from a run whose channel carries nothing."""
        return self.seeds.mark if self.core and not self.missing else ""

    @property
    def caveat(self) -> str:
        """Behind a number of which something is to be kept in mind."""
        return CAVEAT if self.number and self.seeds.caveats else ""

    @property
    def marks(self) -> str:
        return " ".join(mark for mark in (self.mark, self.caveat) if mark)

    @property
    def text(self) -> str:
        """The core with its marks and tally."""
        return " ".join(part for part in (self.core, self.marks, f"({self.tally})" if self.tally else "") if part)

    @property
    def tally(self) -> str:
        """How many seeds it stands for: "2 of 3", or "3 seeds" of all when counted; else nothing."""
        return self.seeds.counted(self.counted) if self.core else ""

    @property
    def published_text(self) -> str:
        """The published value with the digits it was published with; an outcome word as it is."""
        return f"{self.published:.10g}" if isinstance(self.published, float) else self.published or ""

    @property
    def tooltip(self) -> str:
        """Where the value comes from, or why there is none; a line for every seed when there are several."""
        published = f"published: {self.note}" if self.note else ""
        readings = self.seeds.readings
        dead = "; ".join(self.seeds.dead("not live"))
        if len(readings) > 1:
            texts = (self.seed_text(reading) for reading in readings)
            parts = [self.source, self.measure, dead, *texts, *self.seeds.caveats, published]
        elif readings:
            (only,) = readings
            measured = f"measured {self.number}" if self.number and self.status != "measured" else ""
            measured = self.status if self.core == NOTHING else measured
            origin, interval = only.origin or "", self.interval_text(only, "95 % interval ")
            about = [only.run_id or self.source, self.measure, dead, measured, interval, *self.seeds.caveats]
            parts = [*about, only.problem, origin, published]
        else:
            parts = [self.source, self.measure, published]
        return "\n".join(part for part in parts if part)

    def seed_text(self, reading: Reading) -> str:
        """One seed in words: "seed 1: 43.21" or "seed 2: collapse - criterion"."""
        number = self.rounded(reading.value)
        if reading.status == "measured":
            interval = self.interval_text(reading, ", 95 % interval ")
            return f"seed {reading.seed}: {number or 'no value here'}{interval}"
        measured = f" (measured {number})" if number else ""
        return f"seed {reading.seed}: {reading.status}{measured}" + (f" - {reading.problem}" if reading.problem else "")

    def interval_text(self, reading: Reading, before: str) -> str:
        """The interval of one seed's value in words, after `before`: "41.20 to 47.90 (n = 160)"; or nothing."""
        found = next(iter(reading.intervals), None)
        return f"{before}{self.rounded(found.low)} to {self.rounded(found.high)} (n = {found.n:,})" if found else ""

    def rounded(self, value: float | None) -> str:
        return "" if value is None else f"{value:.{self.decimals}f}"


@dataclass(frozen=True)
class TableRow:
    """kind: run, added (by the user; not in the paper), reference or quoted."""

    label: str
    kind: str
    cells: tuple[Cell, ...]
    group: str = ""
    colour: str = ""
    note: str = ""

    @property
    def full_label(self) -> str:
        """The label after its group's."""
        return f"{self.group}: {self.label}" if self.group else self.label

    def outcomes(self) -> Iterator[str]:
        """Why each run of the row collapsed or diverged; runs are named if the row has several."""
        return (line for label, seeds in self._labelled() for line in seeds.outcomes(label))

    def dead(self) -> Iterator[str]:
        """Why the channel of each run of the row carries nothing; runs are named if the row has several."""
        return (line for label, seeds in self._labelled() for line in seeds.dead(label))

    def _labelled(self) -> Iterator[tuple[str, Seeds]]:
        several = len({cell.source for cell in self.cells}) > 1
        for cell in self.cells:
            yield f"{self.full_label} ({cell.source})" if several else self.full_label, cell.seeds


@dataclass(frozen=True)
class Head:
    """A column's head."""

    label: str
    group: str
    unit: str
    about: str
    extra: bool

    @property
    def shown_unit(self) -> str:
        """The unit where it is said beside the label; counts and fractions are numbers without one."""
        return self.unit if self.unit in ("%", "bits") else ""


@dataclass(frozen=True)
class Table:
    """A grid with its values. alike: which rows show one and the same run, a sentence each."""

    about: About
    row_title: str
    heads: tuple[Head, ...]
    rows: tuple[TableRow, ...]
    alike: tuple[str, ...] = ()

    @property
    def compared(self) -> bool:
        """Whether published numbers stand beside measured ones."""
        return not self.about.beyond or any(cell.published is not None for cell in self.cells())

    def head_groups(self) -> list[tuple[str, int]]:
        """(group, number of its columns) of neighbouring columns; one entry when nothing is grouped."""
        groups = groupby(self.heads, key=lambda head: head.group)
        return [(group, len(list(heads))) for group, heads in groups]

    def bodies(self) -> list[tuple[str, str, list[TableRow]]]:
        """(kind, group, rows) of neighbouring rows that belong together."""
        bodies = groupby(self.rows, key=lambda row: (row.kind, row.group))
        return [(kind, group, list(rows)) for (kind, group), rows in bodies]

    def coloured(self) -> bool:
        """Whether any row has a method's colour."""
        return any(row.colour for row in self.rows)

    def cells(self) -> list[Cell]:
        """Every cell of a run or reference."""
        return [cell for row in self.rows if row.kind != "quoted" for cell in row.cells]

    def holes(self) -> list[str]:
        """Why each missing seed of a cell is missing, each reason once."""
        return list(dict.fromkeys(hole for cell in self.cells() for hole in cell.seeds.holes()))

    def outcomes(self) -> list[str]:
        """Which runs collapsed or diverged, and by which criterion, each once."""
        return list(dict.fromkeys(outcome for row in self.rows for outcome in row.outcomes()))

    def dead(self) -> list[str]:
        """Which runs are not live, and why, each once."""
        return list(dict.fromkeys(line for row in self.rows for line in row.dead()))

    def caveats(self) -> list[str]:
        """What is to be kept in mind of its numbers, each once, after the columns that it holds for."""
        found: dict[str, dict[int, None]] = {}
        for row in self.rows:
            for column, cell in enumerate(row.cells):
                for caveat in cell.seeds.caveats if cell.caveat else ():
                    found.setdefault(caveat, {})[column] = None
        return [f"{self._named(sorted(columns))}: {caveat}" for caveat, columns in found.items()]

    def _named(self, columns: Sequence[int]) -> str:
        """Columns in words, by their group's name where all of it is meant."""
        names: dict[str, None] = {}
        for column in columns:
            head = self.heads[column]
            group = [index for index, other in enumerate(self.heads) if other.group == head.group]
            alone = f"{head.group} {head.label}" if head.group else head.label
            names[head.group if head.group and set(group) <= set(columns) else alone] = None
        return ", ".join(names)

    def seeds(self) -> tuple[int, ...]:
        """The numbers of seeds that cells expect, each once, increasing; if they differ, every cell states its own."""
        return tuple(sorted({cell.seeds.expected for cell in self.cells()}))

    def counts(self) -> tuple[int, int]:
        """(cells of which every seed has a value or an outcome, cells of runs and references)."""
        cells = self.cells()
        return sum(cell.seeds.settled for cell in cells), len(cells)
