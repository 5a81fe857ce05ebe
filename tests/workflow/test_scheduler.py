"""What jobs ask of Slurm and of this machine, from the site's settings."""

from __future__ import annotations

from typing import Any

import pytest

from bits.config.compose import Composer
from bits.config.site import Site
from bits.config.validation import ConfigError
from bits.workflow.scheduler import Scheduler, at_try


def site(*overrides: str, scale: str = "paper") -> Site:
    with Composer(scale, overrides) as composer:
        run, _ = composer.compose("dino")
    return run.site


def asked(on: Scheduler, kind: str, attempt: int, **arguments: Any) -> dict[str, Any]:
    return at_try(on.resources(kind, **arguments), attempt)


def test_a_training_on_slurm_asks_for_gpus_cores_memory_and_time_of_all_its_processes():
    settings = site(
        "site.cluster.partition=gpu",
        "site.cluster.account=me",
        "site.cluster.gpu='gpu:a100'",
        "site.cluster.extra='--mail-user=x'",
    )
    found = asked(Scheduler(settings, cluster=True), "train", 1, processes=4, nodes=2)
    assert found == {
        "runtime": 24 * 60,
        "mem_mb": 4 * 48 * 1024,
        "threads_each": 8,
        "slurm_partition": "gpu",
        "slurm_account": "me",
        "gres": "gpu:a100:4",
        "nodes": 2,
        "cpus_per_task": 32,
        "slurm_extra": "--signal=TERM@120 --mail-user=x",
    }


def test_memory_and_time_grow_with_every_try_up_to_the_partitions_limits():
    on = Scheduler(site("site.cluster.most_hours=30", "site.cluster.most_memory_gib=100"), cluster=True)
    tries = [asked(on, "train", attempt) for attempt in (1, 2, 3, 4)]
    assert [found["runtime"] for found in tries] == [24 * 60, 30 * 60, 30 * 60, 30 * 60]
    assert [found["mem_mb"] for found in tries] == [48 * 1024, 72 * 1024, 96 * 1024, 100 * 1024]
    assert on.retries("train") == 5
    assert Scheduler(on.site, cluster=True, inside=True).retries("train") == 0
    assert Scheduler(on.site, cluster=False).retries("train") == 0


def test_an_evaluation_gets_the_time_that_it_is_predicted_to_take_and_a_margin():
    on = Scheduler(site("site.cluster.time_margin=2"), cluster=True)
    runtime = on.resources("evaluate", predicted={"short": 3.0, "long": 10.0}.__getitem__)["runtime"]
    assert [runtime("short", attempt=attempt) for attempt in (1, 2)] == [8 * 60, 12 * 60]
    assert [runtime("long", attempt=attempt) for attempt in (1, 2)] == [20 * 60, 30 * 60]
    capped = Scheduler(site("site.cluster.time_margin=2", "site.cluster.most_hours=24"), cluster=True)
    runtime = capped.resources("evaluate", predicted=lambda wildcards: 10.0)["runtime"]
    assert [runtime(None, attempt=attempt) for attempt in (1, 2)] == [20 * 60, 24 * 60]


def test_jobs_ask_for_a_gpu_where_they_use_one(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/nvidia-smi")
    for device, count in (("cpu", 0), ("cuda", 1), ("cuda:1", 1), ("auto", 1)):
        here = Scheduler(site(f"site.device={device}"), cluster=False)
        assert here.resources("evaluate")["gpu"] == count
        assert "gres" not in here.resources("evaluate")
        on_slurm = Scheduler(here.site, cluster=True)
        assert on_slurm.resources("evaluate").get("gres") == ("gpu:1" if count else None)
        assert "gres" not in on_slurm.resources("prepare", gpu=False)
    auto = site("site.device=auto")
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr("pathlib.Path.exists", lambda path: False)
    assert Scheduler(auto, cluster=False).resources("evaluate")["gpu"] == 0
    assert Scheduler(auto, cluster=True).resources("evaluate")["gres"] == "gpu:1"


def test_processes_have_the_cores_that_they_asked_for():
    paper = site()
    assert Scheduler(paper, cluster=True).threads("evaluate") == 8
    assert Scheduler(paper, cluster=True).cores("train", processes=4) == 1  # of the machine that submits
    assert Scheduler(paper, cluster=False).cores("train", processes=4) == 4
    assert Scheduler(site("site.threads=3"), cluster=True).threads("train") == 3


def test_beside_a_gpu_of_this_machine_its_cores_are_for_the_one_job(monkeypatch):
    on = site("site.device=cuda")
    for cores, threads in ((2, 2), (64, 8)):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        assert Scheduler(on, cluster=False).threads("evaluate") == threads
    assert Scheduler(site("site.device=cpu"), cluster=False).threads("evaluate") == 1


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("site.cluster.partion=gpu", "site.cluster.partition"),
        ("site.jobs.train.hours=soon", "site.jobs.train.hours = 'soon'"),
        ("site.jobs.train.cpus=0", "site.jobs.train.cpus = 0"),
        ("site.cluster.gpu='gpu:1 --exclusive'", "site.cluster.gpu"),
        ("site.jobs.training.hours=3", "site.jobs"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(override, said):
    with pytest.raises(ConfigError, match=said):
        site(override)
