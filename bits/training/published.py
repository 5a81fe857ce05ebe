"""The final weights of a finished run, checked against its provenance."""

from __future__ import annotations

from pathlib import Path

from bits.records.digests import file_digest
from bits.records.seal import read_record
from bits.training.checkpoint import Checkpoint, CheckpointError, read_tensors


def published_weights(path: Path, run_digest: str) -> tuple[Checkpoint, str]:
    """A weights file in its run's folder, and the sha256 (hex) of its bytes.

    Raises CheckpointError if it is missing, damaged, of another run than `run_digest`, or not the file that
    provenance.json beside it records.
    """
    checkpoint = read_tensors(path)
    if checkpoint.facts.get("run") != run_digest:
        raise CheckpointError(
            f"{path}: belongs to a run with digest {checkpoint.facts.get('run')}, expected {run_digest}. "
            f"Delete it and run snakemake again, or restore the right one: dvc checkout {path}"
        )
    found, record = file_digest(path), path.with_name("provenance.json")
    recorded = read_record(record, "the provenance of a training run").get("weights", {}).get(path.stem)
    if recorded != found:
        raise CheckpointError(
            f"{path}: is not the file that the training wrote: its sha256 is {found}, {record} says {recorded}. "
            f"Delete it and run snakemake again, or restore the right one: dvc checkout {path}"
        )
    return checkpoint, found
