"""Slurm's commands, its controller, and the options that jobs are submitted with."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from bits.config.site import Cluster
from bits.doctor.cluster import ClusterJob
from bits.doctor.finding import Finding
from bits.records.ask import ask

SUBJECT = "Slurm"
COMMANDS = ("sbatch", "squeue", "scontrol", "sinfo", "scancel")
LOGIN_NODE = "Work on a login node of the cluster, or load its Slurm module; --no-slurm checks this machine alone."


def commands(nodes: int) -> list[Finding]:
    """Whether everything that Snakemake and the launcher call is on the path."""
    names = [*COMMANDS, "srun"] if nodes > 1 else list(COMMANDS)
    absent = [name for name in names if shutil.which(name) is None]
    if absent:
        return [Finding(SUBJECT, "error", f"not on the path: {', '.join(absent)}", LOGIN_NODE)]
    version = ask("sbatch", "--version")
    said = version.out.strip() if version.good else version.problem
    return [Finding(SUBJECT, "ok", f"{', '.join(names)} are on the path ({said})")]


def controller() -> list[Finding]:
    """Whether slurmctld answers, and the two commands that keep asking it."""
    ping = ask("scontrol", "ping")
    if not ping.good or " UP" not in ping.out:
        said = ping.problem or " ".join(ping.out.split()) or "scontrol ping says nothing"
        remedy = "Ask the cluster's administrators whether slurmctld runs and munge works here; then try scontrol ping."
        return [Finding(SUBJECT, "error", f"the controller does not answer: {said}", remedy)]
    mute = [answer.problem for answer in (ask("sinfo", "--noheader"), ask("squeue", "--noheader")) if not answer.good]
    if mute:
        remedy = "Jobs would be submitted and never seen again: have this repaired before submitting."
        return [Finding(SUBJECT, "error", problem, remedy) for problem in mute]
    return [Finding(SUBJECT, "ok", "the controller, sinfo and squeue answer")]


def submission(jobs: Sequence[ClusterJob], cluster: Cluster) -> list[Finding]:
    """Would sbatch take each job as it will be submitted (sbatch --test-only)? It queues nothing."""
    return [_submission(job, cluster) for job in jobs]


def _submission(job: ClusterJob, cluster: Cluster) -> Finding:
    options = submit_options(job, cluster)
    answer = ask("sbatch", "--test-only", "--job-name=bits-doctor", *options, "--wrap=true")
    shown = " ".join(options)
    if answer.good:
        return Finding(SUBJECT, "ok", f"{job.name} jobs would be accepted: {shown}")
    remedy = (
        f"Correct site.cluster or site.jobs.{job.name}; sbatch --test-only {shown} --wrap=true shows when it is right."
    )
    return Finding(SUBJECT, "error", f"{job.name} jobs are refused: {answer.problem} ({shown})", remedy)


def submit_options(job: ClusterJob, cluster: Cluster) -> list[str]:
    """sbatch's options for a job."""
    named = {name: getattr(cluster, name) for name in ("partition", "account", "qos", "constraint")}
    options = [f"--{name}={value}" for name, value in named.items() if value]
    options += [f"--nodes={job.nodes}", "--ntasks-per-node=1", f"--cpus-per-task={job.cpus}"]
    options += [f"--mem={round(job.memory_gib * 1024)}M", f"--time={round(job.hours * 60)}"]
    options += [f"--gres={cluster.gpu}:{job.gpus}"] if job.gpus else []
    return [*options, *(cluster.extra or "").split()]
