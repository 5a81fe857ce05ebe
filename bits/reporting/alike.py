"""Rows of a table that show one and the same run, such as a reset every 10 epochs where 5 are trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bits.plan.alike import training_of, what_differs
from bits.plan.model import Plan
from bits.reporting.cells import Cell, TableRow


@dataclass(frozen=True)
class Alike:
    """Sources whose runs are the same trainings, seed by seed."""

    plan: Plan

    def key(self, cell: Cell) -> tuple[str, ...]:
        """Equal for cells of the same trainings; () for one that no run stands behind."""
        ids = self.plan.sources.get(cell.source, ())
        return tuple(training_of(self.plan, identity) for identity in ids if identity in self.plan.runs)

    def coincide(self, cells: Sequence[Cell]) -> list[bool]:
        """Of each cell of a column, whether another one has another source, but the same trainings."""
        keys = [self.key(cell) for cell in cells]
        return [
            bool(key) and any(key == keys[i] and cell.source != other.source for i, other in enumerate(cells))
            for key, cell in zip(keys, cells, strict=True)
        ]

    def said(self, rows: Sequence[TableRow]) -> tuple[str, ...]:
        """A sentence for every set of rows that coincide in some column, each once."""
        return tuple(dict.fromkeys(self._said(rows)))

    def _said(self, rows: Sequence[TableRow]) -> Iterator[str]:
        for column in zip(*(row.cells for row in rows), strict=True):
            groups: dict[tuple[str, ...], dict[str, str]] = {}  # key -> source -> label of its row
            for row, cell in zip(rows, column, strict=True):
                if key := self.key(cell):
                    groups.setdefault(key, {}).setdefault(cell.source, row.full_label)
            yield from (self._sentence(members) for members in groups.values() if len(members) > 1)

    def _sentence(self, labels: dict[str, str]) -> str:
        ids = [self.plan.sources[source][0] for source in labels]
        epochs, keys = self.plan.runs[ids[0]].recipe.schedule.epochs, what_differs(self.plan, ids)
        why = f"{' and '.join(keys)} never comes into play in {epochs} epochs" if keys else "nothing tells them apart"
        return f"{', '.join(labels.values())}: one and the same run in this set-up, because {why}"
