"""What runs and evaluations left behind: a number or series with its origin, or why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from bits.exhibits import Measure
from bits.reporting.files import ReportError, part, read_intact, require_provenance
from bits.reporting.plan_file import Reference, ReportPlan, Run

Status = Literal["measured", "collapse", "diverges", "failed", "not measured", "not run"]
MISSING: tuple[Status, ...] = ("failed", "not measured", "not run")
Points = tuple[tuple[float, float], ...]
OUTCOMES: dict[str, Status] = {
    "finished": "measured",
    "collapsed": "collapse",
    "diverged": "diverges",
    "failed": "failed",
}


@dataclass(frozen=True)
class Reading:
    """One measure of one seed of a source, in the measure's unit.

    value or points is there when it was measured, and may be when the run collapsed or diverged; `problem` says
    why it did (the criterion), or why there is no value. `origin` is the metrics file, relative to the root.
    not measured: it finished, but has no metrics that can be read as this measure of it.
    """

    source: str
    run_id: str
    seed: int | None
    status: Status
    value: float | None = None
    points: Points = ()
    origin: str | None = None
    problem: str = ""

    @property
    def missing(self) -> bool:
        """Whether there is neither a value nor an outcome."""
        return self.status in MISSING


class Results:
    """The outcome and metrics files of a plan; each file is read once."""

    def __init__(self, plan: ReportPlan, root: Path) -> None:
        self.plan = plan
        self.root = root
        self._read = cache(lambda path, what: read_intact(root / path, what))

    def outcome(self, run_id: str) -> dict[str, Any] | None:
        """A run's outcome.json, else its failure.json, else None. Raises ReportError for an unknown outcome."""
        run = self.plan.runs[run_id]
        for path in (run.outcome, run.failure):
            if path is not None and (self.root / path).is_file():
                content: dict[str, Any] = self._read(path, "the outcome of a run")
                if content.get("run") != run_id:
                    raise ReportError(
                        f"{path}: is of {content.get('run')}, not of {run_id}. Delete it and run snakemake again."
                    )
                if content.get("outcome") not in OUTCOMES:
                    raise ReportError(
                        f"{path}: outcome: expected one of {', '.join(OUTCOMES)}, found {content.get('outcome')!r}"
                    )
                return content
        return None

    def metrics(self, run_id: str, record: str) -> dict[str, Any] | None:
        """The metrics file of a run or reference for a data set role or "training"; None when it does not exist.

        Raises ReportError when its values, those of an evaluator, its provenance or a part of it is no object.
        """
        path = self.plan.metrics.get(run_id, {}).get(record)
        if path is None or not (self.root / path).is_file():
            return None
        content: dict[str, Any] = self._read(path, "a metrics file")
        values = part(content, "values", path)
        for evaluator in values:
            part(values, evaluator, f"{path}: values")
        require_provenance(part(content, "provenance", path), f"{path}: provenance")
        return dict(content)

    def readings(self, source: str, measure: Measure) -> tuple[Reading, ...]:
        """One measure of every expected seed of a run or reference, by its name; never empty."""
        ids = self.plan.sources.get(source)
        if not ids:
            return (Reading(source, "", None, "not run", problem=f"{source} is not part of this scale's plan"),)
        return tuple(self._reading(source, run_id, measure) for run_id in ids)

    def _reading(self, source: str, run_id: str, measure: Measure) -> Reading:
        entry = self.plan.runs.get(run_id) or self.plan.references.get(run_id)
        if entry is None:
            problem = f"{run_id}, a seed of {source}, is not part of this scale's plan"
            return Reading(source, run_id, None, "not run", problem=problem)
        status, problem = self._status(entry)
        origin = self.plan.metrics.get(run_id, {}).get(measure.record)
        value: float | None = None
        points: Points = ()
        if not problem:
            value, points, problem = self._values(entry, measure, ended=status == "measured")
            if status == "measured":
                status = "not measured" if problem else "measured"
            else:
                problem = self._detail(run_id) or problem
        return Reading(source, run_id, entry.seed, status, value, points, origin, problem)

    def _status(self, entry: Run | Reference) -> tuple[Status, str]:
        """How a run ended, and what is missing when it did not."""
        if isinstance(entry, Reference):
            return "measured", ""
        outcome, name = self.outcome(entry.id), self._name(entry)
        if outcome is None:
            return (
                "not run",
                f"{entry.outcome} does not exist: {name} has not run. Make it with: {_make(entry.outcome)}",
            )
        if outcome["outcome"] == "failed":
            detail = self._detail(entry.id) or "no reason was recorded"
            return "failed", f"{name} failed: {detail}. Try it again with: {_make(entry.outcome)}"
        return OUTCOMES[outcome["outcome"]], ""

    def _name(self, entry: Run | Reference) -> str:
        """A run's name, with its seed when there are several."""
        several = len(self.plan.sources.get(entry.name, ())) > 1
        return f"{entry.name} (seed {entry.seed})" if several else entry.name

    def _detail(self, run_id: str) -> str:
        detail = (self.outcome(run_id) or {}).get("detail") if run_id in self.plan.runs else None
        return " ".join(str(detail or "").split()).rstrip(".")

    def _values(self, entry: Run | Reference, measure: Measure, ended: bool) -> tuple[float | None, Points, str]:
        """(value, points, problem) of a measure in its unit; a finished run's series must be finite."""
        name, path = self._name(entry), self.plan.metrics.get(entry.id, {}).get(measure.record)
        content = self.metrics(entry.id, measure.record)
        if path is None:
            return None, (), f"{name}: the plan has no metrics of {measure.record}"
        if content is None:
            return None, (), f"{path} does not exist: {measure.id} of {name}. Make it with: {_make(path)}"
        if content.get("id") != entry.id:
            return None, (), f"{path}: made from {content.get('id')}, but the plan's {name} is {entry.id}: stale"
        # A run has one curve, on the data it was trained on.
        if content.get("dataset", measure.dataset) != measure.dataset:
            return None, (), f"{path}: {name} was measured on {content['dataset']}, not on {measure.dataset}"
        made_for = Path(path).stem.rpartition("-")[2]
        if content.get("evaluation", made_for) != made_for:
            return None, (), f"{path}: {name} was evaluated by {content['evaluation']}, not by {made_for}: stale"
        found = content.get("values", {}).get(measure.evaluator, {}).get(measure.metric)
        if found is None:
            return None, (), f"{path}: {name} has no {measure.evaluator}.{measure.metric} of {measure.dataset}"
        if measure.shape == "series":
            points = _points(found, measure.factor)
            finite = tuple(point for point in points if math.isfinite(point[1]))
            problem = f"{path}: {measure.id} of {name} is not finite" if ended and finite != points else ""
            return None, finite, problem or ("" if finite else f"{path}: {measure.id} of {name} is not a series")
        if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
            return None, (), f"{path}: {measure.id} of {name} is {found!r}, not a finite number"
        return found * measure.factor, (), ""


def _make(path: str) -> str:
    return f"snakemake {path}"


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
