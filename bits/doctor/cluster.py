"""What the workflow's rules will ask of a cluster for each kind of job, at the first try and at the last."""

from __future__ import annotations

from dataclasses import dataclass, field

from bits.config.site import Jobs, Site
from bits.costs.duration import TimeNeed
from bits.workflow.scheduler import Scheduler, at_try


@dataclass(frozen=True)
class ClusterJob:
    """What one job of a kind asks for. cpus, memory_gib, gpus: of each node.

    last_memory_gib, last_hours: of the last retry, as each try asks for more. retries: how many there are. longest: the
    job of its kind that is predicted to take longest, where that is known.
    """

    name: str
    cpus: int
    memory_gib: float
    hours: float
    gpus: int
    nodes: int
    last_memory_gib: float = 0
    last_hours: float = 0
    retries: int = 0
    longest: TimeNeed = field(default_factory=TimeNeed)

    def __str__(self) -> str:
        parts = [f"{self.cpus} CPUs", f"{self.memory_gib:g} GiB", f"{self.hours:g} h"]
        parts += [f"{self.gpus} GPU{'s' * (self.gpus > 1)}"] if self.gpus else []
        return ", ".join(parts) + (f" on each of {self.nodes} nodes" if self.nodes > 1 else "")


def jobs_of(site: Site, longest: TimeNeed = TimeNeed()) -> list[ClusterJob]:  # noqa: B008 - frozen
    """One of each kind that Slurm runs. longest: of the evaluations."""
    needs = {"evaluate": longest}
    return [_job(Scheduler(site, cluster=True), kind, site, needs.get(kind, TimeNeed())) for kind in Jobs.model_fields]


def _job(scheduler: Scheduler, kind: str, site: Site, longest: TimeNeed) -> ClusterJob:
    processes, nodes = (site.processes, site.nodes) if kind == "train" else (1, 1)
    asked = scheduler.resources(kind, processes, nodes, gpu=kind != "prepare", predicted=lambda _: longest.hours)
    first, last = at_try(asked, 1), at_try(asked, 1 + scheduler.retries(kind))
    return ClusterJob(
        kind,
        first["cpus_per_task"],
        first["mem_mb"] / 1024,
        first["runtime"] / 60,
        int(first["gres"].rpartition(":")[2]) if "gres" in first else 0,
        first["nodes"],
        last["mem_mb"] / 1024,
        last["runtime"] / 60,
        scheduler.retries(kind),
        longest,
    )
