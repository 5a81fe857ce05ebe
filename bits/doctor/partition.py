"""Can a partition give what the jobs ask for? sbatch --test-only does not look at time limits."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from bits.config.site import Cluster
from bits.doctor.cluster import ClusterJob
from bits.doctor.finding import Finding
from bits.records.ask import ask

SUBJECT = "Slurm"
Record = dict[str, str]
UNUSABLE = ("DOWN", "DRAIN", "FAIL", "MAINT", "UNKNOWN", "NOT_RESPONDING")


def partition(jobs: Sequence[ClusterJob], cluster: Cluster) -> list[Finding]:
    """The partition exists and is up, and each job fits its time limit and its nodes."""
    shown = ask("scontrol", "show", "partition", "--oneliner")
    nodes = ask("scontrol", "show", "node", "--oneliner")
    if not (shown.good and nodes.good):
        remedy = "Try scontrol show partition; without its answer nothing can be said about limits."
        return [Finding(SUBJECT, "warning", shown.problem or nodes.problem, remedy)]
    known = records(shown.out)
    names = ", ".join(record["PartitionName"] for record in known) or "none"
    chosen = chosen_partition(known, cluster.partition)
    if chosen is None:
        found = f"there is no partition {cluster.partition}" if cluster.partition else "no partition is the default one"
        return [Finding(SUBJECT, "error", f"{found}; there are {names}", "Set site.cluster.partition to one of them.")]
    name = chosen["PartitionName"]
    if chosen.get("State", "UP") != "UP":
        remedy = f"Wait until it is up, or set site.cluster.partition to another of {names}."
        return [Finding(SUBJECT, "error", f"partition {name} is {chosen['State']}", remedy)]
    members = [node for node in records(nodes.out) if name in node.get("Partitions", "").split(",")]
    problems = [
        problem
        for job in jobs
        for problem in (_too_long(job, chosen), _cut_short(job), _too_large(job, cluster.gpu, name, members))
        if problem
    ]
    return problems or [Finding(SUBJECT, "ok", f"partition {name}: {_described(members)}, limit {chosen['MaxTime']}")]


def records(text: str) -> list[Record]:
    """A mapping for each line that scontrol --oneliner prints; a value ends at the next white space."""
    return [dict(re.findall(r"(\w+)=(\S*)", line)) for line in text.splitlines() if "=" in line]


def chosen_partition(known: Sequence[Record], name: str | None) -> Record | None:
    """The partition of that name (of several separated by commas, the first that exists), or the default one."""
    if not name:
        return next((record for record in known if record.get("Default") == "YES"), None)
    return next((record for record in known if record["PartitionName"] in name.split(",")), None)


def _too_long(job: ClusterJob, chosen: Record) -> Finding | None:
    limit = hours(chosen.get("MaxTime", "UNLIMITED"))
    if limit is None or max(job.hours, job.last_hours) <= limit:
        return None
    if job.hours <= limit:
        found = f"the last retry of {job.name} jobs would ask for {job.last_hours:g} h"
        remedy = f"Set site.cluster.most_hours={limit:g}; a retry that asks for more would wait forever, or be refused."
        return Finding(SUBJECT, "warning", f"{found}; partition {chosen['PartitionName']} allows {limit:g}", remedy)
    why = f" ({job.longest.job} is predicted to take {job.longest.hours:.3g} h)" if job.longest.hours else ""
    found = f"{job.name} jobs would ask for {job.hours:g} h{why}, but partition {chosen['PartitionName']} ends jobs at"
    remedy = f"Set site.cluster.most_hours={limit:g}: a job that is stopped goes on from its checkpoint."
    return Finding(SUBJECT, "error", f"{found} {limit:g} h", remedy)


def _cut_short(job: ClusterJob) -> Finding | None:
    """A job that is predicted to take longer than the longest of its tries may."""
    need = job.longest
    if need.hours <= job.last_hours:
        return None
    tries = math.ceil(need.hours / job.last_hours)
    found = f"{need.job} is predicted to take {need.hours:.3g} h ({need.basis}); a try gets at most {job.last_hours:g}"
    if tries <= 1 + job.retries:
        remedy = f"It goes on from its checkpoint, in about {tries} tries; a partition with a longer limit takes one."
        return Finding(SUBJECT, "warning", found, remedy)
    remedy = f"Set site.jobs.{job.name}.retries={tries}, or use a partition with a longer limit."
    return Finding(SUBJECT, "error", f"{found}, and there are {1 + job.retries}", remedy)


def _too_large(job: ClusterJob, gpu: str, name: str, members: Sequence[Record]) -> Finding | None:
    fitting = [node for node in members if _fits(job, gpu, node)]
    usable = [node for node in fitting if not any(word in node.get("State", "") for word in UNUSABLE)]
    if len(usable) >= job.nodes:
        return _retries_too_large(job, usable)
    asked = f"{job.name} jobs ask for {job}"
    if job.gpus and not any(gpus(node, gpu) for node in members):
        remedy = "Set site.cluster.partition to one with GPUs; if this one has them, Slurm was not told (gres.conf)."
        return Finding(SUBJECT, "error", f"{asked}, but partition {name} has no node with a gres {gpu}", remedy)
    if len(fitting) >= job.nodes:
        remedy = "Jobs would wait until nodes come back: see sinfo -R, or set another site.cluster.partition."
        return Finding(
            SUBJECT, "warning", f"{asked}: {len(usable)} of the {len(fitting)} nodes that fit are up", remedy
        )
    remedy = f"Lower site.jobs.{job.name}, site.processes or site.nodes, or set another site.cluster.partition."
    return Finding(SUBJECT, "error", f"{asked}; partition {name} has {_described(members)}", remedy)


def _retries_too_large(job: ClusterJob, usable: Sequence[Record]) -> Finding | None:
    most = max(int(node["RealMemory"]) // 1024 for node in usable)
    if job.last_memory_gib <= most:
        return None
    found = f"the last retry of {job.name} jobs would ask for {job.last_memory_gib:g} GiB; the nodes have {most}"
    remedy = f"Set site.cluster.most_memory_gib={most}; a retry that asks for more would be refused."
    return Finding(SUBJECT, "warning", found, remedy)


def _fits(job: ClusterJob, gpu: str, node: Record) -> bool:
    memory = int(node.get("RealMemory", 0)) / 1024
    return int(node.get("CPUTot", 0)) >= job.cpus and memory >= job.memory_gib and gpus(node, gpu) >= job.gpus


def gpus(node: Record, gpu: str = "gpu") -> int:
    """GPUs of a node, from Gres=gpu:a100:4(S:0-1),gpu:2 and the like; gpu: "gpu", or of one type "gpu:a100"."""
    entries = (entry.partition("(")[0].split(":") for entry in node.get("Gres", "").split(","))
    wanted = gpu.split(":")
    return sum(int(parts[-1]) if parts[-1].isdigit() else 1 for parts in entries if parts[: len(wanted)] == wanted)


def _described(members: Sequence[Record]) -> str:
    if not members:
        return "no nodes"
    most = [
        max(sizes)
        for sizes in zip(
            *[(int(node["CPUTot"]), int(node["RealMemory"]) // 1024, gpus(node)) for node in members], strict=True
        )
    ]
    return f"{len(members)} nodes of at most {most[0]} CPUs, {most[1]} GiB, {most[2]} GPUs"


def hours(limit: str) -> float | None:
    """A time limit of Slurm's ([days-]hours:minutes:seconds, or minutes) in hours; None without one."""
    if not limit[:1].isdigit():
        return None
    days, _, clock = limit.rpartition("-")
    parts = [int(part) for part in clock.split(":")]
    if days:
        parts += [0] * (3 - len(parts))
    elif len(parts) < 3:
        parts = [0, *parts, 0][:3]  # "30" and "30:00" are minutes
    return int(days or 0) * 24 + parts[0] + parts[1] / 60 + parts[2] / 3600
