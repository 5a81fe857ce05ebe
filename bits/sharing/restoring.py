"""Give a clone's files back the dates and notes that tell Snakemake that they are up to date."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from bits.plan.model import Plan
from bits.sharing.files import made_file, outputs
from bits.sharing.made import digests_of, read_made
from bits.sharing.metadata import Notes


@dataclass(frozen=True)
class Restored:
    """The recorded outputs of a plan, sorted: unchanged files, files with other contents, files that are not here."""

    same: tuple[str, ...]
    other: tuple[str, ...]
    absent: tuple[str, ...]


def restore(plan: Plan) -> Restored:
    """Restore the date and note of every output of the plan whose contents are as recorded. Raises SharingError.

    A file with other contents keeps its date, so that what is made from it is made again. It gets the recorded note
    only if it has none: without a note, changes of code and settings would go unnoticed.
    """
    made, notes, mine = read_made(made_file(plan)), Notes(), set(outputs(plan))
    listed = [(name, job) for job in made.jobs for name in job.outputs if name in mine]
    found = digests_of(name for name, _ in listed)
    same: list[str] = []
    other: list[str] = []
    absent: list[str] = []
    for name, job in listed:
        if found.get(name) == made.digests[name]:
            same.append(name)
            _date(Path(name), made.dates[name])
            notes.write(name, job, made)
            continue
        (other if name in found else absent).append(name)
        if not notes.known(name):
            notes.write(name, job, made)
    return Restored(tuple(sorted(same)), tuple(sorted(other)), tuple(sorted(absent)))


def _date(path: Path, seconds: float) -> None:
    if path.stat().st_mtime != seconds:
        os.utime(path, (seconds, seconds))
