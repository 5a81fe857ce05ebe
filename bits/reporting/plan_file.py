"""The plan that a report is made from: scale, runs, references, and where their metrics are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from bits.reporting.files import ReportError, read_json


class Scale(BaseModel):
    """What the numbers are worth; `reproduction`: the published set-up; `stamp` goes on every page."""

    name: str
    title: str
    reproduction: bool
    stamp: str


class Run(BaseModel):
    """A pretraining or fine-tuning; paths are relative to the root of the checkout."""

    id: str
    label: str = ""
    folder: str
    outcome: str
    seed: int | None = None
    config: str | None = None
    log: str | None = None
    provenance: str | None = None


class Reference(BaseModel):
    """Something a trained backbone must beat; it has metrics but no training and no outcome."""

    id: str
    label: str = ""


class ReportPlan(BaseModel):
    """The parts of plan.json that reporting reads. metrics: source -> data set role or "training" -> path."""

    scale: Scale
    project: dict[str, Any] = {}
    runs: dict[str, Run] = {}
    references: dict[str, Reference] = {}
    metrics: dict[str, dict[str, str]] = {}
    datasets: dict[str, dict[str, Any]] = {}
    choices: list[tuple[str, Any, str]] = []


def read_plan(path: Path) -> ReportPlan:
    """plan.json as a ReportPlan; raises ReportError with the key that is missing or wrong."""
    content = read_json(path, "the plan of a scale")
    try:
        return ReportPlan.model_validate(content)
    except ValidationError as error:
        problems = [f"{path}: {'.'.join(map(str, detail['loc']))}: {detail['msg']}" for detail in error.errors()]
        raise ReportError("\n".join(problems)) from error
