"""A scale with two runs and one table, as the pipeline leaves it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

PROVENANCE = {
    "data": {"name": "scenes", "fingerprint": "scenes-1", "train_images": 4},
    "code": {"commit": "c" * 40, "dirty": False},
    "versions": {"python": "3.11.7", "torch": "2.15.0"},
    "hardware": {"cpu": "one", "cores": 2},
    "started": "2026-11-22T10:00:00+00:00",
    "finished": "2026-11-22T11:00:00+00:00",
}


def run_entry(name: str) -> dict[str, Any]:
    folder = f"results/demo/runs/{name}-12345678"
    files = {"config": "config.yaml", "outcome": "outcome.json", "curve": "curve.json", "log": "log.jsonl"}
    files |= {"provenance": "provenance.json", "failure": "failure.json"}
    entry: dict[str, Any] = {"name": name, "seed": 0, "role": "imagenet1k", "start": None, "folder": folder}
    return entry | {part: f"{folder}/{file}" for part, file in files.items()}


@pytest.fixture
def finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of a finished scale "demo"."""
    monkeypatch.chdir(tmp_path)
    runs = {f"{name}-12345678": run_entry(name) for name in ("dino", "bits-fixed")}
    metrics = {identity: f"results/demo/metrics/{identity}/imagenet1k-1.json" for identity in runs}
    plan = {
        "scale": {"name": "demo", "title": "minutes", "reproduction": False, "stamp": "DEMO SCALE - no reproduction"},
        "project": {"paper": {"title": "The paper", "arxiv": "2602.09764"}},
        "site": {"results": "results"},
        "datasets": {"imagenet1k": {"title": "scenes"}},
        "evaluations": {"imagenet1k-1": {"id": "1", "role": "imagenet1k"}},
        "runs": runs,
        "metrics": {identity: {"imagenet1k": path} for identity, path in metrics.items()},
        "needs": {"table-1": list(metrics.values())},
        "formats": {"table-1": ["html", "csv"]},
        "left_out": {"table-8": "no data"},
        "pending": {},
    }
    outcome = json.dumps({"outcome": "finished", "detail": "trained to the end"})
    for run in runs.values():
        command = [f"{tmp_path}/bits/commands/pretrain.py", "--site", "/scratch/somebody/site.yaml"]
        write(run["provenance"], json.dumps({**PROVENANCE, "command": command}))
        write(run["outcome"], outcome)
        for part in ("config", "curve", "log"):
            write(run[part], "{}")
        write(f"{run['folder']}/teacher.safetensors", "weights")
    for path in metrics.values():
        write(path, "{}")
    write("results/demo/plan.json", json.dumps(plan))
    write("results/demo/logs/pretrain/dino-12345678.log", f"reading {tmp_path}/data/x and /home/somebody/images\n")
    write("results/demo/runs/dino-99999999/outcome.json", "of another plan")
    for name in ("index.html", "summary.json", "exhibits/table-1.html", "exhibits/table-1.csv"):
        write(f"reports/demo/{name}", "x")
    return tmp_path


def write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)
