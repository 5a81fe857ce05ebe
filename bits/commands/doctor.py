"""Check this machine, the cluster and the data before anything is submitted.

    bits doctor [scale=demo] [key=value ...] [--slurm | --no-slurm] [--profile slurm] [--quick] [--json]

Takes what the workflow takes: scale=, site=, data=, seeds=, and any key of the configuration. Says of every check
what it found, and of every warning and error what to do. Nothing is submitted, and nothing stays written.

Exit code: 0 nothing is wrong, or there are warnings only; 1 at least one error; 2 the call or the configuration is
wrong, so nothing could be checked.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bits.commands.guard import guarded
from bits.config.compose import CONFIG_DIR
from bits.config.site import Site
from bits.doctor import accounting, data, device, disk, dvc, partition, profile, slurm, space, versions
from bits.doctor.cluster import jobs_of
from bits.doctor.finding import Check, Finding, checked
from bits.doctor.text import as_json, as_text
from bits.errors import BitsError
from bits.plan import RESULTS, Request, make_plan
from bits.records.code import ROOT
from bits.workflow.options import requested
from bits.workflow.scheduler import scheduler

Plan = Mapping[str, Any]
SECONDS = 60.0  # for a check, unless it says otherwise
TORCH_S, DVC_S, PLAN_S, DATA_S = 150.0, 150.0, 900.0, 1800.0  # listing ImageNet on a network disk takes minutes


def main() -> int:
    """Print the findings; returns the exit code."""
    arguments = _parser().parse_intermixed_args()
    plan, findings = planned(requested(arguments.words))
    if plan is not None:
        findings += examined(plan, arguments)
    print(as_json(findings) if arguments.json else as_text(findings))
    return int(any(finding.status == "error" for finding in findings))


def planned(wanted: Request) -> tuple[Plan | None, list[Finding]]:
    """The plan, not written; None with a finding when a data set's file system does not answer. Raises BitsError."""
    made: list[Plan] = []
    wrong: list[BitsError] = []

    def make() -> list[Finding]:
        try:
            made.append(make_plan(wanted))
        except BitsError as error:
            wrong.append(error)
        return []

    findings = checked("Data", make, PLAN_S)
    if wrong:
        raise wrong[0]
    return (made[0] if made else None), findings


def examined(plan: Plan, arguments: argparse.Namespace) -> Iterator[Finding]:
    """All checks of a plan, in the order of the answer."""
    goes_to_slurm = arguments.slurm if arguments.slurm is not None else shutil.which("sbatch") is not None
    yield from _installation(goes_to_slurm, arguments.profile)
    answer = device.probe(space.networks(plan))
    reproduction = plan["scale"]["reproduction"]
    yield from checked("Device", lambda: device.device(plan["site"], answer, goes_to_slurm, reproduction), TORCH_S)
    yield from _data(plan, arguments.quick)
    yield from _disk(plan, answer, arguments.profile if goes_to_slurm else None)
    yield from checked("DVC", dvc.dvc, DVC_S)
    if goes_to_slurm:
        yield from _slurm(plan, arguments.profile)
    else:
        yield Finding("Slurm", "skipped", "jobs run on this machine (--slurm checks a cluster)")


def _installation(goes_to_slurm: bool, name: str) -> Iterator[Finding]:
    checks: list[Check] = [
        versions.python,
        lambda: versions.packages(ROOT / "requirements.lock"),
        lambda: versions.commit(ROOT),
        lambda: profile.profiles(name, goes_to_slurm, Path.cwd()),
        lambda: versions.locks(Path.cwd()),
    ]
    for check in checks:
        yield from checked("Versions", check, SECONDS)


def _data(plan: Plan, quick: bool) -> Iterator[Finding]:
    published = data.published_counts(CONFIG_DIR)
    for role, dataset in plan["datasets"].items():
        if plan["fingerprints"][role] is None:
            yield from data.absent(plan, role)
            continue

        def check(dataset: Any = dataset, root: str = plan["roots"][role]) -> list[Finding]:
            return data.data_set(dataset, root, published.get(dataset["name"]), quick)

        yield from checked("Data", check, DATA_S)


def _disk(plan: Plan, answer: device.Probe, cluster_profile: str | None) -> Iterator[Finding]:
    site, cache = plan["site"], dvc.cache()
    places = [
        RESULTS,
        Path("data"),
        Path("reports"),
        cache,
        *([Path(site["scratch"])] if site.get("scratch") else []),
    ]
    yield from checked("Disk", lambda: disk.usable(places), SECONDS)
    yield from checked("Disk", lambda: disk.scratch(site.get("scratch")), SECONDS)
    if "models" not in answer:
        yield Finding("Disk", "skipped", "what the plan needs is not known, because torch could not be asked")
        return

    def room() -> list[Finding]:
        jobs = _jobs_at_a_time(plan, cluster_profile) if cluster_profile else None
        gpus = scheduler(plan, cluster=cluster_profile is not None).uses_gpus()
        at_a_time = space.at_a_time(plan, jobs, gpus, os.cpu_count() or 1)
        images = data.image_counts(plan, data.published_counts(CONFIG_DIR))
        return disk.room(list(space.needs(plan, answer["models"], images, at_a_time, cache)))

    yield from checked("Disk", room, SECONDS)


def _jobs_at_a_time(plan: Plan, name: str) -> int:
    """What the profile allows; all runs when it says unlimited, or nothing."""
    found = profile.find_profile(name, Path.cwd())
    allowed = str(found.settings.get("jobs", "")) if found else ""
    return int(allowed) if allowed.isdigit() else len(plan["runs"])


def _slurm(plan: Plan, name: str) -> Iterator[Finding]:
    site = plan["site"]
    there = checked("Slurm", lambda: slurm.commands(site["nodes"]), SECONDS)
    there += [] if _wrong(there) else checked("Slurm", slurm.controller, SECONDS)
    yield from there
    if _wrong(there):
        yield Finding("Slurm", "skipped", "accounting, partition and submission: Slurm does not answer")
        return
    typed = Site.model_validate(site)
    cluster, jobs = typed.cluster, jobs_of(typed)
    checks: list[Check] = [
        lambda: accounting.accounting(profile.find_profile(name, Path.cwd())),
        lambda: accounting.preemption(profile.find_profile(name, Path.cwd()), cluster),
        lambda: partition.partition(jobs, cluster),
        lambda: slurm.submission(jobs, cluster),
    ]
    for check in checks:
        yield from checked("Slurm", check, SECONDS)


def _wrong(findings: list[Finding]) -> bool:
    return any(finding.status == "error" for finding in findings)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bits doctor", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("words", nargs="*", metavar="key=value", help="scale=paper, site=local, any key")
    parser.add_argument("--slurm", action=argparse.BooleanOptionalAction, help="default: where sbatch is on the path")
    parser.add_argument("--profile", default="slurm", help="the Snakemake profile that jobs are sent with")
    parser.add_argument("--quick", action="store_true", help="look at folders only; count and decode no images")
    parser.add_argument("--json", action="store_true", help="findings as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(guarded(main))
