"""What runs and evaluations left behind: a number or series with its origin, or why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from bits.exhibits import Measure
from bits.reporting.files import ReportError, read_json
from bits.reporting.plan_file import ReportPlan

Status = Literal["measured", "collapse", "diverges", "failed", "not run"]
Points = tuple[tuple[float, float], ...]
OUTCOMES: dict[str, Status] = {
    "finished": "measured",
    "collapsed": "collapse",
    "diverged": "diverges",
    "failed": "failed",
}


@dataclass(frozen=True)
class Reading:
    """One measure of one source, in the measure's unit.

    value or points is there when it was measured, and may be when the run collapsed or diverged; `problem`
    says why a finished run has none. `origin` is the metrics file it came from, relative to the root.
    """

    source: str
    run_id: str
    status: Status
    value: float | None = None
    points: Points = ()
    origin: str | None = None
    problem: str = ""


class Results:
    """The outcome and metrics files of a plan; each file is read once."""

    def __init__(self, plan: ReportPlan, root: Path) -> None:
        self.plan = plan
        self.root = root
        self._read = cache(lambda path, what: read_json(root / path, what))

    def outcome(self, source: str) -> dict[str, Any] | None:
        """A run's outcome.json; None while there is none. Raises ReportError for an unknown outcome."""
        path = self.plan.runs[source].outcome
        if not (self.root / path).is_file():
            return None
        content: dict[str, Any] = self._read(path, "the outcome of a run")
        if content.get("outcome") not in OUTCOMES:
            raise ReportError(
                f"{path}: outcome: expected one of {', '.join(OUTCOMES)}, found {content.get('outcome')!r}"
            )
        return content

    def metrics(self, source: str, record: str) -> dict[str, Any] | None:
        """A source's metrics file for a data set role or "training"; None when it does not exist."""
        path = self.plan.metrics.get(source, {}).get(record)
        if path is None or not (self.root / path).is_file():
            return None
        return dict(self._read(path, "a metrics file"))

    def reading(self, source: str, measure: Measure) -> Reading:
        """One measure of a run or reference."""
        entry = self.plan.runs.get(source) or self.plan.references.get(source)
        if entry is None:
            return Reading(source, "", "not run", problem=f"{source} is not part of this scale's plan")
        status, problem = self._status(source)
        origin = self.plan.metrics.get(source, {}).get(measure.record)
        value: float | None = None
        points: Points = ()
        if not problem:
            value, points, problem = self._values(source, entry.id, measure, ended=status == "measured")
        if status != "measured":
            return Reading(source, entry.id, status, value, points, origin, self._detail(source) or problem)
        status = "not run" if problem else "measured"
        return Reading(source, entry.id, status, value, points, origin, problem)

    def _status(self, source: str) -> tuple[Status, str]:
        if source not in self.plan.runs:
            return "measured", ""
        outcome = self.outcome(source)
        if outcome is None:
            path = self.plan.runs[source].outcome
            return "not run", f"{path} does not exist: {source} has not run. Make it with: snakemake {path}"
        return OUTCOMES[outcome["outcome"]], ""

    def _detail(self, source: str) -> str:
        return str((self.outcome(source) or {}).get("detail") or "")

    def _values(self, source: str, run_id: str, measure: Measure, ended: bool) -> tuple[float | None, Points, str]:
        """(value, points, problem) of a measure in its unit; a finished run's series must be finite."""
        path = self.plan.metrics.get(source, {}).get(measure.record)
        content = self.metrics(source, measure.record)
        if path is None:
            return None, (), f"{source}: the plan has no metrics of {measure.record}"
        if content is None:
            return None, (), f"{path} does not exist. Make it with: snakemake {path}"
        if source in self.plan.runs and content.get("id") != run_id:
            return (
                None,
                (),
                f"{path}: made from {content.get('id')}, but the plan's {source} is {run_id}: stale",
            )
        found = content.get("values", {}).get(measure.evaluator, {}).get(measure.metric)
        if found is None:
            return (
                None,
                (),
                f"{path}: {source} has no {measure.evaluator}.{measure.metric} of {measure.dataset}",
            )
        if measure.shape == "series":
            points = _points(found, measure.factor)
            finite = tuple(point for point in points if math.isfinite(point[1]))
            problem = f"{path}: {measure.id} of {source} is not finite" if ended and finite != points else ""
            return (
                None,
                finite,
                problem or ("" if finite else f"{path}: {measure.id} of {source} is not a series"),
            )
        if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
            return None, (), f"{path}: {measure.id} of {source} is {found!r}, not a finite number"
        return found * measure.factor, (), ""


def _points(found: Any, factor: float) -> Points:
    """(x, y) of a stored series: {"x": [...], "y": [...]} or the list of y at 0, 1, ...; () if neither."""
    if isinstance(found, dict):
        xs, ys = found.get("x"), found.get("y")
    else:
        xs, ys = (range(len(found)) if isinstance(found, list) else None), found
    if not isinstance(xs, list | range) or not isinstance(ys, list) or len(xs) != len(ys):
        return ()
    try:
        return tuple((float(x), math.nan if y is None else float(y) * factor) for x, y in zip(xs, ys, strict=True))
    except (TypeError, ValueError):
        return ()
