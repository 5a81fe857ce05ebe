"""What a scale costs, per exhibit and in all: jobs, device-hours, disk, wall time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bits.costs.budget import Choice, chosen
from bits.costs.disk import bytes_at_most, bytes_kept, disk_needs
from bits.costs.exhibits import files_of, is_rendered
from bits.costs.graph import EVALUATIONS, Graph, Kind, Work
from bits.costs.memory import MemoryNeed, most_memory
from bits.costs.price import PricedJob, Prices
from bits.costs.schedule import Task, critical_path, makespan
from bits.costs.together import saved_together
from bits.exhibits import Declarations

PAGES = 2  # the scale's report, and the front page


@dataclass(frozen=True)
class Total:
    """jobs: still to be done. hours: device-hours. disk, peak: bytes that stay, and at most. wall: seconds.

    longest_chain: seconds of the jobs that must follow one another, however many devices there are.
    """

    jobs: int
    hours: float
    disk: int
    peak: int
    wall: float
    longest_chain: float


@dataclass(frozen=True)
class Line:
    """An exhibit. alone: made by itself. added: hours once those before it are made. note: why it waits, or ""."""

    name: str
    values: int
    done: bool
    alone: Total
    added: float
    running_total: float
    note: str = ""


@dataclass(frozen=True)
class Costs:
    """Of all exhibits.

    lines: in the order that gives most. over: (line, hours over the budget) of those that a budget leaves out.
    uncosted: exhibit -> why nothing can be said. by_kind: kind of job -> (number left, their device-hours).
    most_memory: the evaluation that holds most in memory. saved_together: device-hours of evaluation that are spared
    when probes of the same images are made side by side first.
    """

    lines: list[Line]
    over: list[tuple[Line, float]]
    uncosted: dict[str, str]
    total: Total
    by_kind: dict[Kind, tuple[int, float]]
    devices: int
    most_memory: MemoryNeed
    saved_together: float = 0.0


@dataclass(frozen=True)
class _Offer:
    """The exhibits that can be costed. worth: published values. needs: ids of the jobs of each. jobs: by id. makers:
    metrics file -> id of its job."""

    worth: dict[str, int]
    needs: dict[str, frozenset[str]]
    jobs: dict[str, PricedJob]
    makers: Mapping[Path, str]

    @cached_property
    def hours(self) -> dict[str, float]:
        """Device-hours of each job."""
        return {name: job.device_hours for name, job in self.jobs.items()}

    def chosen(self, budget: float = math.inf) -> list[Choice]:
        """What to make for at most `budget` device-hours, in order."""
        return chosen(self.worth, self.needs, self.hours, budget)

    def jobs_of(self, exhibits: Iterable[str]) -> dict[str, PricedJob]:
        """The jobs of some exhibits, each once."""
        names = frozenset[str]().union(*(self.needs[name] for name in exhibits))
        return {name: self.jobs[name] for name in sorted(names)}


@dataclass(frozen=True)
class Summary:
    """Adds up the costs of a plan. devices: GPUs, or cores where nothing runs on a GPU."""

    prices: Prices
    declared: Declarations
    devices: int

    def costs(self, budget: float = math.inf) -> Costs:
        """Everything that can be computed, or what of it fits `budget` device-hours."""
        offer, uncosted = self._offer()
        order = offer.chosen(budget)
        made = offer.jobs_of(choice.name for choice in order)
        return Costs(
            lines=[self._line(choice, offer) for choice in order],
            over=[] if math.isinf(budget) else list(self._over(offer, order, made, budget)),
            uncosted=uncosted,
            total=self._total(made, PAGES),
            by_kind=_by_kind(made.values()),
            devices=self.devices,
            most_memory=most_memory({name: job.footprint for name, job in made.items()}),
            saved_together=self._saved_together(made, offer.makers),
        )

    def _saved_together(self, jobs: Mapping[str, PricedJob], makers: Mapping[Path, str]) -> float:
        files = {path for path, maker in makers.items() if maker in jobs}
        devices = max((job.devices for job in jobs.values() if job.work.kind in EVALUATIONS), default=1)
        return saved_together(self.prices, files) * devices / 3600

    def _offer(self) -> tuple[_Offer, dict[str, str]]:
        """(what can be costed, exhibit -> why the others cannot)."""
        graph, known = Graph(self.prices.plan), {*self.prices.images, ""}  # an import needs no images
        jobs = {name: self.prices.job(work) for name, work in graph.works.items() if work.role in known}
        offer = _Offer({}, {}, jobs, graph.makers)
        uncosted = {
            name: f"not yet implemented, waits for {reason}" for name, reason in self.prices.plan.pending.items()
        }
        for name in self.declared.computable():
            before, why_not = self._before(name, graph)
            if why_not:
                uncosted[name] = why_not
                continue
            done = is_rendered(name, self.prices.plan) and all(jobs[job].work.done for job in before)
            jobs[name] = self.prices.job(Work(name, "rendering", tuple(sorted(before)), done))
            offer.needs[name] = frozenset({name, *before})
            offer.worth[name] = self.declared.exhibits[name].worth(self.declared.published)
        return offer, uncosted

    def _before(self, name: str, graph: Graph) -> tuple[set[str], str]:
        """(ids of the jobs before an exhibit, why it cannot be costed)."""
        plan = self.prices.plan
        files = files_of(self.declared.exhibits[name], self.declared, plan)
        if files is None:
            return set(), plan.left_out.get(name, "no data set plays a role that it needs")
        before = graph.before(files)
        unknown = sorted({graph.works[job].role for job in before} - {*self.prices.images, ""})
        if unknown:
            return set(), "; ".join(self._why_uncounted(role) for role in unknown)
        return before, ""

    def _why_uncounted(self, role: str) -> str:
        gap = next((gap for gap in self.prices.plan.missing if gap.role == role), None)
        if gap is None:
            return f"nobody knows how many images {role} has: say so in config/counts.yaml"
        where = f"{gap.root} ({' '.join(gap.reason.split())})" if gap.root else "no place that was given (data=PATH)"
        return f"the images cannot be counted: {gap.dataset} is at {where}"

    def _line(self, choice: Choice, offer: _Offer) -> Line:
        name = choice.name
        return Line(
            name=name,
            values=offer.worth[name],
            done=offer.jobs[name].work.done,
            alone=self._total(offer.jobs_of([name])),
            added=choice.added,
            running_total=choice.total,
            note=self.prices.plan.left_out.get(name, ""),
        )

    def _over(
        self, offer: _Offer, order: list[Choice], made: Mapping[str, PricedJob], budget: float
    ) -> Iterable[tuple[Line, float]]:
        """What a budget leaves out, each with the hours by which it would exceed it."""
        spent, fits = order[-1].total if order else 0.0, {choice.name for choice in order}
        for choice in offer.chosen():
            if choice.name not in fits:
                added = sum(offer.hours[job] for job in sorted(offer.needs[choice.name] - set(made)))
                yield self._line(Choice(choice.name, added, spent + added), offer), spent + added - budget

    def _total(self, jobs: Mapping[str, PricedJob], pages: int = 0) -> Total:
        """Of the jobs that are left, and of rendering so many pages after them."""
        left = {name: job for name, job in jobs.items() if not job.work.done}
        tasks = {name: Task(job.seconds, job.devices, job.work.needs) for name, job in left.items()}
        widest = max((job.devices for job in left.values() if job.footprint.checkpoints), default=1)
        disk = disk_needs([job.footprint for job in left.values()], self.prices.plan, self.devices // max(widest, 1))
        rendering = pages * self.prices.assumptions.render_seconds if left else 0.0
        return Total(
            jobs=len(left) + pages * bool(left),
            hours=sum(job.device_hours for job in left.values()),
            disk=bytes_kept(disk),
            peak=bytes_at_most(disk),
            wall=makespan(tasks, self.devices) + rendering,
            longest_chain=max(critical_path(tasks).values(), default=0.0) + rendering,
        )


def _by_kind(jobs: Iterable[PricedJob]) -> dict[Kind, tuple[int, float]]:
    """Kind of job -> how many are left to do, and their device-hours."""
    found: dict[Kind, tuple[int, float]] = {}
    for job in sorted(jobs, key=lambda job: job.work.id):
        if not job.work.done:
            count, hours = found.get(job.work.kind, (0, 0.0))
            found[job.work.kind] = count + 1, hours + job.device_hours
    return found
