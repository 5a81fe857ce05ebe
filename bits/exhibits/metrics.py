"""What a number is: its label, unit and direction."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from pydantic import model_validator

from bits.config.declared import Declared

UNIT_FACTORS = {"%": 100.0, "fraction": 1.0, "count": 1.0, "bits": 1.0, "nats": 1.0, "none": 1.0}
_FIELD = re.compile(r"\\\{(\w+)\\\}")  # of an escaped pattern
_NUMBER = "[0-9]+(?:[.][0-9]+)?(?:e[+-]?[0-9]+)?"


class Metric(Declared):
    """What an evaluator's number is. Stored values times the unit's factor are shown with `decimals`.

    shape: number, series, or another that a kind of exhibit shows. caveat: what is to be kept in mind of every such
    number, such as how it was chosen.
    """

    label: str
    unit: Literal["%", "fraction", "count", "bits", "nats", "none"]
    shape: str = "number"
    direction: Literal["higher", "lower"] | None = None
    decimals: int = 2
    caveat: str = ""

    @model_validator(mode="after")
    def _numbers_have_a_direction(self) -> Metric:
        if self.shape in ("number", "series") and self.direction is None:
            raise ValueError("expected a direction, higher or lower, for a number or a series")
        return self


def metric_called(name: str, metrics: Mapping[str, Metric]) -> Metric | None:
    """The metric of that name, or None: an entry of its own, or one of a pattern, as "top1_k20" of "top1_k{k}".

    A field of a pattern stands for a number, which the label may repeat: "k-NN, k = {k}" becomes "k-NN, k = 20".
    """
    if name in metrics and "{" not in name:
        return metrics[name]
    for pattern, metric in metrics.items():
        found = re.fullmatch(_FIELD.sub(rf"(?P<\1>{_NUMBER})", re.escape(pattern)), name)
        if found is not None:
            return metric.model_copy(update={"label": metric.label.format(**found.groupdict())})
    return None
