"""Settings that cannot change a result: where things are and how fast they go."""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PlainValidator

from bits.config.section import Positive, Section


def _images_or_auto(value: Any) -> int | Literal["auto"]:
    """As one rule: of a union, pydantic would report what each of its types has against a value."""
    if value == "auto" or (type(value) is int and value >= 0):
        valid: int | Literal["auto"] = value
        return valid
    raise ValueError("expected a number of images, 0 or more, or auto")


PLACEHOLDER = "/path/to/"  # begins the places that config/site/example.yaml names


def _place(path: str) -> str:
    """A path with ~ filled in; raises ValueError for one that is still the example's."""
    if f"{path}/".startswith(PLACEHOLDER):
        raise ValueError("is the example's placeholder. Say where it lies here, or take the line out")
    return os.path.expanduser(path)  # noqa: PTH111 - Path raises an error for a user who is unknown


Place = Annotated[str, AfterValidator(_place)]


class JobSize(Section):
    """The resources of a cluster job."""

    cpus: Positive  # CPU cores per process
    memory_gib: float = Field(gt=0)  # GiB per process at the first attempt, half as much again at each retry
    hours: float = Field(gt=0)  # time limit of the first attempt, half as much again at each retry
    retries: int = Field(ge=0)  # how often a failed job is resubmitted; without a cluster, never


class Jobs(Section):
    """The resources of each kind of cluster job. Reports are rendered outside the cluster."""

    train: JobSize  # a pretraining or fine-tuning
    evaluate: JobSize  # the evaluations of one run on one data set
    prepare: JobSize  # making or checking a data set


class Cluster(Section):
    """How Slurm runs the jobs."""

    partition: str | None  # Slurm partition; null: Slurm's default
    account: str | None  # account to charge; null: Slurm's default
    qos: str | None  # quality of service; null: Slurm's default
    constraint: str | None  # required node features; null: none
    gpu: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+(:[A-Za-z0-9_.-]+)?$")]  # gres name of a GPU: gpu, gpu:a100
    extra: str | None  # further options for sbatch; null: none
    most_hours: Annotated[float, Field(gt=0)] | None  # the partition's time limit, which caps retries; null: no cap
    time_margin: float = Field(ge=1)  # evaluations get this many times their predicted hours, if more than jobs' hours
    most_memory_gib: Annotated[float, Field(gt=0)] | None  # GiB, cap for the memory of retries; null: no cap


class Site(Section):
    """Settings that cannot change a result: where things are and how fast they go."""

    device: str  # where to compute: auto (a GPU if there is one), cpu, cuda, cuda:1
    threads: int = Field(ge=0)  # CPU threads per process; 0: chosen by the scheduler, or by torch
    processes: Positive  # processes of a training on each node, one per GPU
    nodes: Positive  # nodes of a training
    # images that a process trains on at a time; auto: as many as fit its GPU; 0: its whole share of the batch
    micro_batch: Annotated[int | Literal["auto"], PlainValidator(_images_or_auto)]
    # decoding threads per process; null: its cores, less one, at most 16; 0: decode in the training thread
    workers: Annotated[int, Field(ge=0)] | None
    cache_gib: float = Field(ge=0)  # GiB of decoded images to keep in memory
    feature_batch: Positive  # images per batch in feature extraction
    scratch: Place | None  # folder for the checkpoints of runs in progress; null: in results/
    data: dict[str, Place | None]  # data set name -> folder or zip; null: no path given (scenes: rendered into data/)
    checkpoint_minutes: float = Field(gt=0)  # minutes between the checkpoints of a training, or of an evaluation
    log_every_steps: Positive  # steps between log entries
    jobs: Jobs  # resources of cluster jobs
    cluster: Cluster  # how Slurm runs them
