"""What a scale costs, per exhibit and in all: jobs, device-hours, disk, wall time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bits.costs.budget import Choice, chosen
from bits.costs.exhibits import files_of, published_values
from bits.costs.graph import Graph, Work
from bits.costs.price import Job, Prices, disk_there
from bits.costs.schedule import Task, critical_path, makespan
from bits.exhibits import Declarations

PAGES = 2  # the scale's report, and the front page


@dataclass(frozen=True)
class Total:
    """jobs: still to be made. hours: device-hours. disk, peak: bytes that stay, and at most. wall: seconds."""

    jobs: int
    hours: float
    disk: int
    peak: int
    wall: float
    longest_chain: float

    def as_json(self) -> dict[str, Any]:
        return {
            "jobs": self.jobs,
            "device_hours": self.hours,
            "disk_bytes": self.disk,
            "peak_disk_bytes": self.peak,
            "wall_seconds": self.wall,
            "critical_path_seconds": self.longest_chain,
        }


@dataclass(frozen=True)
class Line:
    """An exhibit. alone: made by itself. added: hours when those before it have been made. note: why it waits."""

    name: str
    values: int
    done: bool
    alone: Total
    added: float
    running_total: float
    note: str = ""


@dataclass(frozen=True)
class Costs:
    """lines: in the order that gives most. over: (line, hours by which it is over) of what a budget leaves out."""

    lines: list[Line]
    over: list[tuple[Line, float]]
    uncosted: dict[str, str]
    total: Total
    by_kind: dict[str, tuple[int, float]]
    devices: int
    most_features: tuple[str, int]  # the evaluation that makes most of them, and their bytes


@dataclass(frozen=True)
class Summary:
    """Adds up the costs of a plan. devices: GPUs, or cores where nothing runs on a GPU."""

    prices: Prices
    declared: Declarations
    devices: int

    def costs(self, budget: float = math.inf) -> Costs:
        """Everything that can be computed, or what of it fits `budget` device-hours."""
        plan, graph = self.prices.plan, Graph(self.prices.plan)
        known = self.prices.images
        jobs = {name: self.prices.job(work) for name, work in graph.works.items() if work.role in known}
        needs: dict[str, frozenset[str]] = {}
        uncosted = {name: f"not yet implemented, waits for {reason}" for name, reason in plan["pending"].items()}
        for name in self.declared.computable():
            files = files_of(self.declared.exhibits[name], self.declared, plan)
            if files is None:
                uncosted[name] = plan["left_out"].get(name, "no data set plays a role that it needs")
                continue
            before = graph.before(files)
            unknown = sorted({graph.works[job].role for job in before} - set(known))
            if unknown:
                uncosted[name] = f"nobody knows how many images {', '.join(unknown)} has: say so in config/counts.yaml"
                continue
            jobs[name] = self.prices.job(Work(name, "rendering", tuple(sorted(before)), all(_done(before, jobs))))
            needs[name] = frozenset({name, *before})
        worth = {name: float(published_values(self.declared.exhibits[name], self.declared)) for name in needs}
        cost = {name: job.device_hours for name, job in jobs.items()}
        everything = chosen(worth, needs, cost)
        order = everything if math.isinf(budget) else chosen(worth, needs, cost, budget)
        lines = [self._line(choice, worth, needs, jobs) for choice in order]
        spent = order[-1].total if order else 0.0
        paid = frozenset[str]().union(*(needs[choice.name] for choice in order)) if order else frozenset()
        over = []
        for name in [choice.name for choice in everything if choice.name not in {line.name for line in lines}]:
            added = sum(cost[job] for job in sorted(needs[name] - paid))
            line = self._line(Choice(name, added, spent + added), worth, needs, jobs)
            over.append((line, spent + added - budget))
        made = {name: jobs[name] for name in paid}
        features = {name: job.disk for name, job in made.items() if job.work.kind in ("evaluation", "references")}
        most = max(features.items(), key=lambda item: item[1], default=("", 0))
        return Costs(lines, over, uncosted, self._total(made, PAGES), _by_kind(made.values()), self.devices, most)

    def _line(
        self,
        choice: Choice,
        worth: Mapping[str, float],
        needs: Mapping[str, frozenset[str]],
        jobs: Mapping[str, Job],
    ) -> Line:
        mine = {name: jobs[name] for name in needs[choice.name]}
        note = self.prices.plan["left_out"].get(choice.name, "")
        done, alone = jobs[choice.name].work.done, self._total(mine)
        return Line(choice.name, int(worth[choice.name]), done, alone, choice.added, choice.total, note)

    def _total(self, jobs: Mapping[str, Job], pages: int = 0) -> Total:
        left = {name: job for name, job in jobs.items() if not job.work.done}
        tasks = {name: Task(job.seconds, job.devices, job.work.needs) for name, job in left.items()}
        widest = max((job.devices for job in left.values() if job.scratch), default=1)
        disk, peak = disk_there(left, self.devices // max(widest, 1))
        chain = max(critical_path(tasks).values(), default=0.0)
        more = pages * self.prices.assumptions.render_seconds if left else 0.0
        wall = makespan(tasks, self.devices) + more
        return Total(len(left) + pages * bool(left), _hours(left.values()), disk, peak, wall, chain + more)


def _done(names: Iterable[str], jobs: Mapping[str, Job]) -> Iterable[bool]:
    return (jobs[name].work.done for name in names)


def _hours(jobs: Iterable[Job]) -> float:
    return sum(job.device_hours for job in jobs)


def _by_kind(jobs: Iterable[Job]) -> dict[str, tuple[int, float]]:
    """Kind of job -> how many are left to do, and their device-hours."""
    found: dict[str, tuple[int, float]] = {}
    for job in sorted(jobs, key=lambda job: job.work.id):
        if not job.work.done:
            count, hours = found.get(job.work.kind, (0, 0.0))
            found[job.work.kind] = count + 1, hours + job.device_hours
    return found
