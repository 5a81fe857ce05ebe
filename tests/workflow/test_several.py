"""Several people, or one and their crashed build, in one folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("several")]
STEPS = 600  # longer than two more starts of Snakemake take on a busy machine
WORDS = f"schedule.epochs={STEPS} curve.every_epochs={STEPS} site.checkpoint_minutes=0.01"
SLOW = ("--config", "scale=smoke", f"set={WORDS}")
TARGET = "run/dino"


def start(project, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "snakemake", "--cores", "1", TARGET, *words]
    return subprocess.Popen(
        command,
        cwd=project.folder,
        env={**os.environ, "PYTHONPATH": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def until_it_trains(project) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if any((project.folder / "results/smoke/runs").glob("dino-*/resume/step-*")):
            return
        time.sleep(0.1)
    raise AssertionError("no training began")


def forked_by(build: subprocess.Popen[str]) -> list[int]:
    """The fork server of a build, and the jobs that it has forked."""
    words = ["pgrep", "-f", f"bits.workflow.fork_server .*--owner {build.pid}$"]
    return [int(word) for word in subprocess.run(words, capture_output=True, text=True).stdout.split()]


def until_gone(build: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 30
    while forked_by(build):
        assert time.monotonic() < deadline, "a server or a job outlives its build"
        time.sleep(0.1)


def test_a_second_build_is_refused_and_a_killed_one_leaves_nothing_to_understand(project):
    first = start(project, *SLOW)
    try:
        until_it_trains(project)
        second = project.snakemake(TARGET, *SLOW)
        said = second.stdout + second.stderr
        assert second.returncode != 0
        assert "another Snakemake is running in this folder" in said
        assert "cleared" not in said
        run = project.run("dino")
        dry = project.snakemake(TARGET, "-n", *SLOW)  # asking is allowed
        assert dry.returncode == 0, dry.stderr
    finally:
        os.killpg(first.pid, signal.SIGKILL)  # the main process and its jobs, as when a machine is restarted
        first.wait()
    until_gone(first)
    assert list((project.folder / ".snakemake/locks").iterdir())
    assert list((project.folder / run.resume).glob("step-*"))
    again = project.made(TARGET, *SLOW)
    assert "cleared the locks that a killed Snakemake left" in again.stderr
    outcome = json.loads((project.folder / run.outcome).read_text())
    assert outcome["step"] == STEPS
    log = (project.folder / run.log).read_text().splitlines()
    steps = [json.loads(line)["step"] for line in log if "loss" in line]
    assert steps == sorted(set(steps))


def test_what_is_edited_while_a_build_runs_changes_nothing_for_it(project):
    first = start(project, *SLOW)
    try:
        until_it_trains(project)
        assert len(forked_by(first)) == 2, "one server, one job"
        before = project.plan()
        with project.edited("config/method/dino.yaml", "method: dino", "method: dino\nseed: 7"):
            other = project.snakemake(TARGET, "-n", *SLOW)
            assert other.returncode == 0, other.stderr
            assert project.plan().digest != before.digest
            said, _ = first.communicate(timeout=240)
        assert first.returncode == 0, said
        until_gone(first)
    finally:
        first.kill()
        first.wait()
    (identity,) = before.sources["dino"]
    metrics = json.loads((project.folder / before.metrics[identity]["imagenet1k"]).read_text())
    assert metrics["id"] == identity
    assert "Nothing to be done" in project.made("-n", TARGET, *SLOW).stdout


def test_what_a_killed_snakemake_left_at_work_is_waited_for_and_not_trained_again(project):
    first = start(project, *SLOW)
    until_it_trains(project)
    first.kill()  # it alone, as when it takes too much memory: its jobs go on
    first.wait()
    again = project.made(TARGET, *SLOW, "--until", "pretrain")
    assert "still being trained" in again.stderr
    run = project.run("dino")
    assert json.loads((project.folder / run.outcome).read_text())["step"] == STEPS
    steps = [json.loads(line)["step"] for line in (project.folder / run.log).read_text().splitlines() if "loss" in line]
    assert steps == sorted(set(steps))
    assert "images/s" not in (project.folder / f"results/smoke/logs/pretrain/{run.id}.log").read_text()
    assert not (project.folder / run.resume).exists(), "recorded, so nobody goes on from its checkpoint"
    assert project.jobs(TARGET, *SLOW, "--until", "pretrain") == {}


def test_a_sigterm_to_snakemake_alone_leaves_a_checkpoint_of_the_step_at_work(project):
    first = start(project, *SLOW)
    until_it_trains(project)
    first.terminate()  # docker stop, systemd
    said, _ = first.communicate(timeout=120)
    assert first.returncode != 0, said
    until_gone(first)
    run = project.run("dino")
    last = json.loads((project.folder / run.log).read_text().splitlines()[-1])
    assert last["event"] == "stopped"
    assert (project.folder / run.resume / f"step-{last['step']:09d}.safetensors").is_file()
