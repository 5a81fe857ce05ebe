"""Which device a plan is costed for, and where its speeds come from."""

from __future__ import annotations

from pathlib import Path

from bits.costs.assumptions import CPU, Assumptions, CostError
from bits.costs.calibration import MeasuredRates, calibration_file, read_calibration
from bits.costs.counts import Counts, counts_of
from bits.costs.images import image_counts
from bits.costs.price import Prices
from bits.costs.rates import FlopRates, Rates
from bits.plan import Plan
from bits.records.gpus import gpu_name
from bits.records.provenance import hardware, versions


def prices_for(
    plan: Plan, assumptions: Assumptions, device: str | None = None, calibration: Path | None = None
) -> tuple[Prices, str]:
    """(prices of the plan's jobs, why by these speeds), see `rates_for`."""
    rates, why = rates_for(plan, assumptions, device, calibration)
    return Prices(plan, rates, counts_of(plan), image_counts(plan, assumptions), assumptions), why


def rates_for(
    plan: Plan,
    assumptions: Assumptions,
    device: str | None = None,
    calibration: Path | None = None,
    counts: Counts | None = None,
) -> tuple[Rates, str]:
    """(speeds, why these): those of `calibration`, or of `device` by the FLOP model, else of this machine.

    For this machine results/<study>/calibration.json where it fits, else the FLOP model of its GPU, of a CPU where the
    site says so or there is no GPU, or of the device that config/costs.yaml assumes for the scale then. counts: of the
    FLOPs; None: those in the folder of the plan's results, where what is counted is added.
    """
    if device is not None and calibration is not None:
        raise CostError("--device and --calibration: give one of them; a calibration is of a device")
    gpu = None if plan.site.device.startswith("cpu") else gpu_name()
    key, why = _device(plan, assumptions, device, gpu)
    model = FlopRates(key, assumptions, counts or counts_of(plan), plan.site)
    if device is not None:
        return model, why
    path = calibration or calibration_file(plan)
    if calibration is None and not path.is_file():
        return model, f"{why}; nothing was measured here (bits calibrate study={plan.study})"
    measured = read_calibration(path)
    here = hardware()["cpu"] if model.cpu else gpu
    mismatch = measured.mismatch(model.cpu, here, versions())
    if mismatch and calibration is None:
        return model, f"{why}; {path} {mismatch}, so it is not used"
    return MeasuredRates(measured, model), f"{path}{f', although it {mismatch}' if mismatch else ''}"


def _device(plan: Plan, assumptions: Assumptions, asked: str | None, gpu: str | None) -> tuple[str, str]:
    """(key of the device in config/costs.yaml, why this one)."""
    if asked is not None:
        return assumptions.device(asked), "as --device says"
    if plan.site.device.startswith("cpu"):
        return CPU, f"site.device = {plan.site.device}"
    if gpu is not None:
        return assumptions.device(gpu), "the GPU of this machine"
    assumed = assumptions.assumed.get(plan.scale.name)
    if plan.site.device.startswith("cuda") or assumed is not None:
        return assumptions.device(assumed or "h100"), "assumed, as this machine has no GPU (--device says another)"
    return CPU, "this machine has no GPU"
