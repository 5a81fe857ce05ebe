"""Jobs in Slurm's queue that an earlier call submitted: a killed Snakemake leaves them there and forgets them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from bits.records.ask import ask

PAUSE_S = 5.0
FORMAT = "%A|%T|%Z|%k"  # number, state, working directory, comment


class Queued(NamedTuple):
    """A job in the queue. comment: the rule and wildcards that the Slurm plugin (2.8) writes there."""

    id: str
    state: str
    comment: str


def comment_of(job: Any) -> str:
    """The comment that the Slurm plugin gives one of Snakemake's jobs."""
    values = "_".join(job.wildcards or ()).replace("/", "_")
    return f"rule_{job.rule.name}_wildcards_{values}" if values else f"rule_{job.rule.name}"


def clear_queue(jobs: Iterable[Any], is_training: Callable[[Any], bool], pause: float = PAUSE_S) -> None:
    """Before `jobs` (Snakemake's) are submitted: no others of this folder that make the same are in the queue any more.

    Those that wait are cancelled, evaluations at work too: they go on from what they left. Trainings at work are waited
    for. No other call can have submitted them for itself, because Snakemake has locked their outputs for this one.
    """
    again = {comment_of(job): is_training(job) for job in jobs}
    left = _queued(again)
    kept = [job for job in left if again[job.comment] and job.state in ("RUNNING", "COMPLETING")]
    cancelled = [job for job in left if job not in kept]
    if cancelled:
        answer = ask("scancel", *(job.id for job in cancelled))
        _note(f"cancelled what an earlier call left in Slurm's queue and this one submits itself: {_named(cancelled)}")
        if not answer.good:
            _note(f"{answer.problem}; cancel them yourself, or they are made twice")
    if kept:
        _note(f"trainings of an earlier call are still at work; waiting until they end (or scancel): {_named(kept)}")
    waiting = {job.id for job in kept}
    while waiting & {job.id for job in _queued(again)}:
        time.sleep(pause)


def _queued(comments: Collection[str]) -> list[Queued]:
    """This user's jobs that were submitted from this folder with one of these comments; [] with a note if unknown."""
    answer = ask("squeue", "--me", "--noheader", "--format", FORMAT, seconds=60)
    if not answer.good:
        _note(f"whether an earlier call left jobs in Slurm's queue is not known: {answer.problem}")
    here, found = str(Path.cwd()), []
    for line in answer.out.splitlines() if answer.good else ():
        number, state, folder, comment = line.split("|", 3)
        if folder == here and comment in comments:
            found.append(Queued(number, state, comment))
    return found


def _named(jobs: Collection[Queued]) -> str:
    return ", ".join(f"{job.id} ({job.comment.removeprefix('rule_').replace('_wildcards_', ' ')})" for job in jobs)


def _note(text: str) -> None:
    print(f"note: {text}", file=sys.stderr, flush=True)
