"""Send results to a DVC remote."""

from __future__ import annotations

from pathlib import Path

from bits.plan.model import Plan
from bits.sharing.dvc import dvc, require_remote, require_repository
from bits.sharing.files import for_dvc
from bits.sharing.recording import record


def push(plan: Plan, remote: str = "") -> tuple[int, int]:
    """Record a study and send its files to the remote; returns how many were recorded, and sent. Commits nothing.

    Files that a partial clone has not pulled are not sent: the remote has them already.
    """
    require_repository()  # first: DVC says nothing useful of a remote where there is no repository
    require_remote(remote)
    made = record(plan)
    here = [f"{name}.dvc" for name in for_dvc(plan) if Path(name).is_file() and Path(f"{name}.dvc").is_file()]
    if here:  # without a target DVC would send everything
        dvc("push", *(["-r", remote] if remote else []), *here)
    return len(made.dates), len(here)
