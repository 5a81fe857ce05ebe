"""A dry run in plain words."""

from __future__ import annotations

from pathlib import Path

import pytest

from bits.commands.explain import PlannedJob, config_words, explained, jobs_in, why
from bits.errors import BitsError
from bits.plan import Plan, Request, make_plan

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
    assert text.startswith("Scale smoke: 5 jobs would run.\nMake data (1)")
    assert explained([], plan).startswith("Nothing would run")


def test_a_reason_that_nobody_foresaw_is_passed_on_and_an_unknown_job_refused(plan):
    job = PlannedJob("Render", "table-3", "", "Forced execution")
    assert why(job, plan) == "forced execution"
    with pytest.raises(BitsError, match="Dance"):
        jobs_in("Job 1: Dance with me\nReason: none\n")


def test_what_follows_config_is_read_as_snakemake_does():
    words = ["table-3", "--config", "scale=smoke", "set=a.b=1 c=2", "--forceall"]
    assert config_words(words) == {"scale": "smoke", "set": "a.b=1 c=2"}
    assert config_words(["table-3"]) == {}
    assert config_words(["--profile", "slurm"]) == {"scale": "paper", "cluster": "slurm"}
    assert config_words(["--profile", "slurm", *words])["scale"] == "smoke"


def test_options_are_found_where_snakemake_takes_them():
    assert config_words(["-C", "scale=smoke", "set=seed=9"]) == {"scale": "smoke", "set": "seed=9"}
    assert config_words(["--config", "scale=smoke", "-n", "--config", "seeds=1"]) == {"scale": "smoke", "seeds": "1"}
    assert config_words(["--config", "scale=smoke", "--set-threads", "evaluate=4"]) == {"scale": "smoke"}
    assert config_words(["--profile=slurm"]) == config_words(["--profile", "slurm"])
    assert config_words(["--profile=slurm"])["scale"] == "paper"
