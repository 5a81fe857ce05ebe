"""Which device a plan is costed for, and from what."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bits.config.site import Site
from bits.costs.assumptions import CPU, Assumptions, CostError
from bits.costs.calibration import MeasuredRates, read_calibration
from bits.costs.counts import Counts
from bits.costs.price import scale_folder
from bits.costs.rates import FlopRates, Rates
from bits.records.provenance import hardware, versions

CALIBRATION = "calibration.json"


def rates_for(
    plan: Mapping[str, Any],
    assumptions: Assumptions,
    device: str | None = None,
    calibration: Path | None = None,
) -> tuple[Rates, str]:
    """(speeds, why they are these): those of `calibration`, or of `device` by the FLOP model, else of this machine.

    For this machine results/<scale>/calibration.json where it fits, else the FLOP model of the GPU that is here, of a
    CPU where the site says so or there is no GPU, or of what config/costs.yaml assumes for the scale then.
    """
    site, counts = Site.model_validate(plan["site"]), Counts(scale_folder(plan) / "flops.json")
    if device is not None and calibration is not None:
        raise CostError("--device and --calibration: give one of them; a calibration is of a device")
    gpu = None if site.device.startswith("cpu") else gpu_name()
    key, why = _device(plan, site, assumptions, device, gpu)
    model = FlopRates(key, assumptions, counts, site)
    if device is not None:
        return model, why
    path = calibration or scale_folder(plan) / CALIBRATION
    if calibration is None and not path.is_file():
        return model, f"{why}; nothing was measured here (bits calibrate scale={plan['scale']['name']})"
    measured = read_calibration(path)
    here = hardware()["cpu"] if model.cpu else gpu
    mismatch = measured.mismatch(model.cpu, here, versions())
    if mismatch and calibration is None:
        return model, f"{why}; {path} {mismatch}, so it is not used"
    return MeasuredRates(measured, model), f"{path}{f', although it {mismatch}' if mismatch else ''}"


def _device(
    plan: Mapping[str, Any], site: Site, assumptions: Assumptions, asked: str | None, gpu: str | None
) -> tuple[str, str]:
    if asked is not None:
        return assumptions.device(asked), "as --device says"
    if site.device.startswith("cpu"):
        return CPU, f"site.device = {site.device}"
    if gpu is not None:
        return assumptions.device(gpu), "the GPU of this machine"
    assumed = assumptions.assumed.get(str(plan["scale"]["name"]))
    if site.device.startswith("cuda") or assumed is not None:
        return assumptions.device(assumed or "h100"), "assumed, as this machine has no GPU (--device says another)"
    return CPU, "this machine has no GPU"


def gpu_name() -> str | None:
    """The product name of this machine's first GPU, None where there is none or no nvidia-smi."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return None
    query = [command, "--query-gpu=name", "--format=csv,noheader"]
    try:
        found = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True).stdout.splitlines()
    except (OSError, subprocess.SubprocessError):
        return None
    return found[0].strip() if found else None
