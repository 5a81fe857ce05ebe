"""Predictions, frozen before anything is spent: results/<study>/predicted.json, to which one can only add."""

from __future__ import annotations

from pathlib import Path

from pydantic import TypeAdapter

from bits.config.section import Section
from bits.costs.assumptions import CostError
from bits.costs.graph import Graph
from bits.costs.price import Prices
from bits.plan import Plan
from bits.records.files import write_json
from bits.records.provenance import now

PREDICTED = "predicted.json"


class Prediction(Section):
    """seconds: of work, without the start of its process. devices: GPUs, or cores on a CPU. basis: of the speeds. gpu:
    whether they are a GPU's (not known of earlier files)."""

    seconds: float
    devices: int
    basis: str
    device: str
    date: str
    gpu: bool = False


_FILE = TypeAdapter(dict[str, Prediction])


def predictions_file(plan: Plan) -> Path:
    """Where the predictions of a plan are kept."""
    return plan.folder / PREDICTED


def predictions(path: Path) -> dict[str, Prediction]:
    """Id of a run, or <id>/<role>-<digest> of an evaluation -> its prediction; raises CostError for a damaged file."""
    try:
        return _FILE.validate_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise CostError(f"{path}: cannot be read ({error}). Move it away to start afresh.") from error


def unpredicted(plan: Plan) -> set[str]:
    """Ids of the jobs that the workflow has still to do and that lack a prediction. Counts no FLOPs."""
    kept = predictions(predictions_file(plan))
    works = Graph(plan).left({path for files in plan.needs.values() for path in files})
    return {work.id for work in works if any(key not in kept for key in work.keys)}


def freeze_predictions(prices: Prices) -> int:
    """Add predictions of the jobs that are still to be done and have none; returns how many. The others stay."""
    path, rates = predictions_file(prices.plan), prices.rates
    kept, wanted = predictions(path), unpredicted(prices.plan)
    works = [work for work in Graph(prices.plan).works.values() if work.id in wanted and work.role in prices.images]
    added = {
        key: Prediction(
            seconds=round(seconds, 3),
            devices=job.devices,
            basis=rates.basis,
            device=rates.device,
            date=now(),
            gpu=not rates.cpu,
        )
        for job in map(prices.job, works)
        for key, seconds in job.parts.items()
        if key not in kept
    }
    if added:
        write_json(path, _FILE.dump_python({**kept, **added}, mode="json"))
    return len(added)
