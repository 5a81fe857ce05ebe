"""What `bits plan` answers: the costs of a plan with what they rest on, as text or to be read by programs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from bits.costs.assumptions import CostError
from bits.costs.notes import notes
from bits.costs.price import Prices
from bits.costs.summary import Costs, Line, Summary, Total
from bits.costs.text import costs_text
from bits.exhibits import Declarations
from bits.records.provenance import hardware

USUAL_GPUS = 8  # of one machine


@dataclass(frozen=True)
class Report:
    """why: these speeds. budget: as the user wrote it, None without one."""

    prices: Prices
    why: str
    costs: Costs
    budget: str | None = None

    @property
    def unit(self) -> str:
        """What is counted: GPU or core."""
        return "core" if self.prices.rates.cpu else "GPU"

    def notes(self) -> list[str]:
        """What the costs rest on, a sentence or two each."""
        return notes(self.prices, self.why, self.costs, self.unit)

    def text(self) -> str:
        """For people."""
        scale = self.prices.plan.scale
        head = f"study {self.prices.plan.study}: {scale.title}. {self.unit}-hours on {self.prices.rates.device}."
        return "\n\n".join([head, costs_text(self.costs, self.unit, self.budget), "\n".join(self.notes())])

    def values(self) -> dict[str, Any]:
        """For programs, as JSON values: device-hours, bytes, seconds."""
        costs = self.costs
        return {
            "unit": f"{self.unit}-hours",
            "devices": costs.devices,
            "basis": self.prices.rates.basis,
            "why": self.why,
            "exhibits": [_line(line) for line in costs.lines],
            "does_not_fit": [{**_line(line), "over_device_hours": over} for line, over in costs.over],
            "not_costed": costs.uncosted,
            "total": _total(costs.total),
            "by_kind": {kind: {"jobs": count, "device_hours": hours} for kind, (count, hours) in costs.by_kind.items()},
            "saved_together": costs.saved_together,
            "notes": self.notes(),
        }


def report(
    prices: Prices,
    why: str,
    declared: Declarations,
    devices: int | None = None,
    hours: float = math.inf,
    budget: str | None = None,
) -> Report:
    """The costs of a plan.

    devices: at a time; None: this machine's cores, or USUAL_GPUS. hours: device-hours that may be spent. budget: the
    same as the user wrote it. Raises CostError for less than one device.
    """
    if devices is None:
        devices = int(hardware()["cores"]) if prices.rates.cpu else USUAL_GPUS
    if devices < 1:
        raise CostError(f"--gpus {devices}: expected at least 1")
    return Report(prices, why, Summary(prices, declared, devices).costs(hours), budget)


def _line(line: Line) -> dict[str, Any]:
    return {
        "exhibit": line.name,
        "published_values": line.values,
        "done": line.done,
        "alone": _total(line.alone),
        "added_device_hours": line.added,
        "device_hours_so_far": line.running_total,
        "waits_for": line.note,
    }


def _total(total: Total) -> dict[str, Any]:
    return {
        "jobs": total.jobs,
        "device_hours": total.hours,
        "disk_bytes": total.disk,
        "peak_disk_bytes": total.peak,
        "wall_seconds": total.wall,
        "critical_path_seconds": total.longest_chain,
    }
