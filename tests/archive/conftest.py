"""A scale with two runs and one table, as the pipeline leaves it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bits.config.recipe import Dataset
from bits.plan import write_plan
from bits.plan.model import TRAINING, Plan, Scale
from bits.records.digests import file_digest
from bits.records.seal import write_record
from bits.sharing.made import JobRecord, Recorded, digests_of
from bits.sharing.metadata import FORMAT, Notes
from tests.sharing.plans import composed, evaluation, plan_of, planned_run

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
    secrets = {"account": "secret-account", "extra": "--comment=secret token", "partition": "secret-partition"}
    cluster = composed().site.cluster.model_copy(update=secrets)
    metrics = {run.id: Path(f"results/demo/metrics/{run.id}/imagenet1k-1.json") for run in runs}
    return plan_of(
        "demo",
        *runs,
        scale=Scale(name="demo", title="minutes", reproduction=False, stamp="DEMO SCALE - no reproduction"),
        datasets={"imagenet1k": SCENES},
        roots={"imagenet1k": "data/scenes-1.safetensors"},
        evaluations={"imagenet1k-1": evaluation("imagenet1k-1", SCENES)},
        metrics={run.id: {TRAINING: run.curve, "imagenet1k": metrics[run.id]} for run in runs},
        needs={"table-1": list(metrics.values())},
        formats={"table-1": ("html", "csv")},
        left_out={"table-8": "no data"},
        overrides=("site.cluster.account=secret-account", "site.cluster.extra='--comment=secret token'"),
        site=composed().site.model_copy(update={"cluster": cluster}),
    )


@pytest.fixture
def finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of a finished scale "demo"."""
    monkeypatch.chdir(tmp_path)
    plan = finished_plan()
    write_plan(plan)
    command = [f"{tmp_path}/bits/commands/pretrain.py", "--site", "/scratch/somebody/site.yaml"]
    for run in plan.runs.values():
        write(run.log, "{}")
        write(run.weights("teacher"), f"weights of {run.id}")
        weights = {"teacher": file_digest(run.weights("teacher"))}
        write_record(run.provenance, {**PROVENANCE, "run": run.id, "weights": weights, "command": command})
        write_record(run.curve, {"id": run.id})
        write_record(plan.metrics[run.id]["imagenet1k"], {"id": run.id})
        write_record(run.outcome, {"run": run.id, "outcome": "finished", "detail": "trained to the end"})
    plan.write(plan.folder / "plan.json")
    write("results/demo/logs/pretrain/dino-12345678.log", f"reading {tmp_path}/data/x and /home/somebody/images\n")
    write("results/demo/logs/pretrain/dino-99999999.log", "of another plan")
    write("results/demo/runs/dino-99999999/outcome.json", "of another plan")
    summary = {"report_digest": plan.report_digest, "overrides": list(plan.overrides)}
    write("reports/demo/summary.json", json.dumps(summary))
    for name in ("index.html", "exhibits/table-1.html", "exhibits/table-1.csv"):
        write(f"reports/demo/{name}", "x")
    note(plan)
    return tmp_path


def note(plan: Plan) -> None:
    """Snakemake's notes on what was made: a training a run, an evaluation a run, the table, the report."""
    jobs = []
    for run in plan.runs.values():
        trained = [str(path) for path in (run.weights("teacher"), run.outcome, run.curve, run.provenance)]
        jobs.append(JobRecord(rule="pretrain", command="", params=[], inputs=[str(run.config)], outputs=trained))
        metrics = [str(plan.metrics[run.id]["imagenet1k"])]
        jobs.append(JobRecord(rule="evaluate", command="", params=[], inputs=trained[:1], outputs=metrics))
    needs = [str(path) for path in plan.needs["table-1"]]
    tables = [f"reports/demo/exhibits/table-1.{ending}" for ending in ("html", "csv")]
    jobs.append(JobRecord(rule="table-1", command="", params=[], inputs=needs, outputs=tables))
    report = ["reports/demo/index.html", "reports/demo/summary.json"]
    jobs.append(JobRecord(rule="report", command="", params=[], inputs=tables, outputs=report))
    for job in jobs:
        dates = {name: Path(name).stat().st_mtime for name in job.outputs}
        recorded = Recorded(metadata_format=FORMAT, job=job, digests=digests_of(job.files), dates=dates)
        for name in job.outputs:
            Notes().write(name, recorded)


def write(path: str | Path, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)
