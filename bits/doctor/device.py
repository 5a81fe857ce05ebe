"""GPU, driver and CUDA of this machine against what site.device asks for."""

from __future__ import annotations

from collections.abc import Sequence

from bits.config.site import Site
from bits.doctor.finding import Finding, Status
from bits.doctor.probe import Answer, CudaDevice
from bits.records.gpus import gpus, has_nvidia_smi

SUBJECT = "Device"
GIB = 2**30
CROWDED = 0.5  # share of a GPU's memory; with less free, another process is at work there


def device(site: Site, answer: Answer, slurm: bool, reproduction: bool) -> list[Finding]:
    """slurm: jobs run elsewhere, so what is wrong here is a warning. reproduction: the scale is hopeless on a CPU."""
    if answer.problem:
        remedy = "Try python -c 'import torch; print(torch.cuda.is_available())'; make setup installs what is missing."
        return [Finding(SUBJECT, "error", f"torch gives no answer: {answer.problem}", remedy)]
    versions = f"torch {answer.torch}, CUDA {answer.cuda or 'not built in'}"
    if site.device == "cpu":
        return [Finding(SUBJECT, "ok", f"site.device = cpu: no GPU is used ({versions})")]
    driver = _driver()
    if not answer.devices:
        return [driver, _without(site.device, versions, slurm, reproduction)]
    each = [_one(number, found) for number, found in enumerate(answer.devices)]
    return [driver, *([] if slurm else _too_few(site, answer.devices)), *each]


def _driver() -> Finding:
    if not has_nvidia_smi():
        return Finding(SUBJECT, "skipped", "nvidia-smi is not on the path: no NVIDIA driver here")
    answer = gpus()
    if answer.problem:
        remedy = "Driver and kernel module disagree, or a GPU fell off the bus: have this machine rebooted or repaired."
        return Finding(SUBJECT, "error", f"the NVIDIA driver does not answer: {answer.problem}", remedy)
    versions = ", ".join(sorted({gpu.driver for gpu in answer.found}))
    return Finding(SUBJECT, "ok", f"NVIDIA driver {versions}, {len(answer.found)} GPUs")


def _without(wanted: str, versions: str, slurm: bool, reproduction: bool) -> Finding:
    found = f"torch sees no CUDA device here ({versions}); site.device = {wanted}"
    if slurm:
        remedy = (
            "Nothing to do on a login node without GPUs. To check a compute node: "
            "srun --gres=gpu:1 bits doctor --no-slurm."
        )
        return Finding(SUBJECT, "warning", found, remedy)
    if wanted == "auto" and not reproduction:
        return Finding(SUBJECT, "ok", f"{found}: trains on the CPU")
    status: Status = "warning" if wanted == "auto" else "error"
    remedy = "Work on a machine with a GPU and a driver new enough for this torch (nvidia-smi), or set site.device=cpu."
    return Finding(SUBJECT, status, found, remedy)


def _too_few(site: Site, devices: Sequence[CudaDevice]) -> list[Finding]:
    number = int(site.device.partition(":")[2] or site.processes - 1)
    if number < len(devices):
        return []
    remedy = "Lower site.processes, or choose another site.device; CUDA_VISIBLE_DEVICES may hide some GPUs."
    found = f"torch sees {len(devices)} CUDA devices; site.device = {site.device} with {site.processes} processes"
    return [Finding(SUBJECT, "error", f"{found} needs number {number}", remedy)]


def _one(number: int, found: CudaDevice) -> Finding:
    memory = f"{found.free / GIB:.0f} of {found.total / GIB:.0f} GiB free"
    what = f"cuda:{number} {found.name}, {memory}, {'bfloat16' if found.bfloat16 else 'no bfloat16'}"
    if found.free < CROWDED * found.total:
        remedy = "Another process uses it (nvidia-smi names it): wait, or choose another site.device."
        return Finding(SUBJECT, "warning", what, remedy)
    if not found.bfloat16:
        return Finding(SUBJECT, "warning", what, "Set precision=float32: bfloat16 would be emulated, and slow.")
    return Finding(SUBJECT, "ok", what)
