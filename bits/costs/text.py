"""The costs of a scale as a table, with the totals below."""

from __future__ import annotations

from collections.abc import Iterator

from bits.costs.graph import EVALUATIONS, Kind
from bits.costs.summary import Costs, Line
from bits.costs.units import bytes_text, hours_text, number_of, time_text
from bits.plan.listing import by_reason

HEAD = ("exhibit", "values", "jobs", "alone", "added", "so far", "disk", "wall time", "")
SMALL = 0.02  # share of the measuring that is not worth a line
KINDS: dict[Kind, str] = {
    "data": "rendering of data sets",
    "pretraining": "pretraining",
    "finetuning": "fine-tuning",
    "import": "import of weights",
    "evaluation": "evaluation",
    "references": "references",
    "rendering": "exhibits",
}


def costs_text(costs: Costs, unit: str, budget: str | None = None) -> str:
    """The table of exhibits and the totals. unit: GPU or core. budget: as the user wrote it."""
    if not costs.lines and not costs.over:
        return "\n".join(["Nothing can be costed:", *by_reason(costs.uncosted)])
    return "\n".join([*_table(costs, unit), "", *_totals(costs, unit, budget)])


def _table(costs: Costs, unit: str) -> Iterator[str]:
    rows = [HEAD, *(_cells(line, _state(line)) for line in costs.lines)]
    rows += [_cells(line, f"does not fit, {hours_text(over)} {unit}-h over") for line, over in costs.over]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    for name, *numbers, state in rows:
        cells = [cell.rjust(size) for cell, size in zip(numbers, widths[1:-1], strict=True)]
        yield "  ".join([name.ljust(widths[0]), *cells, state]).rstrip()


def _cells(line: Line, state: str) -> tuple[str, ...]:
    alone = line.alone
    hours = (hours_text(alone.hours), hours_text(line.added), hours_text(line.running_total))
    return (
        line.name,
        str(line.values),
        str(alone.jobs),
        *hours,
        bytes_text(alone.disk),
        time_text(alone.wall),
        state,
    )


def _state(line: Line) -> str:
    if line.done:
        return "done"
    return f"waits: {line.note.partition(':')[0]}" if line.note else ""


def _totals(costs: Costs, unit: str, budget: str | None) -> Iterator[str]:
    if budget is not None:
        yield _verdict(costs, unit, budget)
    total = costs.total
    yield (
        f"in all: {total.jobs} jobs, {hours_text(total.hours)} {unit}-hours, {bytes_text(total.disk)} of disk (at most "
        f"{bytes_text(total.peak)} with checkpoints), {time_text(total.wall)} on {number_of(costs.devices, unit)}"
    )
    measuring = sum(hours for kind, (_, hours) in costs.by_kind.items() if kind in EVALUATIONS)
    for kind, (count, hours) in costs.by_kind.items():
        yield f"  {KINDS[kind]}: {number_of(count, 'job')}, {hours_text(hours)} {unit}-hours"
    if costs.saved_together > SMALL * measuring:
        yield (
            f"  measuring takes {hours_text(measuring - costs.saved_together)} {unit}-hours instead of "
            f"{hours_text(measuring)} if probes on the same images are made side by side: snakemake together"
        )
    waiting = sum(bool(line.note) for line in costs.lines)
    if waiting:
        yield f"  {waiting} of these exhibits are left out until their data are there; their costs are included"
    if costs.uncosted:
        yield "not costed:"
        yield from by_reason(costs.uncosted)


def _verdict(costs: Costs, unit: str, budget: str) -> str:
    have, more = sum(line.values for line in costs.lines), sum(line.values for line, _ in costs.over)
    fits = f"{len(costs.lines)} of {len(costs.lines) + len(costs.over)} exhibits fit"
    said = f"budget {budget} in {unit}-hours: {fits}, {have} of {have + more} published values"
    if costs.lines:
        return said
    cheapest = min((line for line, _ in costs.over), key=lambda line: line.alone.hours)
    return f"{said}; the cheapest is {cheapest.name}, with {hours_text(cheapest.alone.hours)} {unit}-hours"
