"""How many threads decode images where the site does not say."""

from __future__ import annotations

import os
from collections.abc import Mapping

from bits.config.site import Site

AHEAD = 4  # batches that are decoded ahead of the one that is taken up next
MOST = 16  # threads of a process, beyond which they wait for one another


def decoding_threads(site: Site, environment: Mapping[str, str] = os.environ) -> int:
    """site.workers, or for null the cores that this process has, less one for itself, at most `MOST`.

    The cores are those of the Slurm job where there is one, else those that the system lets this process use, shared
    with the other processes of a training on this machine. A process with a single thread (site.threads = 1), such as
    those that run side by side on a machine without GPU, decodes in that thread.
    """
    # A job's cores are only sometimes what the system reports: some clusters enforce them by time, not by affinity.
    cores = int(environment.get("SLURM_CPUS_PER_TASK") or len(os.sched_getaffinity(0)))
    return threads_of(site, cores // int(environment.get("LOCAL_WORLD_SIZE", "1")))


def threads_of(site: Site, cores: int) -> int:
    """Likewise of a process with so many cores of its own."""
    if site.workers is not None:
        return site.workers
    if site.threads == 1:
        return 0
    return max(0, min(cores - 1, MOST))
