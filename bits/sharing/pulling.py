"""Get shared files from a DVC remote."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bits.config.near import did_you_mean
from bits.plan.model import Plan
from bits.sharing.dvc import dvc, require_remote, require_repository
from bits.sharing.errors import SharingError
from bits.sharing.files import for_dvc, is_weights
from bits.sharing.pointers import require_own_files
from bits.sharing.restoring import Restored, restore


def pull(plan: Plan, run: str = "", weights: bool = True, remote: str = "") -> Restored:
    """Get a study's files, or those of one run (a name or an id), with or without weights; then `restore`.

    What the remote lacks, or has damaged, is named in the answer; everything else is restored. DVC refuses to overwrite
    a file that was changed here. Raises SharingError.
    """
    require_repository()
    wanted = _wanted(plan, run, weights)
    require_own_files(wanted)
    require_remote(remote)
    problem = ""
    try:
        dvc("pull", *(["-r", remote] if remote else []), *(f"{name}.dvc" for name in wanted))
    except SharingError as error:
        problem = str(error)
    lacking = tuple(name for name in wanted if not Path(name).is_file())
    if problem and not lacking:
        raise SharingError(problem)
    return replace(restore(plan), lacking=lacking)


def _wanted(plan: Plan, run: str, weights: bool) -> list[str]:
    """The files to get, all of which have a .dvc file; raises SharingError when there are none."""
    wanted = [name for name in for_dvc(plan) if Path(f"{name}.dvc").is_file()]
    if run:
        folders = {plan.backboned(identity).folder for identity in ids_of(plan, run)}
        wanted = [name for name in wanted if Path(name).parent in folders]
    if not weights:
        wanted = [name for name in wanted if not is_weights(name)]
    if not wanted:
        raise SharingError(
            f"study {plan.study}: there is no .dvc file{f' of {run}' if run else ''} here, so there is nothing to "
            "pull. Get what others have shared (git pull), or make the results: snakemake --cores all"
        )
    return wanted


def ids_of(plan: Plan, run: str) -> list[str]:
    """The ids of a run or import, given by id or by name (all seeds); raises SharingError with similar names."""
    there = {**plan.runs, **plan.imports}
    ids = [run] if run in there else [one for one in plan.sources.get(run, ()) if one in there]
    if not ids:
        known = {*there, *(name for name, own in plan.sources.items() if own[0] in there)}
        raise SharingError(f"run={run}: no run of study {plan.study}{did_you_mean(run, known)}")
    return ids
