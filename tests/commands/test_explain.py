"""A dry run in plain words."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bits.commands.explain import PlannedJob, explained, jobs_in, main, why
from bits.errors import BitsError
from bits.plan import Plan, Request, make_plan
from bits.plan.model import DataRemark
from bits.records.code import ROOT

TRAINED = "bits-cosine-4d174942"
SHOWN = """Building DAG of jobs...
[Sun Nov 22 22:15:24 2026]
Job 8: Pretrain bits-cosine-4d174942
Reason: Missing output files: results/smoke/runs/bits-cosine-4d174942/teacher.safetensors
Job 1: Evaluate bits-cosine-4d174942 on imagenet1k
Reason: Missing output files: a.json; Input files updated by another job: b.safetensors
Job 6: Render table-3
Reason: Input files updated by another job: a.json, c.json
Job 7: Make the data set that plays food101
Reason: Missing output files: data/scenes-1.safetensors
Job 9: Write the report
Reason: Params have changed since last execution: before: 'declaration:report:1' now: 'declaration:report:2'
"""


@pytest.fixture(scope="module")
def plan() -> Plan:
    """Of scale smoke, with the run that SHOWN trains."""
    made = make_plan(Request.of_scale("smoke"))
    (identity,) = made.sources["bits-cosine"]
    run = made.runs[identity].model_copy(update={"id": TRAINED, "folder": Path("nowhere/runs") / TRAINED})
    return made.model_copy(update={"runs": {TRAINED: run}})


def test_jobs_and_reasons_are_read_and_translated(plan):
    jobs = jobs_in(SHOWN)
    assert [(job.stage, job.subject) for job in jobs] == [
        ("Train", TRAINED),
        ("Evaluate", "bits-cosine-4d174942 on imagenet1k"),
        ("Render", "table-3"),
        ("Make data", "food101"),
        ("Render", "the report"),
    ]
    reasons = [why(job, plan) for job in jobs]
    assert reasons == [
        "was never trained here",
        "not there yet",
        "what it is made from is made anew",
        "not there yet",
        "what is declared of it changed",
    ]
    text = explained(jobs, plan)
    assert text.startswith("Study smoke: 5 jobs would run.\nMake data (1)")
    assert explained([], plan).startswith("Nothing would run")


def test_many_jobs_with_one_reason_are_listed_below_it(plan):
    names = [f"table-{number}" for number in range(30)]
    jobs = [PlannedJob("Render", name, "", "Forced execution") for name in names]
    text = explained(jobs, plan)
    assert "  30: forced execution" in text
    assert max(map(len, text.splitlines())) <= 100
    assert all(name in text for name in names)


def test_a_reason_that_nobody_foresaw_is_passed_on_and_an_unknown_job_refused(plan):
    job = PlannedJob("Render", "table-3", "", "Forced execution")
    assert why(job, plan) == "forced execution"
    with pytest.raises(BitsError, match="Dance"):
        jobs_in("Job 1: Dance with me\nReason: none\n")


@pytest.fixture
def asked(plan, monkeypatch) -> Callable[..., tuple[list[str], dict[str, Any]]]:
    """asked(*words) -> (what Snakemake is called with, the options that the plan is made for)."""
    calls: list[list[str]] = []
    options: list[dict[str, Any]] = []

    def snakemake(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        return subprocess.CompletedProcess(command, 0, SHOWN, "")

    def answered(*words: str) -> tuple[list[str], dict[str, Any]]:
        monkeypatch.setattr("sys.argv", ["explain", *words])
        assert main() == 0
        return calls[-1], options[-1]

    monkeypatch.chdir(ROOT)  # where it goes by itself
    monkeypatch.setattr("subprocess.run", snakemake)
    monkeypatch.setattr("bits.commands.explain.load_plan", lambda given: options.append(dict(given)) or plan)
    return answered


def test_words_are_those_of_every_command_and_the_rest_is_for_snakemake(asked, capsys):
    command, options = asked("table-3", "scale=smoke", "set=a.b=1 c=2", "seeds=0,1", "--forceall")
    assert options == {"scale": "smoke", "seeds": "0,1", "set": ["a.b=1", "c=2"]}
    assert "-n" in command
    assert {"table-3", "--forceall"} <= set(command[: command.index("--config")])
    assert command[command.index("--config") :] == ["--config", "scale=smoke", "seeds=0,1", "set=a.b=1 c=2"]
    assert capsys.readouterr().out.startswith("Study smoke: 5 jobs would run.")
    command, options = asked("table-3")
    assert options == {}
    assert "--config" not in command


def test_words_may_follow_config_as_on_snakemakes_command_line(asked):
    words = ["--config", "scale=smoke", "set=a.b=1 c=2"]
    options = {"scale": "smoke", "set": ["a.b=1", "c=2"]}
    assert asked("table-3", *words, "--forceall") == asked("table-3", "scale=smoke", *words[2:], "--forceall")
    assert asked("table-3", *words)[1] == asked(*words)[1] == options
    assert asked("-C", "scale=smoke", "-n", "--config", "seeds=1")[1] == {"scale": "smoke", "seeds": "1"}


def test_what_follows_an_option_of_snakemake_is_for_snakemake(asked):
    threads = ["--set-threads", "evaluate=4"]
    for words in (["--config", "scale=smoke", *threads], [*threads, "scale=smoke"]):
        command, options = asked(*words, "--cores", "2")
        assert options == {"scale": "smoke"}
        assert command[command.index("--set-threads") + 1] == "evaluate=4"
        assert command[command.index("-n") + 1 : command.index("--set-threads")] == ["--nocolor"], "no target"
        assert command[command.index("2") - 1] == "--cores"


def test_a_profiles_words_count_unless_others_are_given(asked):
    command, options = asked("--profile", "slurm")
    assert options == {"scale": "paper", "cluster": "slurm"}
    assert command[command.index("--profile") + 1] == "slurm"
    assert asked("--profile=slurm") == (command, options)
    assert asked("--profile", "slurm", "scale=smoke")[1] == {"scale": "smoke", "cluster": "slurm"}


def test_what_the_data_cannot_serve_and_what_should_be_known_of_them_is_said(asked, plan, monkeypatch, capsys):
    wrong = DataRemark(role="imagenet1k", found="class b only in train", remedy="Remove it.")
    told = DataRemark(role="imagenet1k", found="1 of 2 val images are copies", remedy="Remove them.")
    marked = plan.model_copy(update={"unfit": (wrong,), "remarks": (told,)})
    asked("table-3")
    assert "None of it can start" not in capsys.readouterr().out
    monkeypatch.setattr("bits.commands.explain.load_plan", lambda options: marked)
    monkeypatch.setattr("sys.argv", ["explain", "table-3"])
    assert main() == 0
    said = capsys.readouterr().out
    assert "None of it can start: The data of study smoke cannot serve what is planned" in said
    assert wrong.found in said and told.found in said and told.remedy in said
