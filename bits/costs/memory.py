"""Which evaluation holds most in memory: what `bits plan` notes and `bits doctor` compares with what a job gets."""

from __future__ import annotations

from collections.abc import Mapping

from bits.config.section import Section
from bits.costs.graph import Graph
from bits.costs.sizes import Footprint, Sizes


class MemoryNeed(Section):
    """job: id of the evaluation, "" where none is left to do. bytes: of features and of what evaluators need."""

    job: str = ""
    bytes: int = 0


def memory_left(sizes: Sizes) -> MemoryNeed:
    """Of the jobs that have still to be done and whose data are here."""
    plan = sizes.plan
    left = Graph(plan).left({path for files in plan.needs.values() for path in files})
    return most_memory({work.id: sizes.footprint(work) for work in left})


def most_memory(footprints: Mapping[str, Footprint]) -> MemoryNeed:
    """footprints: by the ids of jobs."""
    needs = [MemoryNeed(job=name, bytes=one.memory) for name, one in footprints.items() if one.memory]
    return max(needs, key=lambda need: need.bytes, default=MemoryNeed())
