"""Measure somebody's weights on images, outside of any study: as a scale measures its own runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bits.config.compose import Composer
from bits.config.composed import Composed
from bits.config.evaluation import EvaluationSettings
from bits.config.imports import ImportLine, import_recipe
from bits.config.near import did_you_mean
from bits.config.recipe import Dataset
from bits.config.section import Section
from bits.config.site import Site
from bits.data.kind import kind_of
from bits.errors import DatasetError
from bits.evaluation.declaration import Evaluator, evaluators
from bits.exhibits.metrics import UNIT_FACTORS, Metric, metric_called
from bits.plan import PRETRAINING_ROLE, RESULTS, Request, data_root, dataset_fingerprint, freeze
from bits.plan.evaluations import evaluation_of
from bits.plan.files import frozen_evaluation
from bits.plan.fit import Uses, examined
from bits.plan.imports import frozen_import, planned_import, weights_digest
from bits.plan.make import REFERENCE_RUN
from bits.plan.model import Evaluation
from bits.plan.sources import Import
from bits.records.seal import read_record
from bits.runs.datasets import dataset_root, make_dataset, missing_data
from bits.runs.evaluate import DataSetEvaluation, FrozenEvaluation
from bits.runs.imports import import_weights, told

PLACE = RESULTS / "evaluated"  # of what belongs to no study


@dataclass(frozen=True)
class Measured:
    """A backbone on one data set. taken: of its file, in lines. file: of the numbers. code: 0, or 128 + signal.

    before: whether the numbers were there already.
    """

    taken: str
    file: Path
    code: int
    before: bool = False

    def lines(self) -> Iterator[str]:
        """Every number with its label, its unit and its interval."""
        found = read_record(self.file, "a metrics file")
        for name, values in found["values"].items():
            yield from _numbers(name, values, found["intervals"].get(name, {}))


def measure(request: Request, line: ImportLine, role: str = PRETRAINING_ROLE) -> Measured:
    """Import the weights, and measure them with all evaluators of the scale that need no head.

    role: of the data set, the one of pretraining or a target set, which has settings of its own.
    Raises BitsError for weights that do not fit, data that are not there or cannot serve, settings that do not hold.
    """
    with Composer(request.scale, request.overrides, request.config_dir) as composer:
        shared, _ = composer.compose(REFERENCE_RUN)
    one = planned_import(
        _name(line.file), line, import_recipe(line, shared, weights_digest(line.file), request.config_dir), PLACE
    )
    taken = _imported(one)
    evaluation = _evaluation(shared, role)
    file = PLACE / "metrics" / one.id / f"{evaluation.name}.json"
    if file.is_file():
        return Measured(taken, file, 0, before=True)
    frozen = PLACE / "evaluations" / f"{evaluation.name}.yaml"
    freeze(frozen, frozen_evaluation(evaluation))
    here = DataSetEvaluation(one.folder, one.recipe, FrozenEvaluation.read(frozen), shared.site)
    return Measured(taken, file, here.run([(one.name, file)]))


def _imported(one: Import) -> str:
    """Import it unless it was; what was taken of its file."""
    if not one.provenance.is_file() or one.recipe.weights is None:
        freeze(one.config, frozen_import(one))
        import_weights(one.folder, one.name, one.file, one.recipe)
    return told(read_record(one.provenance, "the provenance of an import")["taken"])


def _evaluation(shared: Composed, role: str) -> Evaluation:
    """What is measured on the data set that plays a role."""
    if role == PRETRAINING_ROLE:
        dataset, settings = shared.recipe.dataset, shared.evaluation
    elif role in shared.targets:
        dataset, settings = shared.targets[role].dataset, shared.evaluation_on(role)
    else:
        roles = (PRETRAINING_ROLE, *shared.targets)
        raise DatasetError(
            f"role={role}: no data set plays it{did_you_mean(role, roles)}. There are {', '.join(roles)}."
        )
    dataset = _there(dataset, shared.site)
    evaluation = evaluation_of(role, dataset, _measurable(settings, dataset))
    root = str(dataset_root(dataset, shared.site))
    problems = examined(dataset, root, Uses(role, [], [evaluation], [])).unfit
    if problems:
        raise DatasetError("\n".join(f"{root}: {problem}" for problem in problems))
    return evaluation


def _there(dataset: Dataset, site: Site) -> Dataset:
    """Made if it can be, with its fingerprint."""
    root = data_root(dataset, site.data)
    if not root:
        raise DatasetError(missing_data(dataset))
    make_dataset(dataset, Path(root))
    found = dataset_fingerprint(dataset, root)
    if found is None:
        kind_of(dataset).fingerprint(dataset, root)  # raises DatasetError, which says what is wrong
    return dataset.model_copy(update={"fingerprint": found})


def _measurable(settings: EvaluationSettings, dataset: Dataset) -> EvaluationSettings:
    """The evaluators that need neither a head nor what the images lack: videos, labels, a training split."""
    kind = kind_of(dataset)

    def serves(one: Evaluator, own: Section) -> bool:
        lacking = {"codes"} if kind.videos else {"codes", "video"}
        reads = "train" in kind.splits or not one.reads_train(own)
        return reads and not lacking & set(one.needs) and bool(set(kind.labels) & set(one.labels))

    return settings.only([name for name, own in settings.evaluators().items() if serves(evaluators()[name], own)])


def _name(file: Path) -> str:
    """The file's name as that of a source: letters, digits, dots and single dashes."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", file.stem).strip("-.") or "weights"


def _numbers(evaluator: str, values: Mapping[str, Any], intervals: Mapping[str, Any]) -> Iterator[str]:
    metrics = evaluators()[evaluator].metrics
    for name, value in values.items():
        metric = metric_called(name, metrics)
        if metric is not None and isinstance(value, int | float):
            unit = metric.unit if metric.unit in ("%", "bits", "nats") else ""
            number, interval = _shown(value, metric), _interval(intervals.get(name), metric)
            yield f"  {metric.label:44} {number:>10} {unit:4}{interval}".rstrip()


def _interval(found: Mapping[str, Any] | None, metric: Metric) -> str:
    """Of 95 %, and the number of test images or queries; nothing of a number without."""
    return f" {_shown(found['low'], metric)} to {_shown(found['high'], metric)}, n = {found['n']}" if found else ""


def _shown(value: float, metric: Metric) -> str:
    return f"{value * UNIT_FACTORS[metric.unit]:.{metric.decimals}f}"
