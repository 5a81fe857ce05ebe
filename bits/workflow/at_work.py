"""Trainings that outlived the Snakemake that started them, as when a login node was restarted under their jobs."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from pathlib import Path

from bits.training.possession import holder

PAUSE_S = 2.0


def wait_for_others(runs: Iterable[Path], pause: float = PAUSE_S) -> None:
    """Return when no process trains any of the runs in these folders; tell on stderr who does, once.

    A run that ended meanwhile is trained again from its last checkpoint, in seconds, so Snakemake can record it.
    """
    at_work = _at_work(runs)
    if not at_work:
        return
    lines = [f"  {run}: {who}" for run, who in at_work.items()]
    print(
        "note: these runs are still being trained, by jobs of an earlier call or by hand:\n" + "\n".join(lines) + "\n"
        "Waiting until they end; what they train is kept. To go on from their checkpoints at once instead, stop them "
        "(kill, or scancel for a Slurm job).",
        file=sys.stderr,
        flush=True,
    )
    while at_work:
        time.sleep(pause)
        at_work = _at_work(at_work)


def _at_work(runs: Iterable[Path]) -> dict[Path, str]:
    found = {run: holder(run) for run in runs}
    return {run: who for run, who in found.items() if who is not None}
