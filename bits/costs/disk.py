"""How much disk a plan still needs: what `bits plan` prices and `bits doctor` compares with the free space."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Literal

from bits.config.section import Section
from bits.costs.exhibits import files_shown
from bits.costs.graph import EVALUATIONS, TRAININGS, Graph
from bits.costs.sizes import Footprint, Sizes
from bits.exhibits import Declarations
from bits.plan import Plan


class Need(Section):
    """Bytes that will be written below a folder. number: of runs."""

    kind: Literal["weights", "features", "data", "checkpoints", "copy"]
    place: Path
    bytes: int
    number: int = 0

    @property
    def what(self) -> str:
        """In words."""
        words = {
            "weights": f"weights of {self.number} runs",
            "features": "features",
            "data": "data sets that are rendered",
            "checkpoints": f"checkpoints of {self.number} trainings, at work or not yet measured",
            "copy": "a copy of the weights, once they are added to DVC",
        }
        return words[self.kind]


def disk_needs(footprints: Collection[Footprint], plan: Plan, trainings: int) -> tuple[Need, ...]:
    """What jobs will write, and where.

    trainings: that run at a time. A run keeps its checkpoints until it is measured, which comes before the next
    training: those of the largest are counted, twice as many as run at a time.
    """
    trained = [one for one in footprints if one.kind in TRAININGS]
    at_once = sorted((one.checkpoints for one in trained), reverse=True)[: 2 * max(trainings, 1)]
    kept = [*trained, *(one for one in footprints if one.kind == "import")]
    evaluated = [one for one in footprints if one.kind in EVALUATIONS]
    return (
        Need(kind="weights", place=plan.folder, bytes=_kept(kept), number=len(kept)),
        Need(kind="features", place=plan.folder, bytes=_kept(evaluated)),
        *(
            Need(kind="data", place=Path(plan.roots[one.role]).parent, bytes=one.kept)
            for one in footprints
            if one.kind == "data"
        ),
        Need(
            kind="checkpoints",
            place=Path(plan.site.scratch or plan.folder),
            bytes=sum(at_once),
            number=len(at_once),
        ),
    )


def disk_left(sizes: Sizes, declared: Declarations, trainings: int) -> tuple[tuple[Need, ...], int]:
    """(what the jobs that can run have still to write, bytes that exhibits which wait for their data keep in addition).

    Together they are what the whole plan needs.
    """
    plan, graph = sizes.plan, Graph(sizes.plan)

    def needs(files: Iterable[Path]) -> tuple[Need, ...]:
        return disk_needs([sizes.footprint(work) for work in graph.left(files)], plan, trainings)

    now = needs({path for files in plan.needs.values() for path in files})
    return now, bytes_kept(needs(files_shown(declared, plan))) - bytes_kept(now)


def _kept(footprints: Iterable[Footprint]) -> int:
    return sum(one.kept for one in footprints)


def bytes_kept(needs: Iterable[Need]) -> int:
    """Bytes that stay when everything is done."""
    return sum(need.bytes for need in needs if need.kind != "checkpoints")


def bytes_at_most(needs: Iterable[Need]) -> int:
    """Bytes that stay, and the checkpoints beside them."""
    return sum(need.bytes for need in needs)
