"""The NVIDIA driver and GPUs of this machine, as nvidia-smi reports them. Never imports torch."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from bits.records.ask import ask

PROGRAM = "nvidia-smi"
DRIVER = Path("/proc/driver/nvidia/version")
SECONDS = 30.0  # eight GPUs without persistence mode take most of that


@dataclass(frozen=True)
class Gpu:
    """name: product name. driver: driver version."""

    name: str
    driver: str


@dataclass(frozen=True)
class Gpus:
    """The GPUs in nvidia-smi's order. problem: why there is no answer, "" if there is one."""

    found: tuple[Gpu, ...] = ()
    problem: str = ""


def has_nvidia_smi() -> bool:
    """Whether nvidia-smi is on the path."""
    return shutil.which(PROGRAM) is not None


def has_driver() -> bool:
    """Whether this machine has an NVIDIA driver; checked without running a program."""
    return has_nvidia_smi() or DRIVER.exists()


def gpus() -> Gpus:
    """Query nvidia-smi; takes about a second, at most SECONDS."""
    answer = ask(PROGRAM, "--query-gpu=driver_version,name", "--format=csv,noheader", seconds=SECONDS)
    if not answer.good:
        return Gpus(problem=answer.problem)
    lines = [line.partition(",") for line in answer.out.splitlines() if line.strip()]
    return Gpus(tuple(Gpu(name.strip(), driver.strip()) for driver, _, name in lines))


def gpu_name() -> str | None:
    """The product name of this machine's first GPU; None if there is none or nvidia-smi does not answer."""
    found = gpus().found
    return found[0].name if found else None
