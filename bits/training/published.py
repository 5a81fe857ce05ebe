"""The weights that a finished training left, taken only when they are still those."""

from __future__ import annotations

from pathlib import Path

from bits.records.digests import file_digest
from bits.records.seal import read_record
from bits.training.checkpoint import Checkpoint, CheckpointError, read_tensors


def published_weights(path: Path, run_digest: str) -> tuple[Checkpoint, str]:
    """A weights file in its run's folder, and the sha256 of its bytes.

    Raises CheckpointError: missing, damaged, of another run than `run_digest`, or not what the training left,
    by the provenance.json beside it.
    """
    checkpoint = read_tensors(path)
    if checkpoint.facts.get("run") != run_digest:
        raise CheckpointError(
            f"{path}: is of a run with digest {checkpoint.facts.get('run')}, expected {run_digest}. "
            f"Delete it and run snakemake again, or get the right one: dvc checkout {path}"
        )
    found, record = file_digest(path), path.with_name("provenance.json")
    left = read_record(record, "what a training left").get("weights", {}).get(path.stem)
    if left != found:
        raise CheckpointError(
            f"{path}: is not what the training left: its sha256 is {found}, {record} says {left}. "
            f"Delete it and run snakemake again, or get the right one: dvc checkout {path}"
        )
    return checkpoint, found
