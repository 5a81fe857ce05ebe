"""Give a clone's files back the dates and notes that tell Snakemake that they are up to date."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from bits.plan.model import Plan
from bits.sharing.files import outputs
from bits.sharing.made import digests_of, read_made
from bits.sharing.metadata import Notes


@dataclass(frozen=True)
class Restored:
    """The recorded outputs of a plan, sorted: unchanged files, files with other contents, files that are not here.

    lacking: files that were to be pulled, and that the remote does not have, or has damaged.
    """

    same: tuple[str, ...]
    other: tuple[str, ...]
    absent: tuple[str, ...]
    lacking: tuple[str, ...] = ()


def restore(plan: Plan) -> Restored:
    """Restore the date and note of every output of the plan whose contents are as recorded. Raises SharingError.

    A file with other contents keeps its date, so that what is made from it is made again. It gets the recorded note
    only if it has none: without a note, changes of code and settings would go unnoticed.
    """
    notes, mine = Notes(), set(outputs(plan))
    listed = {name: one for name, one in read_made(plan.folder).by_output.items() if name in mine}
    found = digests_of(listed)
    same: list[str] = []
    other: list[str] = []
    absent: list[str] = []
    for name, recorded in listed.items():
        if found.get(name) == recorded.digests[name]:
            same.append(name)
            _date(Path(name), recorded.dates[name])
            notes.write(name, recorded)
            continue
        (other if name in found else absent).append(name)
        if not notes.known(name):
            notes.write(name, recorded)
    return Restored(tuple(sorted(same)), tuple(sorted(other)), tuple(sorted(absent)))


def _date(path: Path, seconds: float) -> None:
    if path.stat().st_mtime != seconds:
        os.utime(path, (seconds, seconds))
