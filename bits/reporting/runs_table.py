"""The report's table of runs: how each ended, how fast it was, where its files are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bits.reporting.costs_table import number, spent_seconds
from bits.reporting.files import ReportError, read_provenance
from bits.reporting.plan_file import Run
from bits.reporting.results import Results

_REMEDY = "mend or delete that line, or the file: the report only shows its speed and last loss"
KINDS = {"pretraining": "Pretrainings", "finetuning": "Fine-tunings"}


@dataclass(frozen=True)
class RunLine:
    """One seed of a run; fields it left no record of are None. links: word -> path from the root, if it exists."""

    name: str
    id: str
    seed: int | None
    kind: str
    outcome: str
    detail: str
    epochs: Any
    images_per_second: float | None
    seconds: float | None
    final_loss: float | None
    links: dict[str, str]


@dataclass(frozen=True)
class RunGroup:
    """The runs of one kind: those that ended, failed ones included, and those without a result."""

    title: str
    ended: list[RunLine]
    waiting: list[RunLine]

    @property
    def counts(self) -> str:
        """How they ended, in words: "3 finished, 1 failed, 21 not run"."""
        outcomes = [line.outcome for line in (*self.ended, *self.waiting)]
        return ", ".join(f"{outcomes.count(word)} {word}" for word in dict.fromkeys(outcomes))


def run_groups(results: Results) -> list[RunGroup]:
    """Every run of the plan, in its order, by kind."""
    lines = [_line(run, results) for run in results.plan.runs.values()]
    groups = []
    for kind, title in KINDS.items():
        ended = [line for line in lines if line.kind == kind and line.outcome != "not run"]
        waiting = [line for line in lines if line.kind == kind and line.outcome == "not run"]
        if ended or waiting:
            groups.append(RunGroup(title, ended, waiting))
    return groups


def _line(run: Run, results: Results) -> RunLine:
    outcome = results.outcome(run.id) or {}
    files = {
        "config": run.config,
        "log": run.log,
        "outcome": run.outcome,
        "failure": run.failure,
        "provenance": run.provenance,
    }
    links = {word: path for word, path in files.items() if path and (results.root / path).is_file()}
    steps = list(_steps(results.root / links["log"])) if outcome and "log" in links else []
    rates = [step["images_per_s"] for step in steps if step["images_per_s"] is not None]
    return RunLine(
        name=run.name,
        id=run.id,
        seed=run.seed,
        kind=run.kind,
        outcome=str(outcome.get("outcome", "not run")),
        detail=str(outcome.get("detail") or ""),
        epochs=outcome.get("epochs"),
        images_per_second=median(rates) if rates else None,
        seconds=spent_seconds(read_provenance(results.root / links["provenance"])) if "provenance" in links else None,
        final_loss=steps[-1]["loss"] if steps else None,
        links=links,
    )


def _steps(log: Path) -> Iterator[dict[str, float | None]]:
    """loss and images_per_s, None where null or absent, of the lines of a run log that hold a training loss.

    A half-written line is passed over. Raises ReportError for what is no number, and for a log that is no text.
    """
    for index, text in enumerate(_text(log).splitlines(), start=1):
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict) and "loss" in line:
            yield {key: _logged(line.get(key), f"{log}:{index}: {key}") for key in ("loss", "images_per_s")}


def _text(log: Path) -> str:
    try:
        return log.read_text(encoding="utf-8")
    except ValueError as error:
        raise ReportError(f"{log}: not UTF-8 text ({error}). Expected a JSON object a line; {_REMEDY}") from error


def _logged(value: Any, where: str) -> float | None:
    if value is not None and number(value) is None:
        raise ReportError(f"{where}: expected a number or null, found {value!r:.80}; {_REMEDY}")
    return number(value)
