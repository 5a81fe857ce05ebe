"""Start one training run on any number of processes and nodes.

    python -m bits.commands.launch --processes P --nodes N [--launcher "srun ..."] -- <arguments of pretrain>

A single process runs bits.commands.pretrain directly; several on one machine are started by torchrun; several nodes by
a Slurm job step with a torchrun on each node. This process is replaced by what it starts, so signals sent to it arrive
there: the training processes write a checkpoint and exit with a non-zero code.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence

from bits.commands.guard import guarded
from bits.errors import BitsError

PRETRAIN = ("-m", "bits.commands.pretrain")
# Gives the processes time to write a checkpoint, including on a warning before a time limit (sbatch --signal=USR1@300).
PATIENCE = ("--signals-to-handle", "SIGTERM,SIGINT,SIGHUP,SIGUSR1", "--shutdown-timeout", "120")


class LaunchError(BitsError):
    """Processes that cannot be started as requested."""


def command_line(
    processes: int, nodes: int, launcher: str | None, words: Sequence[str], environment: Mapping[str, str]
) -> list[str]:
    """The command that replaces this process; raises LaunchError.

    launcher: for several nodes, the command before torchrun, instead of srun with its options. words: arguments of
    bits.commands.pretrain. environment: for several nodes, that of the Slurm job.
    """
    if processes < 1 or nodes < 1:
        raise LaunchError(f"--processes {processes} --nodes {nodes}: expected at least 1 of each")
    if processes == nodes == 1:
        return [sys.executable, *PRETRAIN, *words]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes), *PATIENCE]
    if nodes == 1:
        return [*torchrun, "--standalone", *PRETRAIN, *words]
    job, host = slurm_job(nodes, environment)
    port = 15000 + job % 15000  # below the range of ephemeral ports
    meeting = ["--rdzv-backend", "c10d", "--rdzv-id", str(job), "--rdzv-endpoint", f"{host}:{port}"]
    prefix = shlex.split(launcher) if launcher else srun(nodes, environment)
    return [*prefix, *torchrun, "--nnodes", str(nodes), *meeting, *PRETRAIN, *words]


def srun(nodes: int, environment: Mapping[str, str]) -> list[str]:
    """One task per node, with all the job's cores on that node: srun would give it one by default.

    Snakemake's job is itself a step of the allocation, on its first node; --overlap lets both use the cores and GPUs.
    """
    words = ["srun", "--overlap", "--nodes", str(nodes), "--ntasks", str(nodes), "--ntasks-per-node", "1"]
    cores = environment.get("SLURM_CPUS_PER_TASK")
    return [*words, "--kill-on-bad-exit=1", *(["--cpus-per-task", cores] if cores else [])]


def of_the_job(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without Slurm's variables for the current job step, to which srun would confine itself."""
    kept = ("SLURM_JOB_ID", "SLURM_CONF", "SLURM_CLUSTER_NAME", "SLURM_CLUSTERS")
    return {name: value for name, value in environment.items() if not name.startswith("SLURM_") or name in kept}


def slurm_job(nodes: int, environment: Mapping[str, str]) -> tuple[int, str]:
    """(job id, name of the first host); raises LaunchError outside a Slurm job."""
    job = environment.get("SLURM_JOB_ID")
    if not job:
        raise LaunchError(
            f"--nodes {nodes}: SLURM_JOB_ID is not set, so this is not a Slurm job, which several nodes require. "
            "Use snakemake --profile slurm, or site.nodes=1 to train on this machine."
        )
    # The environment lists the hosts of this step, which may be only some of the job's.
    hosts = _answer(["squeue", "--noheader", "--jobs", job, "--format", "%N"])
    return int(job), _answer(["scontrol", "show", "hostnames", hosts]).split()[0]


def _answer(command: list[str]) -> str:
    try:
        output = subprocess.run(
            command, capture_output=True, text=True, encoding="utf-8", errors="replace", check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        raise LaunchError(f"{' '.join(command)}: {error}. Expected the names of the job's hosts") from error
    if not output:
        raise LaunchError(f"{' '.join(command)}: no answer. Expected the names of the job's hosts")
    return output


def main() -> int:
    parser = argparse.ArgumentParser(prog="bits.commands.launch", description="Start one training run.")
    parser.add_argument("--processes", type=int, default=1, help="processes per node, one per GPU (default: 1)")
    parser.add_argument("--nodes", type=int, default=1, help="number of nodes (default: 1)")
    parser.add_argument("--launcher", help="command that starts torchrun on the nodes, instead of srun and its options")
    parser.add_argument("words", nargs="*", metavar="argument", help="arguments of bits.commands.pretrain, after --")
    chosen = parser.parse_args()
    command = command_line(chosen.processes, chosen.nodes, chosen.launcher, chosen.words, os.environ)
    sys.stdout.flush()
    several = chosen.nodes > 1 and not chosen.launcher
    os.execvpe(command[0], command, of_the_job(os.environ) if several else dict(os.environ))


if __name__ == "__main__":
    sys.exit(guarded(main))
