"""Files that must not be recorded: inputs outside the project, and files that are not what their jobs wrote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from bits.plan.model import RESULTS
from bits.records.seal import RecordError, owner, read_record
from bits.sharing.errors import SharingError
from bits.sharing.made import JobRecord, Made
from bits.sharing.metadata import Notes

MOST_SHOWN = 8  # files that an error names


def refuse_foreign(jobs: Iterable[JobRecord]) -> None:
    """Raise SharingError for a job with an input outside the project."""
    for job in jobs:
        for name in job.inputs:
            if Path(name).is_absolute() or ".." in Path(name).parts:
                raise SharingError(
                    f"{job.outputs[0]} was made from {name}, which lies outside the project, where another clone could "
                    "not find it. Let the pipeline choose where rendered data go (remove the entry from site.data), "
                    "then run it again."
                )


def refuse_changed(digests: Mapping[str, str], jobs: Sequence[JobRecord], before: Made, notes: Notes) -> None:
    """Raise SharingError for files that differ from what their jobs wrote or read. digests: of the files here."""
    changed = changed_files(digests, jobs, before, notes)
    if changed:
        more = f" and {len(changed) - MOST_SHOWN} more" if len(changed) > MOST_SHOWN else ""
        raise SharingError(
            f"changed after they were made, or after something was made from them: "
            f"{', '.join(changed[:MOST_SHOWN])}{more}. Nothing was recorded. Run snakemake. If it does not make a file "
            "again, the file was edited by hand: delete it, then run snakemake once more."
        )


def changed_files(digests: Mapping[str, str], jobs: Sequence[JobRecord], before: Made, notes: Notes) -> list[str]:
    """Files that differ from what their jobs wrote or read, sorted. digests: of the files here."""
    known = {**before.digests, **digests}  # as recorded where a file was not pulled
    return sorted({*_not_as_used(known, jobs, notes), *_not_as_made(digests, jobs, before, notes)})


def _not_as_used(digests: Mapping[str, str], jobs: Iterable[JobRecord], notes: Notes) -> Iterator[str]:
    """Inputs that have changed since a job read them."""
    for job in jobs:
        for output in job.outputs:
            seen = notes.used(output)
            yield from (name for name, digest in seen.items() if digests.get(name, digest) != digest)


def _not_as_made(digests: Mapping[str, str], jobs: Iterable[JobRecord], before: Made, notes: Notes) -> Iterator[str]:
    """Outputs that have changed since their job ended: records and weights by digest, others by date."""
    for name in (name for job in jobs for name in job.outputs if name in digests):
        path = Path(name)
        if path.suffix == ".json" and path.is_relative_to(RESULTS):
            yield from _not_as_sealed(path, digests)
        elif path.stat().st_mtime != notes.date(name) and digests[name] != before.digests.get(name):
            yield name


def _not_as_sealed(path: Path, digests: Mapping[str, str]) -> Iterator[str]:
    """A record that was changed or is of another run; for an intact provenance, the weights that differ from it."""
    try:
        content = read_record(path, "a record of the pipeline")
    except RecordError:
        yield str(path)
        return
    if owner(content) not in (None, path.parent.name):
        yield str(path)
    if path.name == "provenance.json":
        written = {str(path.with_name(f"{part}.safetensors")): digest for part, digest in content["weights"].items()}
        yield from (file for file, digest in written.items() if digests.get(file, digest) != digest)
