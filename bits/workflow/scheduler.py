"""The resources that rules request from Snakemake's own scheduler or from Slurm. Never imports torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bits.config.site import JobSize, Site
from bits.records.gpus import has_driver

MORE = 0.5  # each retry adds this fraction of the first attempt's memory and time
NOTICE_S = 120  # seconds before the time limit at which processes are told to write a checkpoint and stop

Grows = Callable[..., int]
Predicted = Callable[[Any], float]


@dataclass(frozen=True)
class Scheduler:
    """site: the site settings. cluster: whether Slurm runs the jobs. inside: whether this process is inside a job."""

    site: Site
    cluster: bool
    inside: bool = False

    def resources(
        self, kind: str, processes: int = 1, nodes: int = 1, gpu: bool = True, predicted: Predicted | None = None
    ) -> dict[str, Any]:
        """The `resources:` of a rule whose jobs are of `kind` ("train", "evaluate", "prepare").

        processes: per node. gpu: whether each process gets a GPU, if the site uses GPUs. predicted: wildcards -> hours
        of a job; where they are known, a job gets cluster.time_margin times as many if that is more than its size says.
        """
        size: JobSize = getattr(self.site.jobs, kind)
        limits = self.site.cluster
        gpus = processes if gpu and self.uses_gpus() else 0

        def longer(wildcards: object) -> float:
            return 60 * limits.time_margin * predicted(wildcards) if predicted else 0.0

        asked: dict[str, Any] = {
            "runtime": _growing(60 * size.hours, limits.most_hours and 60 * limits.most_hours, longer),
            "mem_mb": _growing(
                1024 * size.memory_gib * processes, limits.most_memory_gib and 1024 * limits.most_memory_gib
            ),
            "threads_each": self.threads(kind),
        }
        if not self.cluster:
            # The default profile limits this resource: on this machine, one job at a time uses a GPU.
            return {**asked, "gpu": gpus}
        named = {
            "slurm_partition": limits.partition,
            "slurm_account": limits.account,
            "qos": limits.qos,
            "constraint": limits.constraint,
            "gres": f"{limits.gpu}:{gpus}" if gpus else None,  # per node
        }
        extra = f"--signal=TERM@{NOTICE_S} {limits.extra or ''}".strip()
        words = {key: value for key, value in named.items() if value is not None}
        return {**asked, **words, "nodes": nodes, "cpus_per_task": size.cpus * processes, "slurm_extra": extra}

    def threads(self, kind: str) -> int:
        """CPU threads of each process: site.threads, or else the job's cpus.

        On this machine, at most the number of cores; one without GPUs, where jobs run side by side.
        """
        if self.site.threads:
            return self.site.threads
        size: JobSize = getattr(self.site.jobs, kind)
        if self.cluster:
            return size.cpus
        return min(size.cpus, os.cpu_count() or 1) if self.uses_gpus() else 1

    def cores(self, kind: str, processes: int = 1) -> int:
        """The `threads:` of a rule, which Snakemake counts against the cores of this machine."""
        return 1 if self.cluster else processes * self.threads(kind)

    def retries(self, kind: str) -> int:
        """How often a failed job is resubmitted on a cluster.

        On this machine there are no retries: the user sees the failure and can start again.
        """
        size: JobSize = getattr(self.site.jobs, kind)
        return size.retries if self.cluster and not self.inside else 0

    def uses_gpus(self) -> bool:
        """Whether each process uses a GPU. For device auto: on a cluster, or if this machine has an NVIDIA driver."""
        device = self.site.device
        return device.startswith("cuda") or (device == "auto" and (self.cluster or has_driver()))


def at_try(asked: Mapping[str, Any], attempt: int) -> dict[str, Any]:
    """Resources as Snakemake requests them at the first, second, ... attempt."""
    return {key: value(None, attempt=attempt) if callable(value) else value for key, value in asked.items()}


def _growing(first: float, most: float | None, larger: Predicted | None = None) -> Grows:
    """`first` at the first attempt, plus half of it at each retry, at most `most`; whole numbers.

    larger: what the first attempt of a job gets if it is more than `first`.
    """

    def amount(wildcards: object, attempt: int) -> int:
        wanted = max(first, larger(wildcards) if larger else 0.0) * (1 + MORE * (attempt - 1))
        return max(1, round(min(wanted, most) if most else wanted))

    return amount
