"""Record what was made: digests, dates and Snakemake's notes as text, bytes under DVC."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bits.records.seal import is_intact
from bits.sharing.dvc import add, require_repository
from bits.sharing.errors import SharingError
from bits.sharing.files import for_dvc, outputs, results_folder
from bits.sharing.ignore import unignore
from bits.sharing.made import Job, Made, digests_of, read_made, write_made
from bits.sharing.manifests import write_manifests
from bits.sharing.metadata import FORMAT, Notes

MOST_SHOWN = 8


def record(plan: Mapping[str, Any]) -> Made:
    """Record every finished file of a plan.

    What was recorded before stays: what a partial clone has not pulled or not restored, and of other plans (more seeds,
    earlier values) what nobody has removed.

    Raises SharingError, and records nothing, when a file is not what its job left or what was made from it saw.
    """
    require_repository()
    notes, path = Notes(), Path(results_folder(plan), "made.json")
    before = read_made(path) if path.is_file() else Made(metadata_format=FORMAT, jobs=[], digests={}, dates={})
    jobs = [job for job in notes.jobs(outputs(plan)) if _complete(job, before)]
    if not jobs:
        raise SharingError(f"{path.parent}: nothing is finished. Make it first: snakemake --cores all")
    _refuse_foreign(jobs)
    names = sorted(_names(jobs))
    digests = digests_of(names)
    _refuse_changed(digests, jobs, before, notes)
    kept = _kept(before, {name for job in jobs for name in job.outputs})
    earlier = {name: before.digests[name] for name in (*names, *sorted(_names(kept))) if name not in digests}
    dates = {name: notes.date(name) or before.dates[name] for job in jobs for name in job.outputs}
    dates |= {name: before.dates[name] for job in kept for name in job.outputs}
    made = Made(metadata_format=FORMAT, jobs=[*jobs, *kept], digests={**digests, **earlier}, dates=dates)
    unignore(Path("results"), f"{plan['scale']['name']}/")
    unignore(Path("reports"), f"{plan['scale']['name']}/", "index.html")
    add([name for name in for_dvc(plan) if Path(name).is_file() and _ended(Path(name), digests)])
    write_manifests(plan)
    write_made(made, path)
    return made


def _names(jobs: Iterable[Job]) -> set[str]:
    return {name for job in jobs for name in (*job.inputs, *job.outputs)}


def _kept(before: Made, recorded: set[str]) -> list[Job]:
    """The jobs recorded before, and not now, of whose files something is still here, or was not pulled."""

    def is_shared(name: str) -> bool:
        return Path(name).is_file() or Path(f"{name}.dvc").is_file()

    return [job for job in before.jobs if not recorded & set(job.outputs) and any(map(is_shared, job.outputs))]


def _complete(job: Job, before: Made) -> bool:
    """Whether every file of a job is here or was recorded, when another clone had it."""
    return all(Path(name).is_file() or name in before.digests for name in (*job.inputs, *job.outputs))


def _ended(path: Path, digests: Mapping[str, str]) -> bool:
    """Whether a file is a finished job's; of a log: whether its run has ended."""
    return str(path) in digests or (path.suffix == ".jsonl" and str(path.with_name("outcome.json")) in digests)


def _refuse_foreign(jobs: Iterable[Job]) -> None:
    for job in jobs:
        for name in job.inputs:
            if Path(name).is_absolute() or ".." in Path(name).parts:
                raise SharingError(
                    f"{job.outputs[0]} was made from {name}, which lies outside the project: another clone would not "
                    "find it. Leave the place of rendered data to the pipeline (no site.data entry), then run again."
                )


def _refuse_changed(digests: Mapping[str, str], jobs: Iterable[Job], before: Made, notes: Notes) -> None:
    """Raise SharingError for files that are not what was made."""
    known = {**before.digests, **digests}  # of what was not pulled, as recorded
    changed = sorted({*_not_as_used(known, jobs, notes), *_not_as_made(digests, jobs, before, notes)})
    if changed:
        more = f" and {len(changed) - MOST_SHOWN} more" if len(changed) > MOST_SHOWN else ""
        raise SharingError(
            f"changed after they were made, or after something was made from them: "
            f"{', '.join(changed[:MOST_SHOWN])}{more}. Nothing was recorded. Run snakemake; what it does not make anew "
            "was changed by hand: delete it, and run snakemake again."
        )


def _not_as_used(digests: Mapping[str, str], jobs: Iterable[Job], notes: Notes) -> Iterator[str]:
    """Inputs that are not what the jobs saw which were made from them."""
    for job in jobs:
        for output in job.outputs:
            seen = notes.used(output)
            yield from (name for name, digest in seen.items() if digests.get(name, digest) != digest)


def _not_as_made(digests: Mapping[str, str], jobs: Iterable[Job], before: Made, notes: Notes) -> Iterator[str]:
    """Outputs that were written after their job ended and are not as recorded; records and weights by their digests."""
    for name in (name for job in jobs for name in job.outputs if name in digests):
        path = Path(name)
        if path.suffix == ".json" and name.startswith("results/"):
            content = json.loads(path.read_text())
            if not is_intact(content):
                yield name
            if path.name == "provenance.json":
                left = {
                    str(path.with_name(f"{part}.safetensors")): digest for part, digest in content["weights"].items()
                }
                yield from (file for file, digest in left.items() if digests.get(file, digest) != digest)
        elif path.stat().st_mtime != notes.date(name) and digests[name] != before.digests.get(name):
            yield name
