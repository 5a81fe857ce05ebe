"""Probe several runs side by side on crops that are decoded and cut once for all of them.

A probe passes over its training images a hundred times, and decoding them costs more than a backbone's pass. What is
measured here lies where the evaluations of the runs go on from it: their numbers are the same either way.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from bits.config.site import Site
from bits.plan.imports import read_backbone_recipe
from bits.plan.model import Plan
from bits.plan.passes import SharedPass, passing, run_beside
from bits.runs.evaluate import DataSetEvaluation, FrozenEvaluation, Splits
from bits.runs.side_by_side import Member, SideBySide
from bits.training.interrupt import stop_requests


class ProbesTogether:
    """The sources of one shared pass that have not been measured yet."""

    def __init__(self, plan: Plan, shared: SharedPass, site: Site) -> None:
        self.plan, self.shared, self.site = plan, shared, site

    def run(self) -> int:
        """Returns the exit code: 0, or 128 + signal when stopped; what was measured by then is kept.

        An error of one source stops none of the others; it is raised at the end.
        """
        with stop_requests() as request:
            members = list(self._members())
            if not members:
                print(f"{self.shared.name}: nothing is left to measure")
                return 0
            names = ", ".join(member.subject.source for member in members)
            print(f"{self.shared.name}: {names}, side by side", flush=True)
            for member in members:
                member.unfinished.measured_beside(one.subject.source for one in members if one is not member)
            probes = SideBySide(members, self.site)
            stopped = probes.run(request)
            for member in members:
                member.unfinished.save()
        if stopped:
            return request.told()
        for source, error in probes.failed.items():
            print(f"{source}: {type(error).__name__}: {error}", file=sys.stderr)
        if probes.failed:
            raise next(iter(probes.failed.values()))
        return 0

    def _members(self) -> Iterator[Member]:
        """Those whose metrics file is not there yet, and which lack a probe."""
        images: Splits | None = None
        for identity, path in self.shared.files.items():
            if path.is_file():
                continue
            measuring = self._measuring(identity, path, images)
            images = measuring.images
            subject, unfinished = measuring.begin(self.plan.source(identity).name, path)
            asked = passing(measuring.evaluation.settings)
            wanted = tuple(name for name in asked if name not in unfinished.values)
            if wanted and not measuring.diverged_beyond_measure(subject):
                yield Member(subject, unfinished, wanted)

    def _measuring(self, identity: str, path: Path, images: Splits | None) -> DataSetEvaluation:
        run = run_beside(self.plan, identity)
        recipe = read_backbone_recipe(run.config)
        evaluation = FrozenEvaluation.read(self.plan.evaluation_file(path.stem))
        return DataSetEvaluation(run.folder, recipe, evaluation, self.site, images)
