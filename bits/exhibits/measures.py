"""Measures: a metric of an evaluator on a data set, with unit and direction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bits.config.declared import DeclarationError, Declared, read_yaml, validated
from bits.config.kinds import evaluator_declarations
from bits.config.near import did_you_mean
from bits.exhibits.metrics import UNIT_FACTORS, Metric, metric_called

OF_TRAINING = ("training", "channel")  # parts of the file that a run leaves: over epochs, and of its channel at the end


class Measure(Metric):
    """A metric on a data set role; `id` is <dataset>.<evaluator>.<metric>."""

    dataset: str
    evaluator: str
    metric: str

    @property
    def id(self) -> str:
        return f"{self.dataset}.{self.evaluator}.{self.metric}"

    @property
    def record(self) -> str:
        """Which metrics file of a source holds it: "training" for what a run measures of itself, else the data set."""
        return "training" if self.evaluator in OF_TRAINING else self.dataset

    @property
    def factor(self) -> float:
        """Stored value times factor = value in the unit shown."""
        return UNIT_FACTORS[self.unit]


class _MeasuresFile(Declared):
    roles: tuple[str, ...]
    metrics: dict[str, dict[str, Any]]
    measures: dict[str, tuple[str, ...]]


def load_measures(path: Path) -> dict[str, Measure]:
    """Every measure by id. Metrics are those that evaluators declare, and in the file those of no evaluator.

    Raises DeclarationError for unknown roles and metrics, and for a metric of an evaluator in the file.
    """
    declared = validated(_MeasuresFile, read_yaml(path), path, "measures")
    listed = {name: validated(Metric, value, path, f"metrics.{name}") for name, value in declared.metrics.items()}
    _refuse_metrics_of_evaluators(listed, path)
    measures = {}
    for role, names in declared.measures.items():
        if role not in declared.roles:
            raise DeclarationError(f"{path}: measures.{role}: not a role{did_you_mean(role, declared.roles)}")
        for name in names:
            found = _metric(name, listed)
            if found is None:
                guess = did_you_mean(name, [*listed, *_names_declared()])
                raise DeclarationError(f"{path}: measures.{role}: no metric {name!r}{guess}")
            evaluator, _, metric = name.partition(".")
            measure = Measure(**found.model_dump(), dataset=role, evaluator=evaluator, metric=metric)
            measures[measure.id] = measure
    return measures


def _metric(name: str, listed: Mapping[str, Metric]) -> Metric | None:
    """The metric <evaluator>.<metric>, which its evaluator declares or the file lists."""
    evaluator, _, metric = name.partition(".")
    found = evaluator_declarations().get(evaluator)
    return listed.get(name) if found is None else metric_called(metric, found.value.metrics)


def _names_declared() -> Iterator[str]:
    for evaluator, found in evaluator_declarations().items():
        yield from (f"{evaluator}.{metric}" for metric in found.value.metrics)


def _refuse_metrics_of_evaluators(listed: Mapping[str, Metric], path: Path) -> None:
    for name in listed:
        found = evaluator_declarations().get(name.partition(".")[0])
        if found is not None:
            raise DeclarationError(
                f"{path}: metrics.{name}: the evaluator declares its metrics itself, in {found.file}. Remove it here."
            )
