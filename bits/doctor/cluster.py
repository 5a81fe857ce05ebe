"""What the jobs ask of a cluster, from the site's settings."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MORE = 0.5  # of the first try's memory and time, at every further one
Site = Mapping[str, Any]


@dataclass(frozen=True)
class Job:
    """What one job of a kind asks for. cpus, memory_gib and gpus are a node's.

    last_memory_gib, last_hours: of the last retry, when every further try asks for more.
    """

    name: str
    cpus: int
    memory_gib: float
    hours: float
    gpus: int
    nodes: int
    last_memory_gib: float = 0
    last_hours: float = 0

    def __str__(self) -> str:
        parts = [f"{self.cpus} CPUs", f"{self.memory_gib:g} GiB", f"{self.hours:g} h"]
        parts += [f"{self.gpus} GPU{'s' * (self.gpus > 1)}"] if self.gpus else []
        return ", ".join(parts) + (f" on each of {self.nodes} nodes" if self.nodes > 1 else "")


@dataclass(frozen=True)
class Cluster:
    """Where jobs go; None leaves it to Slurm. gpu: the gres of a GPU, with a type or without."""

    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    gpu: str = "gpu"
    extra: str | None = None


def cluster_of(site: Site) -> Cluster:
    """site.cluster; a site without it names nothing."""
    given = site.get("cluster") or {}
    return Cluster(**{key: given[key] for key in Cluster.__dataclass_fields__ if given.get(key)})


def uses_gpus(site: Site, slurm: bool) -> bool:
    """Whether each process takes a GPU. auto: nodes of a cluster have some, this machine where it has a driver."""
    device: str = site["device"]
    return device.startswith("cuda") or (device == "auto" and (slurm or shutil.which("nvidia-smi") is not None))


def jobs_of(site: Site) -> list[Job]:
    """The kinds of jobs that Slurm runs, from site.jobs, which is of one process each."""
    gpus = int(uses_gpus(site, slurm=True))
    processes, nodes = int(site["processes"]), int(site["nodes"])
    given = site.get("jobs") or {"train": {}}
    return [
        _job(name, site, processes, gpus * processes, nodes) if name == "train" else _job(name, site, 1, gpus, 1)
        for name in given
    ]


def _job(name: str, site: Site, processes: int, gpus: int, nodes: int) -> Job:
    own = (site.get("jobs") or {}).get(name) or {}
    limits = site.get("cluster") or {}
    cpus = int(own.get("cpus") or max(int(site["threads"]), 1)) * processes
    memory, hours = float(own.get("memory_gib") or 4) * processes, float(own.get("hours") or 1)
    growth = 1 + MORE * int(own.get("retries") or 0)
    return Job(
        name,
        cpus,
        _at_most(memory, limits.get("most_memory_gib")),
        _at_most(hours, limits.get("most_hours")),
        0 if name == "prepare" else gpus,
        nodes,
        _at_most(memory * growth, limits.get("most_memory_gib")),
        _at_most(hours * growth, limits.get("most_hours")),
    )


def _at_most(wanted: float, most: float | None) -> float:
    return min(wanted, most) if most else wanted
