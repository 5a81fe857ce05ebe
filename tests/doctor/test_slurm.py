"""Clusters with one fault each, played by shell scripts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from bits.config.compose import Composer
from bits.config.site import Cluster, Site
from bits.costs.duration import TimeNeed
from bits.doctor import accounting, partition
from bits.doctor import slurm as programs
from bits.doctor.cluster import ClusterJob, jobs_of
from bits.doctor.finding import Finding
from bits.doctor.profile import Profile, find_profile
from bits.records import ask

from .conftest import SCONTROL, Fake

TRAIN = ClusterJob("train", cpus=32, memory_gib=128, hours=24, gpus=4, nodes=1)
DISABLED = "echo 'Slurm accounting storage is disabled' >&2; exit 1"


def statuses(findings: Sequence[Finding]) -> list[str]:
    return [finding.status for finding in findings]


def profile(**settings: object) -> Profile:
    return Profile(Path("slurm/config.yaml"), {name.replace("_", "-"): value for name, value in settings.items()})


def site(*overrides: str) -> Site:
    with Composer("paper", overrides) as composer:
        run, _ = composer.compose("dino")
    return run.site


def to(partition: str | None = None, **words: str) -> Cluster:
    settings = site().cluster.model_dump()
    return Cluster(**{**settings, "partition": partition, **words})


def test_a_cluster_without_faults_is_fine(slurm: Fake) -> None:
    cluster = to("gpu")
    found = [*programs.commands(2), *programs.controller(), *accounting.accounting(profile())]
    found += [*partition.partition([TRAIN], cluster), *programs.submission([TRAIN], cluster)]
    assert set(statuses(found)) == {"ok"}, found


def test_missing_programs_are_named(fake: Fake) -> None:
    fake("squeue", "true")
    (found,) = programs.commands(nodes=2)
    assert found.status == "error" and "sbatch" in found.found and "srun" in found.found
    assert "squeue" not in found.found


def test_a_controller_that_is_down_is_an_error(slurm: Fake) -> None:
    slurm("scontrol", 'echo "Slurmctld(primary) at head is DOWN"')
    (found,) = programs.controller()
    assert found.status == "error" and "DOWN" in found.found


def test_a_hanging_sinfo_hangs_nobody(slurm: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask.ask, "__kwdefaults__", {"seconds": 0.5, "given": ""})
    slurm("sinfo", "sleep 60 & wait")
    started = time.monotonic()
    (found,) = programs.controller()
    assert time.monotonic() - started < 5
    assert found.status == "error" and "sinfo did not answer within 0.5 s" in found.found


@pytest.mark.parametrize("sacct", [DISABLED, "sleep 60"])
def test_the_silent_hang_is_told_beforehand(slurm: Fake, sacct: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask.ask, "__kwdefaults__", {"seconds": 0.5, "given": ""})
    slurm("sacct", sacct)
    (found,) = accounting.accounting(profile())
    assert found.status == "error" and "hang without a word" in found.found
    assert "slurm-status-command: squeue in slurm/config.yaml" in found.remedy


def test_squeue_without_accounting_is_fine(slurm: Fake) -> None:
    slurm("sacct", DISABLED)
    (found,) = accounting.accounting(profile(slurm_status_command="squeue"))
    assert found.status == "ok" and "storage is disabled" in found.found


def test_a_short_minjobage_sends_the_plugin_back_to_sacct(slurm: Fake) -> None:
    slurm("sacct", DISABLED)
    slurm("scontrol", SCONTROL.replace("300 sec", "60 sec"))
    squeue = {"slurm_status_command": "squeue"}
    (found,) = accounting.accounting(profile(**squeue))
    assert found.status == "error" and "slurm-init-seconds-before-status-checks: 20" in found.remedy
    (found,) = accounting.accounting(profile(**squeue, slurm_init_seconds_before_status_checks=20))
    assert found.status == "ok"


def test_a_preempted_job_must_come_back(slurm: Fake) -> None:
    assert accounting.preemption(profile(), to("gpu")) == []
    slurm("scontrol", SCONTROL.replace("PartitionName=gpu", "PartitionName=gpu PreemptMode=REQUEUE"))
    assert accounting.preemption(profile(slurm_requeue=True), to("gpu")) == []
    (found,) = accounting.preemption(profile(), to("gpu"))
    assert found.status == "warning" and "slurm-requeue: true" in found.remedy
    slurm("scontrol", SCONTROL.replace("PartitionName=gpu", "PartitionName=gpu PreemptMode=CANCEL"))
    assert len(accounting.preemption(profile(slurm_requeue=True), to())) == 1


def test_the_choice_between_sacct_and_squeue_is_the_plugins() -> None:
    plugin = pytest.importorskip("snakemake_executor_plugin_slurm")
    text = Path(plugin.__file__).read_text()
    assert "dynamic_check_threshold = 3 * initial_interval" in text  # what asked_for_status repeats
    assert "min_job_age is None or min_job_age < dynamic_check_threshold" in text


@pytest.mark.parametrize(
    ("job", "cluster", "said"),
    [
        (TRAIN, to("fast"), "there is no partition fast; there are gpu, cpu, old"),
        (TRAIN, to("old"), "partition old is DOWN"),
        (TRAIN, to("cpu"), "no node with a gres gpu"),
        (ClusterJob("train", 32, 128, 48, 4, 1), to("gpu"), "ends jobs at 24 h"),
        (ClusterJob("train", 128, 128, 24, 4, 1), to(), "128 CPUs"),
        (ClusterJob("train", 32, 900, 24, 4, 1), to("gpu"), "900 GiB"),
        (ClusterJob("train", 32, 128, 24, 8, 1), to("gpu"), "at most 64 CPUs, 502 GiB, 4 GPUs"),
    ],
)
def test_what_a_partition_cannot_give_is_an_error(slurm: Fake, job: ClusterJob, cluster: Cluster, said: str) -> None:
    found = partition.partition([job], cluster)
    assert statuses(found) == ["error"]
    assert said in found[0].found


def test_nodes_that_are_away_are_a_warning(slurm: Fake) -> None:
    (found,) = partition.partition([ClusterJob("train", 32, 128, 24, 4, nodes=2)], to("gpu"))
    assert found.status == "warning" and "1 of the 2 nodes" in found.found


def test_a_refused_submission_shows_its_options(slurm: Fake) -> None:
    slurm("sbatch", "echo 'allocation failure: Invalid account' >&2; exit 1")
    (found,) = programs.submission([TRAIN], to("gpu", account="nobody", extra="--exclusive"))
    assert found.status == "error" and "Invalid account" in found.found
    for option in (
        "--account=nobody",
        "--gres=gpu:4",
        "--cpus-per-task=32",
        "--mem=131072M",
        "--time=1440",
        "--exclusive",
    ):
        assert option in found.found


@pytest.mark.parametrize(
    ("limit", "hours"),
    [("7-00:00:00", 168), ("1-12", 36), ("02:30:00", 2.5), ("30", 0.5), ("30:00", 0.5), ("UNLIMITED", None)],
)
def test_time_limits(limit: str, hours: float | None) -> None:
    assert partition.hours(limit) == hours


@pytest.mark.parametrize(
    ("gres", "count"),
    [
        ("gpu:2", 2),
        ("gpu:a100:4(S:0-1)", 4),
        ("gpu", 1),
        ("(null)", 0),
        ("shard:8,gpu:h200:8", 8),
        ("gpu:a:1,gpu:b:2", 3),
    ],
)
def test_gpus_of_a_node(gres: str, count: int) -> None:
    assert partition.gpus({"Gres": gres}) == count


def test_jobs_are_those_of_the_workflow() -> None:
    several = site("site.processes=4", "site.nodes=2", "site.cluster.most_hours=60", "site.cluster.gpu='gpu:a100'")
    assert jobs_of(several) == [
        ClusterJob("train", 32, 192, 24, 4, 2, 672, 60, 5),
        ClusterJob("evaluate", 8, 96, 8, 1, 1, 192, 16, 2),
        ClusterJob("prepare", 2, 4, 1, 0, 1, 6, 1.5, 1),
    ]
    long = TimeNeed(job="evaluate/dino", hours=20, basis="guesses", gpu=True)
    assert jobs_of(several, long)[1] == ClusterJob("evaluate", 8, 96, 30, 1, 1, 192, 60, 2, long)
    assert all(job.gpus == 0 for job in jobs_of(site("site.device=cpu")))


@pytest.mark.parametrize(
    ("predicted", "hours", "last_hours", "status", "said"),
    [
        (16, 24, 24, "ok", "limit 1-00"),
        (30, 24, 24, "warning", "evaluate/dino is predicted to take 30 h (guesses); a try gets at most 24"),
        (80, 24, 24, "error", "a try gets at most 24, and there are 3"),
        (30, 45, 90, "error", "evaluate jobs would ask for 45 h (evaluate/dino is predicted to take 30 h), but"),
    ],
)
def test_a_prediction_is_held_against_the_time_that_tries_get(
    slurm: Fake, predicted: float, hours: float, last_hours: float, status: str, said: str
) -> None:
    need = TimeNeed(job="evaluate/dino", hours=predicted, basis="guesses", gpu=True)
    job = ClusterJob("evaluate", 8, 96, hours, 1, 1, 192, last_hours, 2, need)
    (found,) = partition.partition([job], to("gpu"))
    assert found.status == status and said in found.found


@pytest.mark.parametrize(("memory", "hours", "remedy"), [(600, 24, "most_memory_gib=502"), (128, 36, "most_hours=24")])
def test_retries_that_would_ask_for_too_much(slurm: Fake, memory: float, hours: float, remedy: str) -> None:
    job = ClusterJob("train", 32, 128, 24, 4, 1, last_memory_gib=memory, last_hours=hours)
    (found,) = partition.partition([job], to("gpu"))
    assert found.status == "warning" and remedy in found.remedy


def test_a_gpu_of_another_type_does_not_count(slurm: Fake) -> None:
    assert partition.partition([TRAIN], to("gpu", gpu="gpu:a100"))[0].status == "ok"
    (found,) = partition.partition([TRAIN], to("gpu", gpu="gpu:h200"))
    assert found.status == "error" and "no node with a gres gpu:h200" in found.found


def test_the_profile_beside_the_snakefile_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    theirs = tmp_path / "home" / "snakemake" / "slurm" / "config.yaml"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("executor: slurm\n")
    found = find_profile("slurm", tmp_path)
    assert found and found.path == theirs
    ours = tmp_path / "slurm" / "config.yaml"
    ours.parent.mkdir()
    ours.write_text("executor: slurm\nslurm-status-command: squeue\n")
    found = find_profile("slurm", tmp_path)
    assert found and found.settings["slurm-status-command"] == "squeue"
