"""Rows of a table, or curves, that show one and the same run, such as a reset every 10 epochs where 5 are trained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bits.plan.alike import training_of, what_differs
from bits.plan.model import Plan


@dataclass(frozen=True)
class Alike:
    """Sources whose runs are the same trainings, seed by seed."""

    plan: Plan

    def key(self, source: str) -> tuple[str, ...]:
        """Equal for sources that are the same trainings; () for one that no run stands behind."""
        ids = self.plan.sources.get(source, ())
        return tuple(training_of(self.plan, identity) for identity in ids if identity in self.plan.runs)

    def coincide(self, sources: Sequence[str]) -> list[bool]:
        """Of each source, whether another one is the same trainings."""
        keys = {source: self.key(source) for source in sources}
        return [
            bool(keys[source]) and any(keys[source] == key and source != other for other, key in keys.items())
            for source in sources
        ]

    def said(self, shown: Iterable[Sequence[tuple[str, str]]]) -> tuple[str, ...]:
        """A sentence for what is the same in some column, or panel, each once.

        shown: of every column, or panel, (label of the row, or curve, and its source).
        """
        return tuple(dict.fromkeys(sentence for beside in shown for sentence in self._said(beside)))

    def _said(self, beside: Iterable[tuple[str, str]]) -> Iterator[str]:
        groups: dict[tuple[str, ...], dict[str, str]] = {}  # key -> source -> label
        for label, source in beside:
            if key := self.key(source):
                groups.setdefault(key, {}).setdefault(source, label)
        yield from (self._sentence(members) for members in groups.values() if len(members) > 1)

    def _sentence(self, labels: dict[str, str]) -> str:
        ids = [self.plan.sources[source][0] for source in labels]
        epochs, keys = self.plan.runs[ids[0]].recipe.schedule.epochs, what_differs(self.plan, ids)
        why = f"{' and '.join(keys)} never comes into play in {epochs} epochs" if keys else "nothing tells them apart"
        return f"{', '.join(labels.values())}: one and the same run in this set-up, because {why}"
