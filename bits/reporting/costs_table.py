"""The report's table of costs: the time that was predicted before the spending, beside the time that was spent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bits.plan.model import TRAINING
from bits.reporting.files import number, read_json
from bits.reporting.origin import Origin, read_origin
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


@dataclass(frozen=True)
class Prediction:
    """seconds of work, what they were predicted from, and the day."""

    seconds: float | None
    basis: str

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Prediction:
        return cls(number(entry.get("seconds")), f"{entry.get('basis', '')}, {str(entry.get('date', ''))[:10]}")


def cost_groups(results: Results) -> list[CostGroup]:
    """All that was predicted or has been done of the plan, by kind; the last group is everything together."""
    lines = list(_lines(results, _predictions(results)))
    groups = [CostGroup(title, [line for line in lines if line.kind == kind]) for kind, title in GROUPS.items()]
    found = [group for group in groups if group.lines]
    return [*found, CostGroup("All together", lines)] if found else []


def _predictions(results: Results) -> dict[str, Prediction]:
    """By id of a run, or <id>/<evaluation>."""
    path = results.root / results.plan.folder / "predicted.json"
    content = read_json(path, "the predictions of bits plan --freeze") if path.is_file() else {}
    return {key: Prediction.of(entry) for key, entry in content.items()}


def _lines(results: Results, predictions: Mapping[str, Prediction]) -> Iterator[CostLine]:
    for run in results.plan.runs.values():
        path = results.root / run.provenance
        origin = read_origin(path) if path.is_file() else None
        if origin is not None or run.id in predictions:
            yield _line(run.id, run.kind, predictions.get(run.id), origin)
    for identity, files in results.plan.metrics.items():
        for role, file in files.items():
            key = f"{identity}/{file.stem}"
            metrics = results.metrics(identity, role) if role != TRAINING else None
            if role != TRAINING and (metrics is not None or key in predictions):
                yield _line(key, "evaluation", predictions.get(key), metrics.origin if metrics else None)


def _line(key: str, kind: str, prediction: Prediction | None, origin: Origin | None) -> CostLine:
    return CostLine(
        id=key,
        kind=kind,
        predicted=prediction.seconds if prediction else None,
        spent=origin.seconds if origin else None,
        device=origin.device if origin else "",
        basis=prediction.basis if prediction else "",
    )
