"""The report's table of costs: the time that was predicted before the spending, beside the time that was spent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bits.reporting.files import read_json, read_provenance
from bits.reporting.results import Results

GROUPS = {"pretraining": "Pretrainings", "finetuning": "Fine-tunings", "evaluation": "Evaluations"}


@dataclass(frozen=True)
class CostLine:
    """A run or an evaluation; seconds of work, without the start of its process; None: not known.

    device: that it ran on, with the number of its processes where there were several. basis: of the prediction.
    """

    id: str
    kind: str
    predicted: float | None
    spent: float | None
    device: str
    basis: str

    @property
    def ratio(self) -> float | None:
        """Spent / predicted."""
        return self.spent / self.predicted if self.spent is not None and self.predicted else None


@dataclass(frozen=True)
class CostGroup:
    """The lines of one kind of work; the sums are over those with both a prediction and a time."""

    title: str
    lines: list[CostLine]

    @property
    def sums(self) -> CostLine:
        """Those that can be compared, added up."""
        both = [line for line in self.lines if line.ratio is not None]
        predicted, spent = (sum(getattr(line, name) for line in both) for name in ("predicted", "spent"))
        return CostLine(f"{len(both)} of {len(self.lines)}", "", predicted, spent, "", "")


def cost_groups(results: Results) -> list[CostGroup]:
    """All that was predicted or has been done of the plan, by kind; the last group is everything together."""
    lines = list(_lines(results, _predictions(results)))
    groups = [CostGroup(title, [line for line in lines if line.kind == kind]) for kind, title in GROUPS.items()]
    found = [group for group in groups if group.lines]
    return [*found, CostGroup("All together", lines)] if found else []


def _predictions(results: Results) -> Mapping[str, Any]:
    path = results.root / "results" / results.plan.scale.name / "predicted.json"
    return read_json(path, "the predictions of bits plan --freeze") if path.is_file() else {}


def _lines(results: Results, predictions: Mapping[str, Any]) -> Iterator[CostLine]:
    for run in results.plan.runs.values():
        path = results.root / (run.provenance or "")
        record = read_provenance(path) if path.is_file() else {}
        if record or run.id in predictions:
            yield _line(run.id, run.kind, predictions.get(run.id), record)
    for identity, files in results.plan.metrics.items():
        for role, file in files.items():
            key = f"{identity}/{Path(file).stem}"
            content = results.metrics(identity, role) if role != "training" else None
            if role != "training" and (content is not None or key in predictions):
                record = (content or {}).get("provenance") or {}
                yield _line(key, "evaluation", predictions.get(key), record)


def _line(key: str, kind: str, prediction: Mapping[str, Any] | None, record: Mapping[str, Any]) -> CostLine:
    known = prediction or {}
    basis = f"{known.get('basis', '')}, {str(known.get('date', ''))[:10]}" if prediction else ""
    return CostLine(key, kind, number(known.get("seconds")), spent_seconds(record), _device(record), basis)


def spent_seconds(record: Mapping[str, Any]) -> float | None:
    """Over all starts of a run, where its provenance knows; else of the process that finished it."""
    spent = number(record.get("seconds_spent"))
    if spent is not None:
        return spent
    try:
        ended, began = (datetime.fromisoformat(str(record[key])) for key in ("finished", "started"))
    except (KeyError, ValueError):
        return None
    return (ended - began).total_seconds()


def _device(record: Mapping[str, Any]) -> str:
    hardware, processes = record.get("hardware") or {}, record.get("processes") or 1
    device = str(hardware.get("device") or "")
    name = str(hardware.get("cpu") or device) if device == "cpu" else device
    return f"{processes} x {name}" if processes != 1 and name else name


def number(value: Any) -> float | None:
    """value as a float; None of what is no number."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
