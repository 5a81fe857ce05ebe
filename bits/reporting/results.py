"""What runs and evaluations left behind: a number or series with its origin, or why there is none."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from bits.exhibits import Measure
from bits.exhibits.measures import OF_TRAINING
from bits.plan.imports import applies
from bits.plan.model import Plan
from bits.plan.sources import Import, Run, Source
from bits.reporting.caveats import caveats
from bits.reporting.files import ReportError, part, read_intact
from bits.reporting.intervals import Interval, read_intervals
from bits.reporting.origin import Origin

Status = Literal["measured", "collapse", "diverges", "failed", "not measured", "not run", "does not apply"]
MISSING: tuple[Status, ...] = ("failed", "not measured", "not run")
Points = tuple[tuple[float, float], ...]
LIVE = "live"
_DELETE = "Delete it and run snakemake again."
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
    does not apply: its metrics say that there is no such thing, such as the entropy of codes of a run that sends none.
    dead: why the channel of the run carries nothing, such as "constant codes"; "" where it does, and where nobody said.
    intervals: of the value, or of each point; empty where there are none. caveats: see `bits.reporting.caveats`.
    """

    source: str
    run_id: str
    seed: int | None
    status: Status
    value: float | None = None
    points: Points = ()
    origin: str | None = None
    problem: str = ""
    dead: str = ""
    intervals: tuple[Interval, ...] = ()
    caveats: tuple[str, ...] = ()

    @property
    def missing(self) -> bool:
        """Whether there is neither a value nor an outcome."""
        return self.status in MISSING

    def interval_at(self, x: float) -> Interval | None:
        """Of the point at x; None where there is no such point, or no interval."""
        at = zip((one for one, _ in self.points), self.intervals, strict=False)
        return next((interval for one, interval in at if one == x), None)


@dataclass(frozen=True)
class Ending:
    """How a run ended. word: a key of OUTCOMES. detail: the criterion or reason, on one line, or nothing.

    dead: why its channel carries nothing, "" where it does (see `bits.objectives.channel.state_of`).
    """

    word: str
    detail: str
    epochs: Any
    dead: str = ""


@dataclass(frozen=True)
class Metrics:
    """A metrics file: evaluator -> metric -> value, and the interval that is stored beside it.

    evaluation: digest of the settings; None in a run's curve. classes: how many there are, and how many of them have a
    single image; empty where nobody said.
    """

    id: str
    dataset: str | None
    evaluation: str | None
    values: Mapping[str, Mapping[str, Any]]
    origin: Origin
    intervals: Mapping[str, Mapping[str, Any]]
    classes: Mapping[str, Any]


