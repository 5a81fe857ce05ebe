"""The four methods on rendered scenes, trained as far as the time allows."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from bits.config.composed import Composed
from bits.evaluation.declaration import evaluators
from bits.gpucheck.markdown import table
from bits.gpucheck.methods import METHODS, Changes, merged
from bits.gpucheck.part import Bench, Found, Part, in_time
from bits.gpucheck.small import QUICK, composed, length, subject, trained
from bits.runs.build import choose_device
from bits.runs.datasets import dataset_root, open_split
from bits.runs.timing import training_speed

EPOCHS, STEPS = 100, 2  # of scale demo, and the steps of one of its epochs
EVALUATIONS = 3
COLUMNS = ("outcome", "channel", "code_entropy", "bits_sent", "epochs", "steps", "seconds")
MOST_STEPS = 32  # of an epoch: all images once
BUSY = 0.5  # share of the time in which steps are taken; the rest evaluates
RANDOM = "bits-fixed"  # whose backbone, the same for all, is measured as it starts
CARRIED = ("code_entropy", "bits_sent")  # of the channel at the end; None where a method has no such thing
MEASURES = {"knn": "top1_k20", "retrieval": "map"}


def run(bench: Bench) -> Found:
    """The methods, all with the same number of steps, and the random start that they must beat."""
    epochs, images = _schedule(bench)
    yield "epochs", epochs
    yield "images_per_epoch", images
    schedule = merged(length(epochs, EVALUATIONS), {"recipe": {"schedule": {"images_per_epoch": images}}})
    yield from in_time(bench, ((method, partial(_row, bench, method, schedule)) for method in METHODS))
    yield "random-init", measured(composed(bench, RANDOM, schedule), bench.scratch / "study", "random-init")


def _schedule(bench: Bench) -> tuple[int, int]:
    """(epochs, images an epoch) for which there is time: more epochs, up to the scale's, then longer ones."""
    made = composed(bench, RANDOM)
    batch = made.recipe.schedule.batch_size
    if bench.quick:
        return QUICK, batch
    images = open_split(made.recipe.dataset, dataset_root(made.recipe.dataset, made.site), "train")
    speed = training_speed(made.recipe, made.site, images, choose_device(made.site), 2.0)
    steps = int(BUSY * bench.left() / len(METHODS) * speed / batch)
    print(f"study: {speed:.0f} images/s, time for {steps} steps a method", flush=True)
    per_epoch = min(max(steps // EPOCHS, STEPS), MOST_STEPS)
    return min(max(steps // per_epoch, 1), EPOCHS), per_epoch * batch


def _row(bench: Bench, method: str, schedule: Changes) -> dict[str, Any]:
    """Train; what the run left, and what its features are worth."""
    started, folder = time.monotonic(), bench.scratch / f"study-{method}"
    made = composed(bench, method, schedule)
    trained(made, method, folder)
    outcome = json.loads((folder / "outcome.json").read_text(encoding="utf-8"))
    values = json.loads((folder / "curve.json").read_text(encoding="utf-8"))["values"]
    curve, carried = values["training"]["map"], values["channel"]
    entries = [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    logged = [entry for entry in entries if "loss" in entry]
    return {
        "outcome": outcome["outcome"],
        "detail": outcome["detail"],
        "channel": outcome["channel"],
        **{name: carried.get(name) for name in CARRIED},
        "epochs": outcome["epochs"],
        "steps": outcome["step"],
        "seconds": time.monotonic() - started,
        "curve": curve,
        "last_log": logged[-1] if logged else None,
        **measured(made, folder, method),
    }


def measured(made: Composed, folder: Path, source: str) -> dict[str, Any]:
    """k-NN accuracy and mAP of the teacher, fractions."""
    settings = made.evaluation.only(list(MEASURES))
    narrowed = made.model_copy(update={"evaluation": settings})
    one = subject(narrowed, folder, source, choose_device(made.site), folder / "features")
    known = evaluators()
    return {
        evaluator: float(known[evaluator].measure(one, getattr(settings, evaluator))[name])
        for evaluator, name in MEASURES.items()
    }


def text(found: Mapping[str, Any]) -> str:
    rows = {name: row for name, row in found.items() if isinstance(row, dict)}
    head = "", "k-NN (20), %", "mAP, %", *COLUMNS
    results = table(head, [[name, *_cells(row)] for name, row in rows.items()])
    logs = {name: row["last_log"] for name, row in rows.items() if row.get("last_log")}
    keys = list(dict.fromkeys(key for entry in logs.values() for key in entry))
    logged = table(("last entry of the log", *logs), [[key, *(log.get(key) for log in logs.values())] for key in keys])
    curves = {name: row["curve"] for name, row in rows.items() if row.get("curve")}
    points = [f"    {name:12}{' '.join(f'{100 * y:5.1f}' for y in curve['y'])}" for name, curve in curves.items()]
    ends = ", ".join(str(epoch) for epoch in next((curve["x"] for curve in curves.values()), []))
    said = f"Epochs of {found.get('images_per_epoch')} images. mAP of the teacher after epochs {ends}, in %:"
    return "\n\n".join([results, said, "\n".join(points), logged])


def _cells(row: Mapping[str, Any]) -> list[Any]:
    if "skipped" in row:
        return [f"skipped: {row['skipped']}", *[None] * (1 + len(COLUMNS))]
    shares = [f"{100 * row[evaluator]:.1f}" for evaluator in MEASURES]
    return [*shares, *(row.get(key) for key in COLUMNS)]


PART = Part("study", "Four methods on rendered scenes", None, run, text)
