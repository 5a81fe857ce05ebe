"""A real Slurm, two nodes with make-believe GPUs on this machine (.ci/slurm start): the literal command, failures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from bits.training.checkpoint import read_tensors
from bits.workflow.slurm_queue import clear_queue, comment_of

pytestmark = pytest.mark.workflow
SMOKE = ("--config", "scale=smoke")
# auto: jobs ask for a GPU, and do without on finding none. Long enough to be hit, with a checkpoint every second or so.
GPU = "site.device=auto"
LONG = f"{GPU} schedule.epochs=250 curve.every_epochs=250 site.checkpoint_minutes=0.02 site.log_every_steps=1"

FEW_STEPS = "schedule.epochs=4 curve.every_epochs=4 finetuning.epochs=2 finetuning.curve.every_epochs=2"


def why_no_slurm() -> str:
    """Why tests cannot submit to a Slurm with GPUs on this machine; "" when they can (.ci/slurm start)."""
    command = ["sinfo", "--noheader", "--Node", "--format", "%N %t %G"]
    try:
        shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    nodes = {line for line in shown.splitlines() if "idle" in line and "gpu" in line}
    return "" if nodes else f"of its nodes none is idle and has a GPU: {shown}"


def answer(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()


def running(wanted: str) -> str:
    return answer("squeue", "--noheader", "--partition", "spare", "--states", "R", "--format", wanted)


@pytest.fixture(scope="module", autouse=True)
def slurm() -> None:
    """Skips where there is none; BITS_REQUIRE_SLURM=1 makes that a failure."""
    problem = why_no_slurm()
    if problem and os.environ.get("BITS_REQUIRE_SLURM") == "1":
        pytest.fail(f"a Slurm with GPUs is required, but {problem}")
    if problem:
        pytest.skip(f"no Slurm with GPUs on this machine ({problem}); .ci/slurm start makes one")


@pytest.fixture
def build(project) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """build(*words) -> a snakemake that submits to Slurm, ended with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "snakemake", "--cores", "all", "--profile", "slurm", *words]
        with (project.folder / "build.log").open("a") as log:
            process = subprocess.Popen(command, cwd=project.folder, stdout=log, stderr=log, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
    subprocess.run(["scancel", "--partition", "spare"], check=False)


def until(condition: Callable[[], object], seconds: float, log: Path) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.5)


def steps_logged(folder: Path) -> list[int]:
    path = folder / "log.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    entries = [json.loads(line) for line in lines if line.endswith("}")]
    return [entry["step"] for entry in entries if "loss" in entry]


def same_weights(folder: Path, other: Path) -> bool:
    ours, theirs = (read_tensors(path / "heads.safetensors").tensors for path in (folder, other))
    return ours.keys() == theirs.keys() and all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


@pytest.mark.xdist_group("slurm")
def test_the_literal_command_is_of_the_papers_scale_and_says_which_data_are_missing(project):
    done = project.snakemake("--profile", "slurm", "-n")
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "Study paper needs data that are not there" in said
    assert "Job 1: " in said
    real = project.snakemake("--profile", "slurm")
    assert real.returncode != 0
    assert "submitted" not in real.stdout + real.stderr


@pytest.mark.xdist_group("slurm")
def test_what_an_earlier_call_left_in_the_queue_is_cancelled_and_its_trainings_are_waited_for(
    tmp_path, monkeypatch, capsys
):
    def submitted(comment: str, seconds: float, folder: Path, *words: str) -> str:
        command = ["sbatch", "--parsable", f"--chdir={folder}", f"--comment={comment}", "--output=/dev/null", *words]
        return answer(*command, f"--wrap=sleep {seconds}")

    def job(rule: str, *values: str) -> SimpleNamespace:
        return SimpleNamespace(rule=SimpleNamespace(name=rule), wildcards=values)

    def queued() -> set[str]:
        states = ["--states", "PENDING,RUNNING,COMPLETING"]
        return set(answer("squeue", "--noheader", *states, "--format", "%A").split())

    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    here.mkdir()
    elsewhere.mkdir()
    waiting = submitted("rule_pretrain_wildcards_bits-fixed-1", 600, here, "--hold")
    training = submitted("rule_finetune_wildcards_dino-1", 4, here)
    measuring = submitted("rule_evaluate_wildcards_knn_dino-1", 600, here)
    others = {
        submitted("rule_pretrain_wildcards_bits-fixed-1", 600, elsewhere, "--hold"),  # another checkout's
        submitted("rule_pretrain_wildcards_bits-reset-1", 600, here, "--hold"),  # of another call that is at work
    }
    try:
        until(lambda: answer("squeue", "--noheader", "--jobs", training, "--format", "%T") == "RUNNING", 60, here)
        monkeypatch.chdir(here)
        jobs = [job("pretrain", "bits-fixed-1"), job("finetune", "dino-1"), job("evaluate", "knn", "dino-1")]
        clear_queue(jobs, lambda one: one.rule.name in ("pretrain", "finetune"), pause=0.2)
        assert not {waiting, training} & queued()
        until(lambda: measuring not in queued(), 30, here)
        assert others <= queued()
        told = capsys.readouterr().err
        assert f"{waiting} (pretrain bits-fixed-1)" in told
        assert f"{measuring} (evaluate knn_dino-1)" in told
        assert f"waiting until they end (or scancel): {training} (finetune dino-1)" in told
    finally:
        subprocess.run(["scancel", waiting, training, measuring, *others], check=False)


