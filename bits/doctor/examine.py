"""All checks of a plan, in the order in which they are shown."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bits.config.declared import CONFIG_DIR
from bits.costs.assumptions import Assumptions, Images, load_assumptions
from bits.costs.duration import TimeNeed
from bits.costs.images import image_counts
from bits.costs.units import bytes_text
from bits.doctor import (
    accounting,
    data,
    device,
    disk,
    dvc,
    memory,
    partition,
    place,
    profile,
    slurm,
    training,
    versions,
    weights,
)
from bits.doctor.cluster import jobs_of
from bits.doctor.finding import Check, Finding, checked
from bits.doctor.probe import Answer, Question, probe
from bits.errors import BitsError
from bits.plan import Plan, Request, make_plan
from bits.plan.files import kept_plan
from bits.plan.model import REPORTS, RESULTS
from bits.records.code import ROOT
from bits.records.provenance import hardware
from bits.workflow.scheduler import Scheduler

SECONDS = 60.0  # for a check, unless it says otherwise
# The first plan of ImageNet reads its 140 GB, and all its images are decoded: hours on a few cores or a network disk.
DVC_S, PLAN_S, DATA_S = 150.0, 14_400.0, 28_800.0


@dataclass(frozen=True)
class Options:
    """What is checked.

    slurm: whether jobs go to a cluster; None: if sbatch is on the path. profile: of Snakemake, to send them with.
    quick: count and decode no images.
    """

    slurm: bool | None = None
    profile: str = "slurm"
    quick: bool = False

    @property
    def cluster(self) -> bool:
        """Whether jobs go to a cluster."""
        return shutil.which("sbatch") is not None if self.slurm is None else self.slurm


def planned(wanted: Request) -> tuple[Plan | None, list[Finding]]:
    """The plan, not written; None with a finding when a data set's file system does not answer. Raises BitsError."""
    made: list[Plan] = []
    wrong: list[BitsError] = []

    def make() -> list[Finding]:
        try:
            made.append(kept_plan(wanted) or make_plan(wanted))
        except BitsError as error:
            wrong.append(error)
        return []

    findings = checked("Data", make, PLAN_S)
    if wrong:
        raise wrong[0]
    return (made[0] if made else None), findings


def examined(plan: Plan, options: Options) -> list[Finding]:
    """What all checks found. Those that wait for other programs do so side by side."""
    with ThreadPoolExecutor() as pool:
        of_dvc = pool.submit(lambda: checked("DVC", dvc.dvc, DVC_S))
        return _examined(plan, options, pool, of_dvc)


def _examined(plan: Plan, options: Options, pool: Executor, of_dvc: Future[list[Finding]]) -> list[Finding]:
    cache = pool.submit(dvc.cache)
    assumptions = load_assumptions(CONFIG_DIR)
    of_data = data_findings(plan, assumptions, options)
    listing = not options.quick and not _wrong(of_data)
    images, uncounted = _images(plan, assumptions, listing)
    question = Question(plan=plan, images=images, trainings=trainings_at_a_time(plan, options))
    asked = pool.submit(lambda: probe(question))
    installation = list(_installation(options))
    answer = asked.result()
    reproduction = plan.scale.reproduction
    return [
        *installation,
        *checked("Device", lambda: device.device(plan.site, answer, options.cluster, reproduction), SECONDS),
        *training.training(plan.site, answer.training),
        *([] if answer.problem else memory.memory(answer.memory, plan.site, options.cluster)),
        *of_data,
        *uncounted,
        *checked("Weights", lambda: weights.weights(plan), SECONDS),
        *_disk(plan, answer, cache.result(), options.cluster),
        *of_dvc.result(),
        *_slurm(plan, options, answer.longest),
    ]


