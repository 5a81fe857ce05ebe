"""How many bytes each job of a plan writes, and holds in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bits.config.recipe import Recipe
from bits.costs.assumptions import Images
from bits.costs.counts import Counts
from bits.costs.demand import FLOAT, Demand, evaluation_demand
from bits.costs.graph import EVALUATIONS, TRAININGS, Kind, Work
from bits.data.kind import kind_of
from bits.plan import Plan

BRANCHES = 2  # student and teacher, each a backbone and a head
STATES = 4  # of a checkpoint: student, teacher, AdamW's two moments of the student
GENERATIONS = 3  # of checkpoints: two are kept, and a third is written before the oldest goes


@dataclass(frozen=True)
class Footprint:
    """Bytes of a job. kept: written, and they stay. checkpoints: of a training, gone when it has ended. memory: that
    an evaluation holds for what it evaluates, beside what every process needs."""

    kind: Kind
    role: str = ""
    kept: int = 0
    checkpoints: int = 0
    memory: int = 0


@dataclass(frozen=True)
class Sizes:
    """Sizes of the jobs of one plan. images: by data set role; without a role's, its features count as 0."""

    plan: Plan
    counts: Counts
    images: Mapping[str, Images]

    def footprint(self, work: Work) -> Footprint:
        """Of a job that is still to be done."""
        if work.kind in TRAININGS:
            branch = self._branch(self.plan.runs[work.run].recipe)
            return Footprint(work.kind, work.role, BRANCHES * branch, GENERATIONS * STATES * branch)
        if work.kind == "import":
            backbone = self.plan.imports[work.run].recipe.backbone
            return Footprint(work.kind, kept=FLOAT * self.counts.backbone(backbone, backbone.image_size).parameters)
        if work.kind == "data":
            dataset = self.plan.datasets[work.role]
            made = kind_of(dataset).bytes_made
            return Footprint(work.kind, work.role, made(dataset) if made else 0)
        if work.kind in EVALUATIONS and work.role in self.images:
            demands = [self.demand(work, source) for source in work.sources]
            kept, memory = sum(one.disk for one in demands), max(one.memory for one in demands)
            return Footprint(work.kind, work.role, kept, memory=memory)  # sources come one after another
        return Footprint(work.kind, work.role)

    def demand(self, work: Work, source: str) -> Demand:
        """Of one source of an evaluation, whose data set role must be one of `images`."""
        recipe, settings = self.plan.backboned(work.run).recipe, self.plan.evaluations[work.evaluation].settings
        return evaluation_demand(source, recipe, settings, self.images[work.role], self.counts)

    def _branch(self, recipe: Recipe) -> int:
        """Bytes of one branch's weights."""
        backbone = self.counts.backbone(recipe.backbone, recipe.crops.global_size)
        return FLOAT * (backbone.parameters + self.counts.head(recipe.head, backbone.width).parameters)
