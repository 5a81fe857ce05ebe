"""GPU, driver and CUDA of this machine against what site.device asks for."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from typing import Any

from bits.doctor.ask import ask
from bits.doctor.finding import Finding, Status

SUBJECT = "Device"
GIB = 2**30
PROBE_S = 120.0  # importing torch from a cold network disk takes that long
CROWDED = 0.5  # of a GPU's memory in use: somebody else is at work there

Probe = Mapping[str, Any]


def probe(recipes: Mapping[str, Any], seconds: float = PROBE_S) -> Probe:
    """What torch says, from another process (bits.commands.probe); {"problem": why} when it says nothing."""
    answer = ask(sys.executable, "-m", "bits.commands.probe", seconds=seconds, given=json.dumps(recipes))
    try:
        found: Probe = json.loads(answer.out.splitlines()[-1]) if answer.good else {"problem": answer.problem}
    except (ValueError, IndexError):
        found = {"problem": f"expected JSON from bits.commands.probe, found {answer.out[:200]!r}"}
    return found


def device(site: Mapping[str, Any], answer: Probe, slurm: bool, reproduction: bool) -> list[Finding]:
    """slurm: jobs run elsewhere, so what is wrong here is a warning. reproduction: the scale is hopeless on a CPU."""
    if "problem" in answer:
        remedy = "Try python -c 'import torch; print(torch.cuda.is_available())'; make setup installs what is missing."
        return [Finding(SUBJECT, "error", f"torch cannot be asked: {answer['problem']}", remedy)]
    wanted, devices = site["device"], answer["devices"]
    versions = f"torch {answer['torch']}, CUDA {answer['cuda'] or 'not built in'}"
    if wanted == "cpu":
        return [Finding(SUBJECT, "ok", f"site.device = cpu: no GPU is used ({versions})")]
    driver = _driver()
    if not devices:
        return [driver, _without(wanted, versions, slurm, reproduction)]
    return [driver, *_count(site, devices, slurm), *(_one(number, each) for number, each in enumerate(devices))]


def _driver() -> Finding:
    if shutil.which("nvidia-smi") is None:
        return Finding(SUBJECT, "skipped", "nvidia-smi is not on the path: no NVIDIA driver here")
    answer = ask("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader", seconds=30)
    if answer.good:
        versions = ", ".join(sorted(set(answer.out.split())))
        return Finding(SUBJECT, "ok", f"NVIDIA driver {versions}, {len(answer.out.split())} GPUs")
    remedy = "Driver and kernel module disagree, or a GPU fell off the bus: have this machine rebooted or repaired."
    return Finding(SUBJECT, "error", f"the NVIDIA driver does not answer: {answer.problem}", remedy)


def _without(wanted: str, versions: str, slurm: bool, reproduction: bool) -> Finding:
    found = f"torch sees no CUDA device here ({versions}); site.device = {wanted}"
    if slurm:
        remedy = (
            "Nothing, on a login node without GPUs. To check a compute node: srun --gres=gpu:1 bits doctor --no-slurm."
        )
        return Finding(SUBJECT, "warning", found, remedy)
    if wanted == "auto" and not reproduction:
        return Finding(SUBJECT, "ok", f"{found}: trains on the CPU")
    status: Status = "warning" if wanted == "auto" else "error"
    remedy = "Work on a machine with a GPU and a driver new enough for this torch (nvidia-smi), or set site.device=cpu."
    return Finding(SUBJECT, status, found, remedy)


def _count(site: Mapping[str, Any], devices: list[Any], slurm: bool) -> list[Finding]:
    number = int(site["device"].partition(":")[2] or site["processes"] - 1)
    if slurm or number < len(devices):
        return []
    remedy = "Lower site.processes, or choose another site.device; CUDA_VISIBLE_DEVICES may hide some GPUs."
    found = f"torch sees {len(devices)} CUDA devices; site.device = {site['device']} with {site['processes']} processes"
    return [Finding(SUBJECT, "error", f"{found} wants number {number}", remedy)]


def _one(number: int, each: Mapping[str, Any]) -> Finding:
    memory = f"{each['free'] / GIB:.0f} of {each['total'] / GIB:.0f} GiB free"
    bfloat16 = "bfloat16" if each["bfloat16"] else "no bfloat16"
    found = f"cuda:{number} {each['name']}, {memory}, {bfloat16}"
    if each["free"] < CROWDED * each["total"]:
        remedy = (
            "Another process uses it (nvidia-smi names it): wait, choose another site.device, or set site.micro_batch."
        )
        return Finding(SUBJECT, "warning", found, remedy)
    if not each["bfloat16"]:
        return Finding(SUBJECT, "warning", found, "Set precision=float32: bfloat16 would be emulated, and slow.")
    return Finding(SUBJECT, "ok", found)
