"""Where a number comes from: the machine, the versions, the command, the time. Never imports torch."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import resource
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bits.records.code import ROOT

PACKAGES = ("torch", "timm", "numpy", "pillow", "safetensors", "hydra-core", "snakemake", "pandas", "seaborn")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that numbers depend on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def hardware() -> dict[str, Any]:
    """Processor, usable cores and memory (GiB) of this machine; the device is added by who uses one."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {"cpu": model, "cores": cores, "memory_gib": round(memory, 1), "system": platform.platform()}


def usage() -> dict[str, float]:
    """CPU time and most memory of this process and those that it has waited for, since it started."""
    mine, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    seconds = mine.ru_utime + mine.ru_stime + others.ru_utime + others.ru_stime
    peak = max(mine.ru_maxrss, others.ru_maxrss) / (2**30 if sys.platform == "darwin" else 2**20)  # bytes there
    return {"cpu_seconds": round(seconds, 2), "peak_memory_gib": round(peak, 2)}


def command() -> list[str]:
    """The words that started this process; the checkout's own place on this machine is left out."""
    return [word.removeprefix(f"{ROOT}{os.sep}") for word in sys.argv]


def now() -> str:
    """The time, UTC, ISO 8601 with seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")
