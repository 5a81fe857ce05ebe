"""How Snakemake will learn that a job has ended, and whether it will learn it at all.

The Slurm plugin asks sacct where that program exists. With accounting off, sacct fails at every poll, which the plugin
mentions only in its debug log: jobs end, and the workflow waits forever. `slurm-status-command: squeue` avoids that,
unless MinJobAge is shorter than three status intervals: then the plugin falls back to sacct.
"""

from __future__ import annotations

import re
import shutil
from datetime import datetime, timedelta

from bits.config.site import Cluster
from bits.doctor.finding import Finding
from bits.doctor.partition import chosen_partition, records
from bits.doctor.profile import Profile
from bits.records.ask import ask

SUBJECT = "Slurm"
INTERVAL_S = 40  # the plugin's, before its first status check
UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


def accounting(profile: Profile | None) -> list[Finding]:
    """Which program is asked for the status of jobs, and whether it answers."""
    settings = profile.settings if profile else {}
    interval = int(settings.get("slurm-init-seconds-before-status-checks", INTERVAL_S))
    age, there = min_job_age(), shutil.which("sacct") is not None
    asked = asked_for_status(settings.get("slurm-status-command"), there, age, interval)
    trouble = _trouble_of_sacct() if there else "sacct is not on the path"
    where = str(profile.path) if profile else "the profile"
    if asked == "sacct" and trouble:
        return [_hang(settings.get("slurm-status-command") == "squeue", trouble, age, interval, where)]
    if asked == "sacct":
        return [Finding(SUBJECT, "ok", "accounting is on: the status of jobs is asked of sacct")]
    if age is None or age < 3 * interval:
        remedy = f"Set slurm-init-seconds-before-status-checks: {max((age or 15) // 3, 1)} in {where}."
        found = f"squeue forgets ended jobs after {age} s (MinJobAge), but is asked every {interval} s or less often"
        return [Finding(SUBJECT, "warning", found, remedy)]
    state = f"there is no accounting ({trouble})" if trouble else "accounting is on"
    return [Finding(SUBJECT, "ok", f"{state}; the status of jobs is asked of squeue, MinJobAge is {age} s")]


def preemption(profile: Profile | None, cluster: Cluster) -> list[Finding]:
    """Whether a preempted job comes back: the plugin leaves that to Slurm, and waits forever if Slurm cancelled it."""
    partitions = records(ask("scontrol", "show", "partition", "--oneliner").out)
    mode = (chosen_partition(partitions, cluster.partition) or {}).get("PreemptMode", "OFF")
    again = "REQUEUE" in mode and profile is not None and profile.settings.get("slurm-requeue")
    if mode == "OFF" or again or "SUSPEND" in mode:
        return []
    remedy = "Set slurm-requeue: true in the profile, and use a partition or QOS whose PreemptMode is REQUEUE or OFF."
    found = f"PreemptMode is {mode}: a preempted job might not come back, and Snakemake would wait for it"
    return [Finding(SUBJECT, "warning", found, remedy)]


def asked_for_status(chosen: str | None, sacct: bool, age: int | None, interval: int) -> str:
    """sacct or squeue, as version 2.8 of the plugin decides."""
    if not sacct:
        return "squeue"
    if chosen == "squeue" and age is not None and age >= 3 * interval:
        return "squeue"
    return "sacct"


def _trouble_of_sacct() -> str:
    """Why sacct gives no answer, asked the way the plugin asks; "" when it does."""
    start = f"{datetime.now() - timedelta(days=2):%Y-%m-%dT%H:00}"
    words = ["-X", "--parsable2", "--clusters", "all", "--noheader", "--format=JobIdRaw,State"]
    return ask("sacct", *words, "--starttime", start, "--endtime", "now", "--name", "bits-doctor").problem


def _hang(squeue_chosen: bool, trouble: str, age: int | None, interval: int, where: str) -> Finding:
    found = f"the workflow would hang without a word: it asks sacct for the status of jobs, but {trouble}"
    if squeue_chosen:
        found += f" (squeue is chosen, but MinJobAge = {age} s is under three intervals of {interval} s)"
        shorter = max((age or 0) // 3, 1)
        remedy = f"Set slurm-init-seconds-before-status-checks: {shorter} in {where}, or raise MinJobAge in slurm.conf."
    else:
        remedy = f"Set slurm-status-command: squeue in {where}, or have accounting turned on."
    return Finding(SUBJECT, "error", found, remedy)


def min_job_age() -> int | None:
    """Seconds for which squeue remembers a job that has ended; None when Slurm does not say."""
    shown = re.search(r"^\s*MinJobAge\s*=\s*(\d+)\s*([a-z]?)", ask("scontrol", "show", "config").out, re.MULTILINE)
    return int(shown[1]) * UNITS.get(shown[2], 1) if shown else None
