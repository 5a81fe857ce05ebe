"""What the jobs ask of a cluster, from the site's settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Job:
    """What one job of a kind asks for. cpus, memory_gib and gpus are a node's."""

    name: str
    cpus: int
    memory_gib: float
    hours: float
    gpus: int
    nodes: int

    def __str__(self) -> str:
        parts = [f"{self.cpus} CPUs", f"{self.memory_gib:g} GiB", f"{self.hours:g} h"]
        parts += [f"{self.gpus} GPUs"] if self.gpus else []
        return ", ".join(parts) + (f" on each of {self.nodes} nodes" if self.nodes > 1 else "")


@dataclass(frozen=True)
class Cluster:
    """Where jobs go; None leaves it to Slurm."""

    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    extra: str | None = None


def cluster_of(site: Mapping[str, Any]) -> Cluster:
    """site.cluster; a site without it names nothing."""
    given = site.get("cluster") or {}
    return Cluster(**{key: given.get(key) for key in Cluster.__dataclass_fields__})


def jobs_of(site: Mapping[str, Any], gpus: int) -> list[Job]:
    """The kinds of jobs, from site.jobs; gpus: how many a process uses (0 or 1)."""
    given = site.get("jobs") or {}
    processes, nodes = int(site["processes"]), int(site["nodes"])
    threads = max(int(site["threads"]), 1)
    train = _job("train", given, threads * processes, gpus * processes, nodes)
    others = [_job(name, given, threads, gpus if name == "evaluate" else 0, 1) for name in given if name != "train"]
    return [train, *others]


def _job(name: str, given: Mapping[str, Any], threads: int, gpus: int, nodes: int) -> Job:
    own = given.get(name) or {}
    return Job(
        name,
        int(own.get("cpus") or threads),
        float(own.get("memory_gib") or 4),
        float(own.get("hours") or 1),
        gpus,
        nodes,
    )
