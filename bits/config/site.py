"""What cannot change a number: where things are and how fast they go."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bits.config.section import Positive, Section


class JobSize(Section):
    """What a cluster is asked for one process of a job; memory and time are half as much more at every further try."""

    cpus: Positive
    memory_gib: float = Field(gt=0)
    hours: float = Field(gt=0)
    retries: int = Field(ge=0)  # on a cluster; elsewhere a failed job is not tried again


class Jobs(Section):
    """The kinds of jobs that a cluster runs; rendering needs none."""

    train: JobSize
    evaluate: JobSize
    prepare: JobSize


class Cluster(Section):
    """Where and how Slurm runs jobs; null: as Slurm does by itself."""

    partition: str | None
    account: str | None
    qos: str | None
    constraint: str | None
    gpu: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+(:[A-Za-z0-9_.-]+)?$")]  # the gres of a GPU: gpu, gpu:a100
    extra: str | None  # further words for sbatch
    most_hours: Annotated[float, Field(gt=0)] | None  # the partition's limits, which no retry exceeds
    most_memory_gib: Annotated[float, Field(gt=0)] | None


class Site(Section):
    """What cannot change a number: where things are and how fast they go."""

    device: str  # auto, cpu, cuda, cuda:1
    threads: int = Field(ge=0)  # CPU threads of a process; 0: leave it to torch
    processes: Positive  # of one training on each node, one per GPU; how many changes no number
    nodes: Positive  # that one training runs on
    micro_batch: int = Field(ge=0)  # images a process holds activations of at a time; 0: its whole share of the batch
    workers: int = Field(ge=0)  # decoding threads; 0: decode in the training process
    cache_gib: float = Field(ge=0)  # keep decoded images in memory up to this size
    feature_batch: Positive  # images a step when features are extracted
    scratch: str | None  # folder for the checkpoints of runs in progress; null: beside their results
    data: dict[str, str | None]  # data set name -> folder or zip
    checkpoint_minutes: float = Field(gt=0)
    log_every_steps: Positive
    jobs: Jobs
    cluster: Cluster
