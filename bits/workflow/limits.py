"""How long evaluations are predicted to take; the time limits that Slurm is asked for follow. Never imports torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from bits.errors import BitsError
from bits.plan import Plan


def predicted_hours(plan: Plan, gpu: bool) -> dict[str, float]:
    """<id>/<role>-<digest> of an evaluation -> hours, where results/<study>/predicted.json has them for such a device.

    gpu: whether jobs use one; a prediction of a machine without GPUs says nothing about theirs, nor the other way
    round. Nothing of a damaged file, which whoever adds predictions reports.
    """
    from bits.costs.frozen import predictions, predictions_file  # numpy, which a Snakemake in a job need not load

    try:
        kept = predictions(predictions_file(plan))
    except BitsError:
        return {}
    return {key: one.seconds / 3600 for key, one in kept.items() if "/" in key and one.gpu == gpu}


def hours_of(files: Iterable[Path | str], predicted: Mapping[str, float]) -> float:
    """Predicted hours of a job that makes these metrics files; 0 where nothing is predicted."""
    paths = [Path(file) for file in files]
    return sum(predicted.get(f"{path.parent.name}/{path.stem}", 0.0) for path in paths)
