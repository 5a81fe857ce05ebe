"""Record what was made: digests, dates and Snakemake's notes as text, bytes under DVC."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from bits.plan.model import REPORTS, RESULTS, Plan
from bits.plan.setups import require_made, share_setup
from bits.sharing.changed import refuse_changed, refuse_foreign
from bits.sharing.dvc import add, require_repository
from bits.sharing.errors import SharingError
from bits.sharing.files import for_dvc, outputs
from bits.sharing.ignore import unignore
from bits.sharing.made import JobRecord, Made, Recorded, digests_of, is_recorded, read_made, write_made
from bits.sharing.manifests import write_manifests
from bits.sharing.metadata import FORMAT, Notes


def record(plan: Plan) -> Made:
    """Record every finished file of a plan.

    Earlier records stay: those of files that a partial clone has not pulled or not restored, and those of other plans
    (more seeds, earlier settings) whose files still exist.

    Raises SharingError, and records nothing, when a file is no longer what its job wrote or what later jobs read.
    """
    require_repository()
    require_made(plan)
    notes = Notes()
    before = read_made(plan.folder) if is_recorded(plan.folder) else Made()
    jobs = [job for job in notes.jobs(outputs(plan)) if _is_complete(job, before)]
    if not jobs:
        raise SharingError(f"{plan.folder}: nothing is finished. Make it first: snakemake --cores all")
    refuse_foreign(jobs)
    digests = digests_of(sorted(_names(jobs)))
    refuse_changed(digests, jobs, before, notes)
    made = _merged(jobs, digests, before, notes)
    unignore(RESULTS, f"{plan.study}/")
    unignore(REPORTS, f"{plan.study}/", "index.html")
    add([name for name in for_dvc(plan) if Path(name).is_file() and _is_final(Path(name), digests)])
    write_manifests(plan)
    share_setup(plan)
    write_made(made, plan.folder)
    return made


def _merged(jobs: list[JobRecord], digests: Mapping[str, str], before: Made, notes: Notes) -> Made:
    """The new records: these jobs, and the earlier ones that still stand."""
    known = {**before.digests, **digests}  # as recorded where a file was not pulled
    now = [
        Recorded(
            metadata_format=FORMAT,
            job=job,
            digests={name: known[name] for name in job.files},
            dates={name: notes.date(name) or before.dates[name] for name in job.outputs},
        )
        for job in jobs
    ]
    return Made((*now, *_kept(before, {name for job in jobs for name in job.outputs})))


def _names(jobs: Iterable[JobRecord]) -> set[str]:
    return {name for job in jobs for name in job.files}


def _kept(before: Made, outputs: set[str]) -> list[Recorded]:
    """The earlier jobs that are not recorded now and of whose outputs at least one is here or can be pulled."""

    def is_shared(name: str) -> bool:
        return Path(name).is_file() or Path(f"{name}.dvc").is_file()

    return [
        one for one in before.recorded if not outputs & set(one.job.outputs) and any(map(is_shared, one.job.outputs))
    ]


def _is_complete(job: JobRecord, before: Made) -> bool:
    """Whether every file of a job is here, or was recorded in another clone."""
    return all(Path(name).is_file() or name in before.digests for name in job.files)


def _is_final(path: Path, digests: Mapping[str, str]) -> bool:
    """Whether a finished job wrote the file; for a training log, whether its run has ended."""
    return str(path) in digests or (path.suffix == ".jsonl" and str(path.with_name("outcome.json")) in digests)
