"""Get what was shared from a DVC remote."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from bits.sharing.dvc import dvc, require_remote, require_repository
from bits.sharing.errors import SharingError
from bits.sharing.files import for_dvc
from bits.sharing.restoring import Restored, restore


def pull(plan: Mapping[str, Any], run: str = "", weights: bool = True, remote: str = "") -> Restored:
    """Get a scale's bytes, or those of one run (a name or an id), with or without weights; then `restore`.

    A file that was changed here is not overwritten: DVC refuses. Raises SharingError.
    """
    require_repository()
    require_remote(remote)
    wanted = [name for name in for_dvc(plan) if Path(f"{name}.dvc").is_file()]
    if run:
        folders = [f"{plan['runs'][identity]['folder']}/" for identity in ids_of(plan, run)]
        wanted = [name for name in wanted if name.startswith(tuple(folders))]
    if not weights:
        wanted = [name for name in wanted if not (name.endswith(".safetensors") and name.startswith("results/"))]
    if not wanted:
        raise SharingError(
            f"scale {plan['scale']['name']}: no .dvc file of {run or 'it'} is here, so there is nothing to pull. "
            "Get what others have shared (git pull), or make it: snakemake --cores all"
        )
    dvc("pull", *(["-r", remote] if remote else []), *(f"{name}.dvc" for name in wanted))
    return restore(plan)


def ids_of(plan: Mapping[str, Any], run: str) -> list[str]:
    """The ids of a run by its name (every seed) or id; raises SharingError with near matches."""
    ids = [run] if run in plan["runs"] else [one for one in plan["sources"].get(run, ()) if one in plan["runs"]]
    if not ids:
        names = {entry["name"] for entry in plan["runs"].values()}
        near = ", ".join(get_close_matches(run, sorted(names | set(plan["runs"]))))
        raise SharingError(f"run={run}: no run of scale {plan['scale']['name']}" + (f"; near: {near}" if near else ""))
    return ids