def trainings_at_a_time(plan: Plan, options: Options) -> int:
    """Trainings that run side by side: as many as the cluster's profile allows, or as fit this machine."""
    if options.cluster:
        return _jobs_at_a_time(plan, options.profile)
    here = Scheduler(plan.site, cluster=False)
    cores = here.cores("train", plan.site.processes)
    return 1 if here.uses_gpus() else max(int(hardware()["cores"]) // cores, 1)


def _jobs_at_a_time(plan: Plan, name: str) -> int:
    """What the profile allows; all runs when it says unlimited, or nothing."""
    found = profile.find_profile(name, Path.cwd())
    allowed = str(found.settings.get("jobs", "")) if found else ""
    return int(allowed) if allowed.isdigit() else len(plan.runs)


def _installation(options: Options) -> Iterator[Finding]:
    checks: list[Check] = [
        versions.python,
        lambda: versions.packages(ROOT / "requirements.lock"),
        lambda: versions.commit(ROOT),
        lambda: profile.profiles(options.profile, options.cluster, Path.cwd()),
        lambda: versions.locks(Path.cwd()),
    ]
    yield from _all("Versions", checks)


def _all(subject: str, checks: Sequence[Check]) -> Iterator[Finding]:
    for check in checks:
        yield from checked(subject, check, SECONDS)


def data_findings(plan: Plan, assumptions: Assumptions, options: Options) -> list[Finding]:
    """Of all data sets, each once: what a look at them and the plan have in common is said by both."""
    return list(dict.fromkeys(_data(plan, assumptions, options)))


def _data(plan: Plan, assumptions: Assumptions, options: Options) -> Iterator[Finding]:
    for role, dataset in plan.datasets.items():
        if not plan.is_here(role):
            yield from data.absent(plan, role)
            continue

        def check(role: str = role) -> list[Finding]:
            dataset = plan.datasets[role]
            published = assumptions.images.get(dataset.name)
            found = data.data_set(dataset, plan.roots[role], published, options.quick)
            found += [] if role in plan.elsewhere else data.unfit(plan, role)
            return found if options.quick or _wrong(found) else found + data.batches(plan, role, options.cluster)

        yield from checked("Data", check, DATA_S)
    yield from data.left_out(plan)


def _images(plan: Plan, assumptions: Assumptions, listing: bool) -> tuple[dict[str, Images], list[Finding]]:
    """(images by data set role, a finding when their file system does not answer)."""
    counted: dict[str, Images] = {}

    def count() -> list[Finding]:
        counted.update(image_counts(plan, assumptions, listing))
        return []

    return counted, checked("Data", count, DATA_S)


def _disk(plan: Plan, answer: Answer, cache: Path, cluster: bool) -> Iterator[Finding]:
    scratch = plan.site.scratch
    places = [RESULTS, Path("data"), REPORTS, cache, *([Path(scratch)] if scratch else [])]
    yield from checked("Disk", lambda: place.place(plan.study, cluster), SECONDS)
    yield from checked("Disk", lambda: disk.usable(places), SECONDS)
    yield from checked("Disk", lambda: disk.scratch(scratch), SECONDS)
    if answer.problem:
        yield Finding("Disk", "skipped", "what the plan needs is not known, because torch gives no answer")
        return
    yield from checked("Disk", lambda: disk.room(disk.with_copies(answer.disk, cache)), SECONDS)
    if answer.waiting:
        more = f"exhibits that wait for their data would keep {bytes_text(answer.waiting)} more"
        yield Finding("Disk", "ok", more)


def _slurm(plan: Plan, options: Options, longest: TimeNeed) -> Iterator[Finding]:
    if not options.cluster:
        yield Finding("Slurm", "skipped", "jobs run on this machine (--slurm checks a cluster)")
        return
    there = checked("Slurm", lambda: slurm.commands(plan.site.nodes), SECONDS)
    there += [] if _wrong(there) else checked("Slurm", slurm.controller, SECONDS)
    yield from there
    if _wrong(there):
        yield Finding("Slurm", "skipped", "accounting, partition and submission: Slurm does not answer")
        return
    alike = longest.gpu == Scheduler(plan.site, cluster=True).uses_gpus()  # else the speeds are of another device
    cluster, jobs = plan.site.cluster, jobs_of(plan.site, longest if alike else TimeNeed())
    checks: list[Check] = [
        lambda: accounting.accounting(profile.find_profile(options.profile, Path.cwd())),
        lambda: accounting.preemption(profile.find_profile(options.profile, Path.cwd()), cluster),
        lambda: partition.partition(jobs, cluster),
        lambda: slurm.submission(jobs, cluster),
    ]
    yield from _all("Slurm", checks)


def _wrong(findings: Sequence[Finding]) -> bool:
    return any(finding.status == "error" for finding in findings)
