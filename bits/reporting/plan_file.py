"""The plan that a report is made from: scale, runs, references, and where their metrics are."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from bits.reporting.files import ReportError, read_json


class Scale(BaseModel):
    """What the numbers are worth; `reproduction`: the published set-up; `stamp` goes on every page."""

    name: str
    title: str
    reproduction: bool
    stamp: str


class Run(BaseModel):
    """One seed of a pretraining or fine-tuning; paths are relative to the root of the checkout.

    outcome exists when it ended; failure only after a failed attempt that nothing has made good since.
    """

    name: str
    id: str
    seed: int | None = None
    kind: Literal["pretraining", "finetuning"] = "pretraining"
    label: str = ""
    folder: str
    outcome: str
    failure: str | None = None
    config: str | None = None
    log: str | None = None
    provenance: str | None = None


class Reference(BaseModel):
    """Something a trained backbone must beat; it has metrics but no training and no outcome."""

    name: str
    id: str
    seed: int | None = None
    label: str = ""


class ReportPlan(BaseModel):
    """The parts of plan.json that reporting reads; runs, references and metrics by id.

    sources: name -> the ids of its expected seeds. metrics: id -> data set role or "training" -> path.
    overrides: given on the command line, as "schedule.epochs=3"; changed: those of them that any result can depend on.
    shown: rows that users added, run -> exhibit -> label. left_out: exhibit -> why there are no data for it here.
    """

    scale: Scale
    project: dict[str, Any] = {}
    runs: dict[str, Run] = {}
    references: dict[str, Reference] = {}
    sources: dict[str, list[str]] = {}
    metrics: dict[str, dict[str, str]] = {}
    datasets: dict[str, dict[str, Any]] = {}
    choices: list[tuple[str, Any, str]] = []
    overrides: list[str] = []
    shown: dict[str, dict[str, str]] = {}
    left_out: dict[str, str] = {}

    @property
    def changed(self) -> list[str]:
        """The overrides but those of the site, which say where things are and not what is done."""
        return [text for text in self.overrides if not text.lstrip("+~").startswith(("site=", "site."))]


def read_plan(path: Path) -> ReportPlan:
    """plan.json as a ReportPlan; raises ReportError with the key that is missing or wrong."""
    content = read_json(path, "the plan of a scale")
    try:
        return ReportPlan.model_validate(content)
    except ValidationError as error:
        problems = [f"{path}: {'.'.join(map(str, detail['loc']))}: {detail['msg']}" for detail in error.errors()]
        raise ReportError("\n".join(problems)) from error
