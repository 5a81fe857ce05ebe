"""Main memory: what the largest evaluation holds against what its job gets."""

from __future__ import annotations

import math

from bits.config.site import Site
from bits.costs.memory import MemoryNeed
from bits.doctor.finding import Finding
from bits.records.provenance import hardware

SUBJECT = "Device"
GIB = 2**30


def memory(need: MemoryNeed, site: Site, slurm: bool) -> list[Finding]:
    """slurm: the job gets what the cluster is asked for, else it has the memory of this machine."""
    if not need.bytes:
        return []
    limit = site.jobs.evaluate.memory_gib if slurm else float(hardware()["memory_gib"])
    where = f"site.jobs.evaluate.memory_gib = {limit:g}" if slurm else f"this machine has {limit:g} GiB"
    held = f"{need.bytes / GIB:.3g} GiB of features and work on them in memory; {where}"
    if need.bytes <= limit * GIB:
        return [Finding(SUBJECT, "ok", f"evaluations hold at most {held}")]
    wanted = math.ceil(need.bytes / GIB + site.cache_gib) + 1  # torch takes about one by itself
    change = f"Set site.jobs.evaluate.memory_gib={wanted}" if slurm else f"Evaluate on a machine with {wanted} GiB"
    remedy = f"{change}, which leaves room for torch and decoded images (site.cache_gib)."
    return [Finding(SUBJECT, "warning", f"{need.job} will hold {held}", remedy)]
