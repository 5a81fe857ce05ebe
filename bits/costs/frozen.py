"""Predictions, frozen before the spending: results/<scale>/predicted.json, to which one can only add."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bits.costs.assumptions import CostError
from bits.costs.graph import Graph
from bits.costs.price import Job, scale_folder
from bits.costs.rates import Rates
from bits.records.files import write_json
from bits.records.provenance import now

PREDICTED = "predicted.json"


def predictions(path: Path) -> dict[str, dict[str, Any]]:
    """Id of a run, or <id>/<role>-<digest> of an evaluation -> its prediction; raises CostError for a damaged file."""
    try:
        found: dict[str, dict[str, Any]] = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise CostError(f"{path}: cannot be read ({error}). Move it away to begin anew.") from error
    return found


def unpredicted(plan: Mapping[str, Any]) -> set[str]:
    """Ids of the jobs that the workflow has still to do and that lack a prediction. Takes no counting of FLOPs."""
    kept, graph = predictions(scale_folder(plan) / PREDICTED), Graph(plan)
    jobs = graph.before({path for files in plan["needs"].values() for path in files})
    works = [graph.works[name] for name in jobs]
    return {work.id for work in works if not work.done and any(key not in kept for key in work.keys)}


def freeze_predictions(plan: Mapping[str, Any], jobs: Iterable[Job], rates: Rates) -> int:
    """Add the predictions of jobs that are not done and have none; returns how many. What is there never changes.

    seconds: of work, without the start of its process. devices: GPUs, or cores on a CPU.
    """
    path = scale_folder(plan) / PREDICTED
    kept = predictions(path)
    facts = {"basis": rates.basis, "device": rates.device, "date": now()}
    added = {
        key: {"seconds": round(seconds, 3), "devices": job.devices, **facts}
        for job in jobs
        if not job.work.done
        for key, seconds in job.parts.items()
        if key not in kept
    }
    if added:
        write_json(path, {**kept, **added})
    return len(added)