@pytest.mark.xdist_group("slurm")
def test_a_table_and_all_that_it_is_made_from_by_sbatch_on_gpus(project):
    """Data, references, trainings and evaluations are jobs, each on a GPU where it needs one; the rest is made here."""
    said = project.made("table-3", "--profile", "slurm", *SMOKE, f"set={GPU}").stderr
    plan = project.plan()
    methods = [project.run(name) for name in ("bits-fixed", "bits-cosine")]
    jobs = [
        "prepare",
        "references",
        *(f"pretrain {run.name}" for run in methods),
        *(f"evaluate {run.name}" for run in methods),
    ]
    assert said.count("has been submitted with SLURM jobid") == len(jobs)
    # A later call would know them by these, had this one been killed.
    comments = answer("squeue", "--noheader", "--states", "all", "--format", "%k").splitlines()
    for run in methods:
        assert comment_of(SimpleNamespace(rule=SimpleNamespace(name="pretrain"), wildcards=(run.id,))) in comments
        asked = json.loads((project.folder / run.provenance).read_text())["slurm"]
        assert asked["job"].isdigit()
        assert asked["gpus"] == "1"
    assert all((project.folder / path).is_file() for path in plan.needs["table-3"])
    here = project.snakemake("table-3", "-n", *SMOKE)
    assert "Nothing to be done" in here.stdout + here.stderr


@pytest.mark.xdist_group("slurm")
def test_a_training_over_nodes_and_their_gpus(project, build):
    """Two nodes, two processes on each, which torchrun joins; then a fine-tuning, an evaluation, a table here."""
    site = "defaults: [default, _self_]\nprocesses: 2\nnodes: 2\ncluster: {partition: spare}\n"
    (project.folder / "config/site/local.yaml").write_text(site)
    words = ("run/dino-on-food101", *SMOKE, f"set={GPU} {FEW_STEPS}")
    process, log = build(*words), project.folder / "build.log"
    until(lambda: process.poll() is not None, 600, log)
    assert process.returncode == 0, log.read_text()
    for name in ("dino", "dino-on-food101"):
        provenance = json.loads((project.folder / project.run(name).provenance).read_text())
        assert provenance["processes"] == 4
    again = project.snakemake("-n", *words)
    assert "Nothing to be done" in again.stdout + again.stderr


@pytest.mark.xdist_group("slurm")
def test_signals_and_a_failing_node_cost_no_bit(project, build, tmp_path_factory):
    """SIGUSR1: a checkpoint, and Snakemake's retry goes on. A node goes down: Slurm's requeue goes on, on the other."""
    words = ("run/bits-reset", *SMOKE, f"set={LONG} site.cluster.partition=spare", "--until", "pretrain")
    process, log = build(*words), project.folder / "build.log"
    until(lambda: running("%i"), 120, log)
    run = project.run("bits-reset")
    folder = project.folder / run.folder
    try:
        until(lambda: len(steps_logged(folder)) > 40, 120, log)
        job = running("%i")
        assert "gres:gpu:1" in answer("scontrol", "show", "job", job)
        subprocess.run(["scancel", "--signal=USR1", job], check=True)
        until(lambda: "stopped" in (folder / "log.jsonl").read_text(), 30, log)
        stopped = steps_logged(folder)[-1]
        until(lambda: len(steps_logged(folder)) > stopped + 20, 120, log)
        second, node = running("%i %N").split()
        assert second != job
        subprocess.run(["scontrol", "update", f"nodename={node}", "state=down", "reason=test"], check=True)
        hit = steps_logged(folder)[-1]
        until(lambda: process.poll() is not None, 400, log)
    finally:
        for node in ("node3", "node4"):
            subprocess.run(["scontrol", "update", f"nodename={node}", "state=resume"], capture_output=True)
    assert process.returncode == 0, log.read_text()
    logged = steps_logged(folder)
    assert logged == list(range(1, 251))
    assert hit > stopped
    whole = tmp_path_factory.mktemp("whole")
    (whole / "run").mkdir()
    (whole / "run/config.yaml").write_text((project.folder / run.config).read_text())
    words = ("--frozen", str(whole / "run/config.yaml"), "--site", str(project.plan().site_file), "--threads", "1")
    done = project.call("bits.commands.pretrain", *words)
    assert done.returncode == 0, done.stderr
    assert same_weights(folder, whole / "run")
