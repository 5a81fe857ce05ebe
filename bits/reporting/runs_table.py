"""The report's table of runs: how each ended, how fast it was, where its files are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bits.plan.model import Run
from bits.reporting.files import ReportError, number
from bits.reporting.origin import read_origin
from bits.reporting.results import Results

_REMEDY = "correct or delete that line, or the file: the report only takes the speed and the last loss from it"
KINDS = {"pretraining": "Pretrainings", "finetuning": "Fine-tunings"}


@dataclass(frozen=True)
class RunLine:
    """One seed of a run; what it left no record of is None. links: word -> path from the root, if it exists."""

    name: str
    id: str
    seed: int
    kind: str
    outcome: str
    detail: str
    epochs: Any
    images_per_second: float | None
    seconds: float | None
    final_loss: float | None
    links: dict[str, Path]


@dataclass(frozen=True)
class RunGroup:
    """The runs of one kind: those that ended, failed ones included, and those that have not."""

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
    ending = results.ending(run.id)
    files = {
        "config": run.config,
        "log": run.log,
        "outcome": run.outcome,
        "failure": run.failure,
        "provenance": run.provenance,
    }
    links = {word: path for word, path in files.items() if (results.root / path).is_file()}
    steps = list(_steps(results.root / run.log)) if ending and "log" in links else []
    rates = [step.images_per_second for step in steps if step.images_per_second is not None]
    return RunLine(
        name=run.name,
        id=run.id,
        seed=run.seed,
        kind=run.kind,
        outcome=ending.word if ending else "not run",
        detail=ending.detail if ending else "",
        epochs=ending.epochs if ending else None,
        images_per_second=median(rates) if rates else None,
        seconds=read_origin(results.root / run.provenance).seconds if "provenance" in links else None,
        final_loss=steps[-1].loss if steps else None,
        links=links,
    )


@dataclass(frozen=True)
class _Step:
    """A line of a run's log; None where null or absent."""

    loss: float | None
    images_per_second: float | None


def _steps(log: Path) -> Iterator[_Step]:
    """The lines of a run's log that hold a training loss.

    A half-written line is skipped. Raises ReportError for a value that is not a number, and for a log that is not text.
    """
    for index, text in enumerate(_text(log).splitlines(), start=1):
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict) and "loss" in line:
            yield _Step(*(_logged(line.get(key), f"{log}:{index}: {key}") for key in ("loss", "images_per_s")))


def _text(log: Path) -> str:
    try:
        return log.read_text(encoding="utf-8")
    except ValueError as error:
        raise ReportError(f"{log}: not UTF-8 text ({error}). Expected a JSON object a line; {_REMEDY}") from error


def _logged(value: Any, where: str) -> float | None:
    if value is not None and number(value) is None:
        raise ReportError(f"{where}: expected a number or null, found {value!r:.80}; {_REMEDY}")
    return number(value)
