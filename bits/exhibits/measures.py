"""Measures: a metric of an evaluator on a data set, with unit and direction."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import model_validator

from bits.config.declared import DeclarationError, Declared, read_yaml, validated
from bits.config.near import did_you_mean

UNIT_FACTORS = {"%": 100.0, "fraction": 1.0, "count": 1.0, "bits": 1.0, "nats": 1.0, "none": 1.0}


class Metric(Declared):
    """What an evaluator's number is. Stored values times the unit's factor are shown with `decimals`.

    shape: number, series, or another that a kind of exhibit shows.
    """

    label: str
    unit: Literal["%", "fraction", "count", "bits", "nats", "none"]
    shape: str = "number"
    direction: Literal["higher", "lower"] | None = None
    decimals: int = 2

    @model_validator(mode="after")
    def _numbers_have_a_direction(self) -> Metric:
        if self.shape in ("number", "series") and self.direction is None:
            raise ValueError("expected a direction, higher or lower, for a number or a series")
        return self


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
        """Which metrics file of a source holds it: "training" for in-training curves, else the data set."""
        return "training" if self.evaluator == "training" else self.dataset

    @property
    def factor(self) -> float:
        """Stored value times factor = value in the unit shown."""
        return UNIT_FACTORS[self.unit]


class _MeasuresFile(Declared):
    roles: tuple[str, ...]
    metrics: dict[str, dict[str, Any]]
    measures: dict[str, tuple[str, ...]]


def load_measures(path: Path) -> dict[str, Measure]:
    """Every measure by id; raises DeclarationError for unknown roles and metrics."""
    declared = validated(_MeasuresFile, read_yaml(path), path, "measures")
    metrics = {name: validated(Metric, value, path, f"metrics.{name}") for name, value in declared.metrics.items()}
    measures = {}
    for role, names in declared.measures.items():
        if role not in declared.roles:
            raise DeclarationError(f"{path}: measures.{role}: not a role{did_you_mean(role, declared.roles)}")
        for name in names:
            if name not in metrics:
                raise DeclarationError(f"{path}: measures.{role}: no metric {name!r}{did_you_mean(name, metrics)}")
            evaluator, _, metric = name.partition(".")
            origin = {"dataset": role, "evaluator": evaluator, "metric": metric}
            measure = Measure(**metrics[name].model_dump(), **origin)
            measures[measure.id] = measure
    return measures
