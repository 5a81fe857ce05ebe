"""Provenance of a number: machine, versions, command, time. Never imports torch."""

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
    """Versions of Python and of the packages that results depend on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def hardware() -> dict[str, Any]:
    """Processor, usable cores and memory (GiB) of this machine; the compute device is recorded by its users."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.split(":", 1)[1].strip()
            for line in info.read_text(encoding="utf-8").splitlines()
            if "model name" in line
        ]
        model = names[0] if names else model
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {"cpu": model, "cores": cores, "memory_gib": round(memory, 1), "system": platform.platform()}


def usage() -> dict[str, float]:
    """CPU time (s) and peak memory (GiB) of this process and of its children that have ended."""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    seconds = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
    peak = max(own.ru_maxrss, children.ru_maxrss) / (2**30 if sys.platform == "darwin" else 2**20)  # bytes or KiB
    return {"cpu_seconds": round(seconds, 2), "peak_memory_gib": round(peak, 2)}


def command() -> list[str]:
    """The command line of this process, without the path of the checkout."""
    return [word.removeprefix(f"{ROOT}{os.sep}") for word in sys.argv]


def now() -> str:
    """The current time: UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