class Results:
    """The outcomes and metrics files of a plan; each file is read once. root: what the plan's paths are relative to."""

    def __init__(self, plan: Plan, root: Path) -> None:
        self.plan = plan
        self.root = root
        self._ending = cache(self._read_ending)
        self._metrics = cache(self._read_metrics)

    def ending(self, run_id: str) -> Ending | None:
        """How a run ended, or why its last attempt failed; None before. Raises ReportError for an unknown outcome."""
        run = self.plan.runs[run_id]
        found = (path for path in (run.outcome, run.failure) if (self.root / path).is_file())
        path = next(found, None)
        return self._ending(path, run_id) if path is not None else None

    def _read_ending(self, path: Path, run_id: str) -> Ending:
        content = read_intact(self.root / path, "the outcome of a run")
        if content.get("run") != run_id:
            raise ReportError(f"{path}: is of {content.get('run')}, not of {run_id}. {_DELETE}")
        if content.get("outcome") not in OUTCOMES:
            raise ReportError(
                f"{path}: outcome: expected one of {', '.join(OUTCOMES)}, found {content.get('outcome')!r}"
            )
        detail = " ".join(str(content.get("detail") or "").split())
        stands = content.get("channel")
        if not isinstance(stands, str | None):
            raise ReportError(f"{path}: channel: expected a word or null, found {stands!r:.80}")
        return Ending(content["outcome"], detail, content.get("epochs"), "" if stands in (None, LIVE) else str(stands))

    def metrics(self, identity: str, record: str) -> Metrics | None:
        """The metrics of a run or reference for a data set role or TRAINING; None when the file does not exist.

        Raises ReportError when its values, those of an evaluator, its provenance or a part of it are not an object.
        """
        path = self.plan.metrics.get(identity, {}).get(record)
        return self._metrics(path) if path is not None and (self.root / path).is_file() else None

    def _read_metrics(self, path: Path) -> Metrics:
        content = read_intact(self.root / path, "a metrics file")
        values, intervals = part(content, "values", path), part(content, "intervals", path)
        return Metrics(
            id=str(content.get("id")),
            dataset=content.get("dataset"),
            evaluation=content.get("evaluation"),
            values={evaluator: part(values, evaluator, f"{path}: values") for evaluator in values},
            origin=Origin.of(part(content, "provenance", path), f"{path}: provenance"),
            intervals={evaluator: part(intervals, evaluator, f"{path}: intervals") for evaluator in intervals},
            classes=part(content, "classes", path),
        )

    def readings(self, source: str, measure: Measure) -> tuple[Reading, ...]:
        """One measure of every expected seed of a run or reference, by its name; never empty."""
        ids = self.plan.sources.get(source)
        if not ids:
            return (Reading(source, "", None, "not run", problem=f"{source} is not part of this scale's plan"),)
        return tuple(self._reading(source, identity, measure) for identity in ids)

    def _reading(self, source: str, identity: str, measure: Measure) -> Reading:
        entry = self._entry(identity)
        if entry is None:
            problem = f"{identity}, a seed of {source}, is not part of this scale's plan"
            return Reading(source, identity, None, "not run", problem=problem)
        if isinstance(entry, Import) and not applies(measure):
            return Reading(source, identity, entry.seed, "does not apply")
        status, problem = self._status(entry)
        path = self.plan.metrics.get(identity, {}).get(measure.record)
        value: float | None = None
        points: Points = ()
        if not problem:
            value, points, problem = self._values(entry, measure, ended=status == "measured")
            if value is None and not points and not problem:
                origin = str(path) if path else None
                return Reading(source, identity, entry.seed, "does not apply", origin=origin)
            if status == "measured":
                status = "not measured" if problem else "measured"
            else:
                problem = self._detail(entry) or problem
        ending = self.ending(identity) if isinstance(entry, Run) else None
        dead = ending.dead if ending else ""
        reading = Reading(
            source, identity, entry.seed, status, value, points, str(path) if path else None, problem, dead
        )
        return self._with_intervals(reading, measure) if value is not None or points else reading

    def _with_intervals(self, reading: Reading, measure: Measure) -> Reading:
        """The reading with the intervals that are stored beside its value or points, and what follows from them."""
        metrics = self.metrics(reading.run_id, measure.record)
        assert metrics is not None
        stored = metrics.intervals.get(measure.evaluator, {}).get(measure.metric)
        intervals = read_intervals(stored, measure.factor, f"{reading.origin}: intervals.{measure.id}")
        return replace(reading, intervals=intervals, caveats=caveats(measure, intervals, metrics.classes))

    def _entry(self, identity: str) -> Source | None:
        plan = self.plan
        return plan.runs.get(identity) or plan.imports.get(identity) or plan.references.get(identity)

    def _status(self, entry: Source) -> tuple[Status, str]:
        """How a run ended, and what is missing when it did not."""
        if not isinstance(entry, Run):
            return "measured", ""
        ending, name = self.ending(entry.id), self._name(entry)
        if ending is None:
            missing = f"{entry.outcome} does not exist: {name} has not run. Make it with: {_make(entry.outcome)}"
            return "not run", missing
        if ending.word == "failed":
            detail = self._detail(entry) or "no reason was recorded"
            return "failed", f"{name} failed: {detail}. Try it again with: {_make(entry.outcome)}"
        return OUTCOMES[ending.word], ""

    def _name(self, entry: Source) -> str:
        """A run's name, with its seed when there are several."""
        several = len(self.plan.sources.get(entry.name, ())) > 1
        return f"{entry.name} (seed {entry.seed})" if several else entry.name

    def _detail(self, entry: Source) -> str:
        ending = self.ending(entry.id) if isinstance(entry, Run) else None
        return ending.detail.rstrip(".") if ending else ""

    def _values(self, entry: Source, measure: Measure, ended: bool) -> tuple[float | None, Points, str]:
        """(value, points, problem) of a measure in its unit; a finished run's series must be finite.

        Nothing of the three where it does not apply: what a run left then holds a null.
        """
        name, path = self._name(entry), self.plan.metrics.get(entry.id, {}).get(measure.record)
        if path is None:
            return None, (), f"{name}: the plan has no metrics of {measure.record}"
        metrics = self.metrics(entry.id, measure.record)
        if metrics is None:
            return None, (), f"{path} does not exist: {measure.id} of {name}. Make it with: {_make(path)}"
        _require_own(metrics, entry, path)
        if metrics.dataset not in (None, measure.dataset):  # a run has one curve, on the data it was trained on
            return None, (), f"{path}: {name} was measured on {metrics.dataset}, not on {measure.dataset}"
        of_evaluator = metrics.values.get(measure.evaluator, {})
        if measure.metric not in of_evaluator:
            return None, (), f"{path}: {name} has no {measure.evaluator}.{measure.metric} of {measure.dataset}"
        found = of_evaluator[measure.metric]
        if found is None and measure.evaluator in OF_TRAINING:
            return None, (), ""
        if measure.shape == "series":
            points = _points(found, measure.factor)
            finite = tuple(point for point in points if math.isfinite(point[1]))
            problem = f"{path}: {measure.id} of {name} is not finite" if ended and finite != points else ""
            return None, finite, problem or ("" if finite else f"{path}: {measure.id} of {name} is not a series")
        if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
            return None, (), f"{path}: {measure.id} of {name} is {found!r}, not a finite number"
        return found * measure.factor, (), ""


def _require_own(metrics: Metrics, entry: Source, path: Path) -> None:
    """Raise ReportError for metrics of another run or evaluation than their path says: somebody put them there."""
    made_for = path.stem.rpartition("-")[2]
    if metrics.id != entry.id:
        raise ReportError(f"{path}: is of {metrics.id}, not of {entry.id}. {_DELETE}")
    if metrics.evaluation not in (None, made_for):
        raise ReportError(f"{path}: is of evaluation {metrics.evaluation}, not of {made_for}. {_DELETE}")


def _make(path: Path) -> str:
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
