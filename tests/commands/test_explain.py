"""A dry run in plain words."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bits.commands.explain import Job, config_words, explained, jobs_in, why
from bits.errors import BitsError
from bits.plan.changes import differences, why_untrained

SHOWN = """Building DAG of jobs...
[Sun Nov 22 22:15:24 2026]
Job 8: Pretrain bits-cosine-4d174942
Reason: Missing output files: results/smoke/runs/bits-cosine-4d174942/teacher.safetensors
Job 1: Evaluate bits-cosine-4d174942 on imagenet1k
Reason: Missing output files: a.json; Input files updated by another job: b.safetensors
Job 6: Render table-3
Reason: Input files updated by another job: a.json, c.json
Job 7: Render the scenes that stand in for food101
Reason: Missing output files: data/scenes-1.safetensors
Job 9: Write the report
Reason: Params have changed since last execution: before: 'declaration:report:1' now: 'declaration:report:2'
"""


@pytest.fixture
def run(tmp_path: Path) -> dict:
    folder = tmp_path / "runs" / "bits-cosine-4d174942"
    recipe = {"optimizer": {"clip_norm": 1.0, "betas": [0.9, 0.999]}, "seed": 0}
    return {
        "name": "bits-cosine",
        "folder": str(folder),
        "failure": str(folder / "failure.json"),
        "resume": str(folder / "resume"),
        "recipe": recipe,
    }


def test_jobs_and_reasons_are_read_and_translated(run):
    jobs = jobs_in(SHOWN)
    assert [(job.stage, job.subject) for job in jobs] == [
        ("Train", "bits-cosine-4d174942"),
        ("Evaluate", "bits-cosine-4d174942 on imagenet1k"),
        ("Render", "table-3"),
        ("Make data", "food101"),
        ("Render", "the report"),
    ]
    plan = {"scale": {"name": "smoke"}, "runs": {"bits-cosine-4d174942": run}}
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


def test_a_reason_that_nobody_foresaw_is_passed_on_and_an_unknown_job_refused(run):
    job = Job("Render", "table-3", "", "Forced execution")
    assert why(job, {"runs": {}}) == "forced execution"
    with pytest.raises(BitsError, match="Dance"):
        jobs_in("Job 1: Dance with me\nReason: none\n")


def test_a_run_says_what_it_differs_in_from_the_nearest_of_its_name(run, tmp_path):
    def trained(name: str, recipe: dict) -> None:
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text(yaml.safe_dump({"recipe": recipe}))
        (folder / "outcome.json").write_text("{}")

    trained("bits-cosine-00000001", {**run["recipe"], "seed": 1})
    assert why_untrained(run) == "was never trained here with this seed"
    trained("bits-cosine-00000003", {"optimizer": {"clip_norm": 3.0, "betas": [0.9, 0.95]}, "seed": 0})
    trained("bits-cosine-00000002", {"optimizer": {"clip_norm": 3.0, "betas": [0.9, 0.999]}, "seed": 0})
    trained("bits-cosine-more-00000003", run["recipe"])  # another run's name
    (tmp_path / "runs/bits-cosine-00000004").mkdir()  # never finished
    said = why_untrained(run)
    assert "bits-cosine-00000002, which stays: optimizer.clip_norm 3.0 -> 1.0" in said
    assert "betas" not in said


def test_states_of_a_run_that_is_not_all_there(run):
    folder = Path(run["folder"])
    (folder / "resume").mkdir(parents=True)
    (folder / "resume/step-000000120.safetensors").write_bytes(b"")
    assert why_untrained(run) == "was interrupted; goes on from step 120"
    Path(run["failure"]).write_text("{}")
    assert why_untrained(run).startswith("its last attempt failed")
    assert why_untrained(run).endswith("goes on from step 120")
    (folder / "outcome.json").write_text("{}")
    assert why_untrained(run) == "some of its files are missing"


def test_differences_of_recipes_in_words():
    old = {"a": {"b": 1}, "dataset": {"fingerprint": "x"}, "start": {"run": "dino", "digest": "1"}}
    new = {"a": {"c": 2}, "dataset": {"fingerprint": "y"}, "start": {"run": "dino", "digest": "2"}}
    assert differences(old, new) == [
        "a.c absent -> 2",
        "its images are others",
        "dino, which it starts from, is another run",
        "a.b 1 -> absent",
    ]
    assert differences(old, old) == []


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
