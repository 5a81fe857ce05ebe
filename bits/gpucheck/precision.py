"""The losses of a training in bfloat16 against those of the same training in float32."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from bits.gpucheck.markdown import table
from bits.gpucheck.methods import METHODS
from bits.gpucheck.part import Bench, CheckError, Found, Part, in_time
from bits.gpucheck.small import QUICK, composed, length, pretraining
from bits.records.files import write_text

EPOCHS = 50  # of two steps at scale demo, so that BITS-reset has four resets on the way
PRECISIONS = ("float32", "bfloat16")
CURVES = "precision.csv"


def run(bench: Bench) -> Found:
    """Differences for each method. Both start from the same weights and see the same views."""
    curves: dict[str, list[list[float]]] = {}

    def compared(method: str) -> dict[str, Any]:
        curves[method] = [losses(bench, method, precision) for precision in PRECISIONS]
        write_text(bench.folder / CURVES, _csv(curves))
        return differences(*curves[method])

    yield from in_time(bench, ((method, partial(compared, method)) for method in METHODS))
    yield "curves", CURVES


def losses(bench: Bench, method: str, precision: str) -> list[float]:
    """The loss of every step of a short training with its head resets. Raises CheckError if it ends early."""
    own = {"recipe": {"precision": precision}, "site": {"log_every_steps": 1}}
    made = composed(bench, method, length(QUICK if bench.quick else EPOCHS), own)
    folder = bench.scratch / f"precision-{method}-{precision}"
    training = pretraining(made, folder)
    outcome = training.run()
    lines = map(json.loads, (folder / "log.jsonl").read_text(encoding="utf-8").splitlines())
    found = [line["loss"] for line in lines if "loss" in line]
    if len(found) < training.steps or None in found:
        raise CheckError(f"{method} in {precision}: {outcome.detail} ({len(found)} of {training.steps} losses)")
    return found


def differences(expected: Sequence[float], found: Sequence[float]) -> dict[str, Any]:
    """Of two curves of equal length: absolute, and relative to the mean absolute value of the first."""
    apart = [abs(one - other) for one, other in zip(expected, found, strict=True)]
    scale = sum(map(abs, expected)) / len(expected)
    mean, largest = sum(apart) / len(apart), max(apart)
    return {
        "steps": len(apart),
        "mean": mean,
        "max": largest,
        "max_at_step": apart.index(largest) + 1,
        "relative_mean": mean / scale if scale else None,
        "relative_max": largest / scale if scale else None,
        "first": {name: curve[0] for name, curve in zip(PRECISIONS, (expected, found), strict=True)},
        "last": {name: curve[-1] for name, curve in zip(PRECISIONS, (expected, found), strict=True)},
    }


def _csv(curves: Mapping[str, Sequence[Sequence[float]]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["method", "step", *PRECISIONS])
    for method, pair in curves.items():
        writer.writerows([method, number, *values] for number, values in enumerate(zip(*pair, strict=True), start=1))
    return stream.getvalue()


def text(found: Mapping[str, Any]) -> str:
    head = "method", "steps", "mean difference", "largest", "at step", "mean, relative", "largest, relative", *_ends()
    rows = [[method, *_cells(row)] for method, row in found.items() if isinstance(row, dict)]
    said = (
        f"Every loss of both is in [{CURVES}]({CURVES}). Relative: to the mean absolute loss in float32. Nothing is "
        "judged but that all losses are finite: two trainings that differ by rounding drift apart step by step."
    )
    return f"{table(head, rows)}\n\n{said}"


def _ends() -> list[str]:
    return [f"{end} loss, {precision}" for end in ("first", "last") for precision in PRECISIONS]


def _cells(row: Mapping[str, Any]) -> list[Any]:
    if "skipped" in row:
        return [f"skipped: {row['skipped']}", *[None] * 9]
    numbers = [row[key] for key in ("steps", "mean", "max", "max_at_step", "relative_mean", "relative_max")]
    return [*numbers, *(row[end][precision] for end in ("first", "last") for precision in PRECISIONS)]


PART = Part("precision", "Losses in bfloat16 against float32", 0.14, run, text)
