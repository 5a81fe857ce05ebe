"""Passes over the same augmented images that several runs need, and that can be made once for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bits.config.evaluation import WITHOUT_BACKBONE, EvaluationSettings
from bits.config.imports import BackboneRecipe
from bits.evaluation import declaration
from bits.evaluation.declaration import Workload
from bits.plan.model import SHORT, Evaluation, Import, Plan, Run
from bits.records.digests import digest

_ANY = Workload(train=1, val=1, classes=1, width=1, blocks=1, bare=False)  # passes or none, whatever the sizes


@dataclass(frozen=True)
class SharedPass:
    """Runs, and references with a backbone, whose probes see the same crops of the same images in the same order.

    name: <role>-<digest>, another one for other sources or evaluations. files: id -> the metrics file of its
    evaluation, whose evaluators may be other ones of each source.
    """

    name: str
    role: str
    files: dict[str, Path]


def passing(settings: EvaluationSettings) -> tuple[str, ...]:
    """The evaluators that pass images through a backbone which others may share: augmented ones."""
    known = declaration.evaluators()
    costs = {name: known[name].cost(_ANY, own) for name, own in settings.evaluators().items()}
    return tuple(name for name, cost in costs.items() if cost.passes and cost.images is not None)


def shared_passes(plan: Plan) -> dict[str, SharedPass]:
    """All that two or more sources share, by name, in the plan's order."""
    groups: dict[tuple[str, str], dict[str, Path]] = {}
    for identity, path in _evaluated(plan):
        evaluation = plan.of_metrics(path)
        if names := passing(evaluation.settings):
            recipe = run_beside(plan, identity).recipe
            key = evaluation.role, digest(_decisive(evaluation, recipe, names))[:SHORT]
            groups.setdefault(key, {})[identity] = path
    found = {}
    for (role, _), files in groups.items():
        if len(files) > 1:
            name = f"{role}-{digest(sorted(map(str, files.values())))[:SHORT]}"
            found[name] = SharedPass(name, role, files)
    return found


def run_beside(plan: Plan, identity: str) -> Run | Import:
    """The run or import with this id, or the run whose initialisation and seed a reference shares."""
    return plan.runs[plan.references[identity].run] if identity in plan.references else plan.backboned(identity)


def _evaluated(plan: Plan) -> Iterator[tuple[str, Path]]:
    """(id, metrics file) of every source with a backbone, on each data set."""
    for identity in plan.metrics:
        if plan.source(identity).name not in WITHOUT_BACKBONE:
            for path in plan.evaluation_files(identity).values():
                yield identity, path


def _decisive(evaluation: Evaluation, recipe: BackboneRecipe, names: tuple[str, ...]) -> list[object]:
    """All that the crops follow from besides the data set, and what is asked of them."""
    asked, known = evaluation.settings.evaluators(), declaration.evaluators()
    norm = recipe.augmentation
    images = {repr(known[name].cost(_ANY, asked[name]).images) for name in names}
    return [recipe.seed, evaluation.settings.features.size, [norm.mean, norm.std], sorted(images)]
