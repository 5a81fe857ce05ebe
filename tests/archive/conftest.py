"""A scale with two runs and one table, as the pipeline leaves it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bits.config.recipe import Dataset
from bits.plan.model import TRAINING, Plan, Scale
from tests.sharing.plans import evaluation, plan_of, planned_run

PROVENANCE = {
    "data": {"name": "scenes", "fingerprint": "scenes-1", "train_images": 4},
    "code": {"commit": "c" * 40, "dirty": False},
    "versions": {"python": "3.11.7", "torch": "2.15.0"},
    "hardware": {"cpu": "one", "cores": 2},
    "started": "2026-11-22T10:00:00+00:00",
    "finished": "2026-11-22T11:00:00+00:00",
}


SCENES = Dataset(name="scenes", title="scenes", kind="scenes", fingerprint="scenes-1")


def finished_plan() -> Plan:
    runs = [planned_run("demo", name, f"{name}-12345678") for name in ("dino", "bits-fixed")]
    metrics = {run.id: Path(f"results/demo/metrics/{run.id}/imagenet1k-1.json") for run in runs}
    return plan_of(
        "demo",
        *runs,
        scale=Scale(name="demo", title="minutes", reproduction=False, stamp="DEMO SCALE - no reproduction"),
        datasets={"imagenet1k": SCENES},
        evaluations={"imagenet1k-1": evaluation("imagenet1k-1", SCENES)},
        metrics={run.id: {TRAINING: run.curve, "imagenet1k": metrics[run.id]} for run in runs},
        needs={"table-1": list(metrics.values())},
        formats={"table-1": ("html", "csv")},
        left_out={"table-8": "no data"},
    )


@pytest.fixture
def finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of a finished scale "demo"."""
    monkeypatch.chdir(tmp_path)
    plan = finished_plan()
    outcome = json.dumps({"outcome": "finished", "detail": "trained to the end"})
    command = [f"{tmp_path}/bits/commands/pretrain.py", "--site", "/scratch/somebody/site.yaml"]
    for run in plan.runs.values():
        write(run.provenance, json.dumps({**PROVENANCE, "command": command}))
        write(run.outcome, outcome)
        for path in (run.config, run.curve, run.log):
            write(path, "{}")
        write(run.weights("teacher"), "weights")
        write(plan.metrics[run.id]["imagenet1k"], "{}")
    for path in (plan.folder / "plan.json", plan.file):
        plan.write(path)
    write(plan.site_file, "device: cpu")
    write(plan.evaluation_file("imagenet1k-1"), "role: imagenet1k")
    write("results/demo/logs/pretrain/dino-12345678.log", f"reading {tmp_path}/data/x and /home/somebody/images\n")
    write("results/demo/logs/pretrain/dino-99999999.log", "of another plan")
    write("results/demo/runs/dino-99999999/outcome.json", "of another plan")
    summary = {"report_digest": plan.report_digest, "overrides": list(plan.overrides)}
    write("reports/demo/summary.json", json.dumps(summary))
    for name in ("index.html", "exhibits/table-1.html", "exhibits/table-1.csv"):
        write(f"reports/demo/{name}", "x")
    return tmp_path


def write(path: str | Path, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)
