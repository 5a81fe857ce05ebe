"""The costs of a scale, as text and as JSON values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from bits.costs.calibration import MeasuredRates
from bits.costs.price import Prices
from bits.costs.rates import FlopRates
from bits.costs.summary import Costs, Line, Total

HEAD = ("exhibit", "values", "jobs", "alone", "added", "so far", "disk", "wall time", "")
MUCH = 64e9  # bytes of features that a usual machine cannot hold
KINDS = {
    "data": "rendering of scenes",
    "pretraining": "pretraining",
    "finetuning": "fine-tuning",
    "evaluation": "evaluation",
    "references": "references",
    "rendering": "exhibits",
}


def hours_text(hours: float) -> str:
    """Three significant digits: "0.0123", "4.56", "1,235"."""
    if hours == 0:
        return "0"
    digits = max(2 - math.floor(math.log10(abs(hours))), 0)
    return f"{hours:,.{min(digits, 4)}f}"


def bytes_text(count: float) -> str:
    """ "12 MB", "3.4 GB", in powers of ten."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def time_text(seconds: float) -> str:
    """ "42 s", "12 min", "5.2 h", "3.1 d"."""
    for size, unit in ((86400 * 2, "d"), (5400, "h"), (90, "min")):
        if seconds >= size:
            return f"{seconds / {'d': 86400, 'h': 3600, 'min': 60}[unit]:.3g} {unit}"
    return f"{seconds:.0f} s"


def costs_text(costs: Costs, unit: str, budget: str | None = None) -> str:
    """The table of exhibits and the totals. unit: GPU or core."""
    rows = [HEAD, *(_cells(line, _state(line)) for line in costs.lines)]
    if budget is not None:
        rows += [_cells(line, f"does not fit, {hours_text(over)} {unit}-h over") for line, over in costs.over]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(size) for cell, size in zip(row[1:8], widths[1:8], strict=True))]
        lines.append("  ".join([*cells, row[8]]).rstrip())
    lines.append("")
    if budget is not None:
        lines.append(_verdict(costs, unit, budget))
    total = costs.total
    lines.append(
        f"in all: {total.jobs} jobs, {hours_text(total.hours)} {unit}-hours, {bytes_text(total.disk)} of disk (at most "
        f"{bytes_text(total.peak)} with checkpoints), {time_text(total.wall)} on {_count(costs.devices, unit)}"
    )
    for kind, (count, hours) in costs.by_kind.items():
        lines.append(f"  {KINDS[kind]}: {count} job{'s' * (count > 1)}, {hours_text(hours)} {unit}-hours")
    waiting = sum(bool(line.note) for line in costs.lines)
    if waiting:
        lines.append(f"  {waiting} of these exhibits are left out until their data are there; costed all the same")
    if costs.uncosted:
        lines += ["not costed:", *(f"  {name}: {reason}" for name, reason in costs.uncosted.items())]
    return "\n".join(lines)


def _verdict(costs: Costs, unit: str, budget: str) -> str:
    have, more = sum(line.values for line in costs.lines), sum(line.values for line, _ in costs.over)
    fits = f"{len(costs.lines)} of {len(costs.lines) + len(costs.over)} exhibits fit"
    said = f"budget {budget} in {unit}-hours: {fits}, {have} of {have + more} published values"
    if costs.lines:
        return said
    cheapest = min((line for line, _ in costs.over), key=lambda line: line.alone.hours)
    return f"{said}; the least that gives one is {hours_text(cheapest.alone.hours)}, for {cheapest.name}"


def _count(devices: int, unit: str) -> str:
    return f"{devices} {unit}{'s' * (devices > 1)}"


def _state(line: Line) -> str:
    if line.done:
        return "done"
    return f"waits: {line.note.partition(':')[0]}" if line.note else ""


def _cells(line: Line, state: str) -> tuple[str, ...]:
    alone = line.alone
    figures = (hours_text(alone.hours), hours_text(line.added), hours_text(line.running_total))
    return (
        line.name,
        str(line.values),
        str(alone.jobs),
        *figures,
        bytes_text(alone.disk),
        time_text(alone.wall),
        state,
    )


def footer(prices: Prices, why: str, costs: Costs, unit: str) -> list[str]:
    """What all of it rests on, a sentence each."""
    rates, images, assumptions = prices.rates, prices.images, prices.assumptions
    processes = prices.site.processes * prices.site.nodes
    lines = [
        f"Speeds: {rates.basis} ({why}). {rates.startup:.3g} s to start a process.",
        f"Columns: values that the paper publishes (a cell counts one, a whole curve one); jobs left to do; "
        f"{unit}-hours made alone, added after the exhibits above it, and so far; disk kept and wall time on "
        f"{_count(costs.devices, unit)}, made alone.",
        f"Order: most published values for each {unit}-hour that an exhibit adds; runs are shared. Done work "
        "costs nothing.",
        "Training: student forward, backward (twice forward) on all views, teacher forward on the global ones; mAP of "
        "the teacher at the curve's epochs. Evaluation: features in float32, k-NN, retrieval and probes; where the "
        "probe augments, its images go through the backbone again in every epoch.",
        "Left out: objective, update, eigenvalues; decoding, which is taken to keep up; waiting in a queue; failures; "
        "what interrupted runs have done already.",
    ]
    if isinstance(rates, FlopRates) and not rates.cpu:
        lines.append(
            f"k-NN, retrieval and the probes' heads work on the CPU, on {_count(rates.threads, 'thread')} "
            f"(site.threads) at {assumptions.host_core_tflops:g} TFLOP/s each."
        )
    if not isinstance(rates, MeasuredRates):
        lines[4] = lines[4].replace("objective,", "objective, augmentation,")
    elif rates.guessed:
        lines.append(f"Not in the calibration, hence from {rates.model.basis}: {_some(sorted(rates.guessed))}.")
    if processes > 1:
        ideal = f"{assumptions.several_devices:g} of {processes} times one"
        lines.append(f"A training on {_count(processes, unit)} is {ideal}, an assumption; its evaluations use one.")
    name, size = costs.most_features
    if size > MUCH:
        lines.append(f"{name} makes {bytes_text(size)} of features, which it keeps and also holds in memory.")
    assumed = [role for role, counted in images.items() if counted.assumed]
    if assumed:
        lines.append(f"Image counts as declared in config/counts.yaml, until the data are there: {', '.join(assumed)}.")
    return lines


def _some(words: Sequence[str]) -> str:
    return ", ".join(words[:4]) + (f" and {len(words) - 4} more" if len(words) > 4 else "")


def costs_json(costs: Costs, unit: str, basis: str, why: str, notes: Iterable[str]) -> dict[str, Any]:
    """The same, to be read by programs: hours, bytes, seconds."""

    def line(one: Line) -> dict[str, Any]:
        return {
            "exhibit": one.name,
            "published_values": one.values,
            "done": one.done,
            "alone": _total(one.alone),
            "added_device_hours": one.added,
            "device_hours_so_far": one.running_total,
            "waits_for": one.note,
        }

    return {
        "unit": f"{unit}-hours",
        "devices": costs.devices,
        "basis": basis,
        "why": why,
        "exhibits": [line(one) for one in costs.lines],
        "does_not_fit": [{**line(one), "over_device_hours": over} for one, over in costs.over],
        "not_costed": costs.uncosted,
        "total": _total(costs.total),
        "by_kind": {kind: {"jobs": count, "device_hours": hours} for kind, (count, hours) in costs.by_kind.items()},
        "notes": list(notes),
    }


def _total(total: Total) -> dict[str, Any]:
    return total.as_json()
