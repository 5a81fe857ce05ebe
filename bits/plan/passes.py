"""Passes over the same augmented images that several runs need, and that can be made once for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bits.config.evaluation import WITHOUT_BACKBONE
from bits.config.recipe import Recipe
from bits.evaluation import declaration
from bits.evaluation.declaration import Workload
from bits.plan.model import SHORT, Evaluation, Plan, Run
from bits.records.digests import digest

_ANY = Workload(train=1, val=1, classes=1, width=1, blocks=1, bare=False)  # passes or none, whatever the sizes


@dataclass(frozen=True)
class SharedPass:
    """Runs, and references with a backbone, whose probes see the same crops of the same images in the same order.

    name: <role>-<digest>, another one for other sources or evaluations. files: id -> the metrics file of its
    evaluation. evaluators: those that pass over the images.
    """

    name: str
    role: str
    files: dict[str, Path]
    evaluators: tuple[str, ...]


def passing(evaluation: Evaluation) -> tuple[str, ...]:
    """The evaluators that pass augmented images through a backbone."""
    known = declaration.evaluators()
    return tuple(name for name, own in evaluation.settings.evaluators().items() if known[name].cost(_ANY, own).passes)


def shared_passes(plan: Plan) -> dict[str, SharedPass]:
    """All that two or more sources share, by name, in the plan's order."""
    groups: dict[tuple[str, str], dict[str, Path]] = {}
    for identity, path in _evaluated(plan):
        evaluation = plan.of_metrics(path)
        if names := passing(evaluation):
            recipe = run_beside(plan, identity).recipe
            key = evaluation.role, digest(_decisive(evaluation, recipe, names))[:SHORT]
            groups.setdefault(key, {})[identity] = path
    found = {}
    for (role, _), files in groups.items():
        if len(files) > 1:
            name = f"{role}-{digest(sorted(map(str, files.values())))[:SHORT]}"
            found[name] = SharedPass(name, role, files, passing(plan.of_metrics(next(iter(files.values())))))
    return found


def run_beside(plan: Plan, identity: str) -> Run:
    """The run with this id, or the one whose initialisation and seed a reference shares."""
    return plan.runs[identity] if identity in plan.runs else plan.runs[plan.references[identity].run]


def _evaluated(plan: Plan) -> Iterator[tuple[str, Path]]:
    """(id, metrics file) of every source with a backbone, on each data set."""
    for identity in plan.metrics:
        if plan.source(identity).name not in WITHOUT_BACKBONE:
            for path in plan.evaluation_files(identity).values():
                yield identity, path


def _decisive(evaluation: Evaluation, recipe: Recipe, names: tuple[str, ...]) -> list[object]:
    """All that the crops follow from besides the data set, and the evaluators that are given them."""
    asked = evaluation.settings.evaluators()
    norm = recipe.augmentation
    return [
        recipe.seed,
        evaluation.settings.features.size,
        [norm.mean, norm.std],
        {name: asked[name].model_dump(mode="json") for name in names},
    ]
