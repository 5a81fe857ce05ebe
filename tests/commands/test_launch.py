"""One pretraining on several processes and nodes (gloo on this machine): same weights, stops, resumes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from bits.commands.launch import LaunchError, command_line, of_the_job
from bits.records.code import ROOT
from bits.training.checkpoint import read_tensors

pytestmark = pytest.mark.xdist_group("launch")  # what several tests share is made once
SLURM = {"SLURM_JOB_ID": "41234"}
WHOLE_RUN = ("schedule.epochs=5", "backbone.drop_path=0.2", "head_reset.every_epochs=2")


def launch(*words: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bits.commands.launch", *words],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def slurm_says(folder: Path, **answers: str) -> Path:
    """A folder of commands that answer as given, whatever they are asked."""
    folder.mkdir()
    for command, answer in answers.items():
        (folder / command).write_text(f"#!/bin/sh\nprintf '{answer}\\n'\n")
        (folder / command).chmod(0o755)
    return folder


def finished(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    return said


def weights(folder: Path) -> dict[str, torch.Tensor]:
    names = ("teacher", "student", "heads")
    return {f"{n}.{key}": t for n in names for key, t in read_tensors(folder / f"{n}.safetensors").tensors.items()}


def assert_same_end(first: Path, second: Path) -> None:
    assert json.loads((first / "outcome.json").read_text()) == json.loads((second / "outcome.json").read_text())
    ours, theirs = weights(first), weights(second)
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        torch.testing.assert_close(
            theirs[name], tensor, rtol=0, atol=1e-4, msg=lambda text, name=name: f"{name} {text}"
        )
    curves = [json.loads((folder / "curve.json").read_text())["values"] for folder in (first, second)]
    assert curves[0]["training"]["map"]["x"] == curves[1]["training"]["map"]["x"]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the run of one process will lie."""
    return tmp_path_factory.mktemp("alone") / "run"


@pytest.fixture
def whole(alone: Path, composed: Any) -> Path:
    """The run of one process, trained once."""
    from bits.runs.train import train

    if not alone.exists():
        made = composed("bits-fixed", *WHOLE_RUN)
        assert train(made.recipe, made.site, "bits-fixed", "imagenet1k", alone) == 0
    return alone


def test_two_processes_end_where_one_does(frozen, whole, tmp_path):
    words = frozen(tmp_path / "run", "bits-fixed", *WHOLE_RUN, "site.micro_batch=3")
    finished(launch("--processes", "2", "--", *words))
    assert_same_end(whole, tmp_path / "run")
    steps = [json.loads(line) for line in (tmp_path / "run/log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in steps if "loss" in entry] == [5]  # one writer


def test_two_nodes_end_where_one_does(frozen, whole, tmp_path):
    words = frozen(tmp_path / "run", "bits-fixed", *WHOLE_RUN)
    commands = slurm_says(tmp_path / "bin", squeue="localhost", scontrol="localhost")
    both = tmp_path / "both.sh"  # in the place of srun: two agents on this machine
    both.write_text('"$@" & first=$!\n"$@" & second=$!\nwait $first && wait $second\n')
    path = f"{commands}:{os.environ['PATH']}"
    job = {"SLURM_JOB_ID": str(os.getpid())}
    finished(launch("--nodes", "2", "--launcher", f"sh {both}", "--", *words, PATH=path, **job))
    assert_same_end(whole, tmp_path / "run")


def test_sigterm_leaves_a_checkpoint_of_both_from_which_one_goes_on(frozen, tmp_path):
    words = frozen(tmp_path / "run", "bits-fixed", "schedule.epochs=3000", "curve.every_epochs=3000")
    process = launch("--processes", "2", "--", *words)
    log = tmp_path / "run/log.jsonl"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (log.exists() and '"step": 20' in log.read_text()):
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "stopped by SIGTERM at step" in said
    kept = sorted((tmp_path / "run/resume").glob("*.safetensors"))
    step = read_tensors(kept[-1]).facts["step"]
    assert step >= 20
    assert not (tmp_path / "run/failure.json").exists()
    resumed = subprocess.Popen(
        [sys.executable, "-m", "bits.commands.pretrain", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    while time.monotonic() < deadline and f'"step": {step // 10 * 10 + 20}' not in log.read_text():
        time.sleep(0.1)
    resumed.send_signal(signal.SIGTERM)
    said, _ = resumed.communicate(timeout=60)
    assert resumed.returncode == 143, said
    logged = [json.loads(line)["step"] for line in log.read_text().splitlines() if "loss" in line]
    assert logged == list(range(10, 10 * len(logged) + 1, 10))


def line(processes: int, nodes: int, launcher: str | None, environment: Mapping[str, str]) -> str:
    return " ".join(command_line(processes, nodes, launcher, ["run=dino"], environment)[1:])


def test_one_process_is_pretrain_itself():
    assert line(1, 1, None, {}) == "-m bits.commands.pretrain run=dino"


def test_nodes_meet_at_the_first_host_on_a_port_of_the_job(tmp_path, monkeypatch):
    commands = slurm_says(tmp_path / "bin", squeue="n[1-2]", scontrol="n1\\nn2")
    monkeypatch.setenv("PATH", str(commands), prepend=":")
    found = line(8, 2, None, {**SLURM, "SLURM_CPUS_PER_TASK": "64"})
    assert found.startswith(
        "--overlap --nodes 2 --ntasks 2 --ntasks-per-node 1 --kill-on-bad-exit=1 --cpus-per-task 64"
    )
    assert "--nproc-per-node 8" in found
    assert "--nnodes 2 --rdzv-backend c10d --rdzv-id 41234 --rdzv-endpoint n1:26234 -m bits.commands.pretrain" in found


def test_what_cannot_be_launched_is_said(tmp_path, monkeypatch):
    with pytest.raises(LaunchError, match="not a Slurm job"):
        command_line(1, 2, None, [], {})
    with pytest.raises(LaunchError, match="at least 1"):
        command_line(0, 1, None, [], {})
    commands = slurm_says(tmp_path / "bin", squeue="", scontrol="")
    monkeypatch.setenv("PATH", str(commands), prepend=":")
    with pytest.raises(LaunchError, match=r"squeue .* 41234 .*no answer"):
        command_line(1, 2, None, [], SLURM)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(LaunchError, match="squeue"):
        command_line(1, 2, None, [], SLURM)


def test_srun_is_not_told_of_the_step_that_it_is_called_in():
    inside = {"SLURM_JOB_ID": "7", "SLURM_NODELIST": "n1", "SLURM_NNODES": "1", "SLURM_CONF": "/c", "PATH": "/bin"}
    assert of_the_job(inside) == {"SLURM_JOB_ID": "7", "SLURM_CONF": "/c", "PATH": "/bin"}


def test_torchrun_takes_no_word_for_its_own():
    from torch.distributed.run import get_args_parser

    words = ["--threads", "1", "--frozen", "a.yaml", "--site", "b.yaml", "--from-run", "c"]
    command = command_line(2, 1, None, words, {})
    read = get_args_parser().parse_args(command[command.index("torch.distributed.run") + 1 :])
    assert read.training_script_args == words
