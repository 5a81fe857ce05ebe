"""Give a clone's files back the dates and notes by which Snakemake knows that they are up to date."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bits.sharing.files import outputs, results_folder
from bits.sharing.made import digests_of, read_made
from bits.sharing.metadata import Notes


@dataclass(frozen=True)
class Restored:
    """Outputs of a plan: those that are what was recorded, those that are not, those that are not here."""

    same: tuple[str, ...]
    other: tuple[str, ...]
    absent: tuple[str, ...]


def restore(plan: Mapping[str, Any]) -> Restored:
    """Date and note every output of the plan whose content is what was recorded, and nothing else.

    A file with other content keeps its date, so that what is made from it notices. It gets the recorded note only
    where there is none: without any, changed code and settings would go unnoticed. Raises SharingError.
    """
    made, notes, mine = read_made(Path(results_folder(plan), "made.json")), Notes(), set(outputs(plan))
    listed = [(name, job) for job in made.jobs for name in job.outputs if name in mine]
    found = digests_of(name for name, _ in listed)
    same: list[str] = []
    other: list[str] = []
    absent: list[str] = []
    for name, job in listed:
        if found.get(name) == made.digests[name]:
            same.append(name)
            if Path(name).stat().st_mtime != made.dates[name]:
                os.utime(name, (made.dates[name], made.dates[name]))
            notes.write(name, job, made)
            continue
        (other if name in found else absent).append(name)
        if not notes.known(name):
            notes.write(name, job, made)
    return Restored(tuple(sorted(same)), tuple(sorted(other)), tuple(sorted(absent)))
