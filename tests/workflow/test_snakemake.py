"""The workflow as a user runs it: real snakemake calls at smoke scale in a folder of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from .conftest import copy_of_project

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("snakemake")]
SMOKE = ("--config", "scale=smoke")
COMPUTED = [*(f"table-{n}" for n in (1, 2, 3, 4, 8, 9, 10, 11, 12, 13, 14)), *(f"figure-{n}" for n in (1, 4, 5, 7))]


def test_one_command_makes_every_exhibit_that_is_implemented(built):
    plan = built.plan()
    assert set(plan.needs) >= {*COMPUTED, "text-5.3"}
    for exhibit, suffixes in plan.formats.items():
        for suffix in suffixes:
            assert (built.folder / f"reports/smoke/exhibits/{exhibit}.{suffix}").stat().st_size > 100
    page = (built.folder / "reports/smoke/index.html").read_text()
    assert "SMOKE SCALE" in page
    assert "50.64" in page  # published beside measured
    for exhibit in plan.pending:
        word, _, number = exhibit.partition("-")
        assert (f"In text, Section {number}" if word == "text" else f"{word.capitalize()} {number}") in page
    assert "not yet implemented" in page
    assert "SMOKE SCALE" in (built.folder / "reports/index.html").read_text()


def test_all_41_runs_ended_and_every_cell_is_there(built):
    plan = built.plan()
    outcomes = {name: json.loads((built.folder / run.outcome).read_text()) for name, run in plan.runs.items()}
    assert len(outcomes) == 41
    assert {outcome["outcome"] for outcome in outcomes.values()} <= {"finished", "collapsed"}
    assert not any((built.folder / run.resume).exists() for run in plan.runs.values()), "their checkpoints are let go"
    for exhibit in COMPUTED:
        if exhibit.startswith("table-"):
            assert "not run" not in (built.folder / f"reports/smoke/exhibits/{exhibit}.csv").read_text()


def test_every_run_leaves_what_a_reviewer_asks_for(built):
    plan = built.plan()
    for name in ("dino", "simdino", "bits-fixed", "bits-reset", "bits-reset-on-birds525"):
        run = built.run(name)
        file = plan.metrics[run.id][run.role]
        provenance = json.loads((built.folder / run.provenance).read_text())
        assert provenance["seed"] == 0
        assert provenance["versions"]["torch"]
        assert provenance["hardware"]["cores"] >= 1
        assert provenance["started"] <= provenance["finished"]
        assert len(provenance["weights"]["teacher"]) == 64
        predicted = json.loads((built.folder / "results/smoke/predicted.json").read_text())
        assert {run.id, f"{run.id}/{file.stem}"} <= set(predicted)
        assert 0 < provenance["seconds_spent"] < 600
        metrics = json.loads((built.folder / file).read_text())
        assert metrics["made_from"]["weights"] == provenance["weights"]["teacher"]
        assert metrics["dataset"] == run.role
        curve = json.loads((built.folder / run.curve).read_text())["values"]["training"]["map"]
        assert curve["x"] == ([0, 10, 20] if run.start is None else [0, 3])
        assert all(0 < value < 1 for value in curve["y"])


def test_a_second_call_has_nothing_to_do(built):
    again = built.made("-n", *SMOKE)
    assert "Nothing to be done" in again.stdout + again.stderr
    assert "Nothing would run" in built.call("bits.commands.explain", *SMOKE).stdout


def test_a_touched_input_reruns_nothing(built):
    (built.folder / built.run("dino").config).touch()
    (built.folder / built.plan().roots["imagenet1k"]).touch()
    assert built.jobs(*SMOKE) == {}


def test_lost_numbers_are_measured_again_without_training(built):
    plan, dino = built.plan(), built.run("dino")
    lost = [
        built.folder / plan.metrics[dino.id]["imagenet1k"],
        built.folder / "reports/smoke/exhibits/table-2.html",
    ]
    kept = [path.with_name(f"{path.name}.kept") for path in lost]
    for path, aside in zip(lost, kept, strict=True):
        path.rename(aside)
    try:
        counts = built.jobs(*SMOKE)
    finally:
        for path, aside in zip(lost, kept, strict=True):
            aside.rename(path)
    assert counts["evaluate"] == 1
    assert counts["table-2"] == 1
    assert "pretrain" not in counts


def test_records_that_were_lost_are_made_again_or_noticed(built):
    dino = built.run("dino")
    lost = [dino.provenance, dino.log, Path("reports/smoke/summary.json"), Path("reports/smoke/dvc.yaml")]
    aside = {built.folder / path: built.folder / f"{path.name}.kept" for path in lost}
    for path, kept in aside.items():
        path.rename(kept)
    try:
        counts = built.jobs(*SMOKE)
        said = built.made("-n", *SMOKE).stderr
        run = built.jobs("run/dino", *SMOKE)
    finally:
        for path, kept in aside.items():
            kept.rename(path)
    assert (counts["pretrain"], counts["report"]) == (1, 1)
    assert run["pretrain"] == 1
    assert f"without their log, which the archive asks for:\n  {dino.log}" in said
    assert built.jobs(*SMOKE) == {}


def test_a_call_from_another_folder_is_refused_with_the_remedy_and_finds_the_slurm_profile(project, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    snakefile = str(project.folder / "Snakefile")
    words = ("-m", "snakemake", "--snakefile", snakefile, "--cores", "1", "-n", "table-3", *SMOKE)

    def called(*more: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": ""}
        return subprocess.run(
            [sys.executable, *words, *more], cwd=elsewhere, env=environment, capture_output=True, text=True
        )

    refused = called()
    assert refused.returncode != 0
    assert f"--directory {project.folder}" in refused.stderr
    assert not (elsewhere / "results").exists()
    accepted = called("--directory", str(project.folder), "--profile", str(project.folder / "profiles/slurm"))
    assert accepted.returncode == 0, accepted.stderr
    assert (project.folder / "results/smoke/plan.json").is_file()
    assert not (elsewhere / "results").exists()


def test_a_folder_with_a_space_brackets_and_a_quote_in_its_name(tmp_path):
    """The interpreter, which begins every command of a rule, lies in the checkout, too, as after make."""
    folder = tmp_path / "a b [c]'d"
    folder.mkdir()
    odd = copy_of_project(folder)
    (folder / ".venv").symlink_to(sys.prefix)
    few = "set=schedule.epochs=2 curve.every_epochs=2 optimizer.warmup_epochs=1"
    words = ("-m", "snakemake", "--cores", "2", "table-3", "--config", "scale=smoke", few)
    environment = {**os.environ, "PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(
        [str(folder / ".venv/bin/python"), *words], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (odd.folder / odd.run("bits-fixed").outcome).is_file()


def test_probes_side_by_side_are_where_the_evaluations_go_on(built):
    """The target is no input of anything, so asking for it first changes nothing but who measures the probes."""
    words = (*SMOKE, "set=evaluation.linear.augment=true evaluation.linear.epochs=1")
    asked = built.jobs("together", *words)
    assert sum(count for rule, count in asked.items() if rule.startswith("together_")) == 5, "data sets"
    assert set(asked) == {rule for rule in asked if rule.startswith("together")}, "all runs are trained"
    done = built.made("together", *words)
    assert "side by side" in done.stdout + done.stderr
    assert built.jobs("together", *words) == {}
    built.made("run/bits-fixed", *words)
    plan, run = built.plan(), built.run("bits-fixed")
    file = plan.metrics[run.id]["imagenet1k"]
    made = json.loads((built.folder / file).read_text())
    assert made["provenance"]["probed_beside"] == ["bits-reset", "dino", "random-init", "simdino"]
    assert len(made["values"]["linear"]["curve"]["y"]) == 1
    assert not (built.folder / f"results/smoke/unfinished/{run.id}/{file.stem}").exists()
    built.made("-n", *SMOKE)  # the plan is that of the scale again


def test_targets_by_name(project):
    counts = project.jobs("table-9", *SMOKE)
    references = {rule: counts.pop(rule) for rule in list(counts) if rule.startswith("evaluate_references_imagenet1k_")}
    assert list(references.values()) == [1]
    assert counts == {"prepare_imagenet1k": 1, "pretrain": 5, "evaluate": 5, "table-9": 1}
    counts = project.jobs("run/bits-clip-2", *SMOKE)
    assert (counts["pretrain"], counts["evaluate"]) == (1, 1)
    counts = project.jobs("run/dino-on-food101", *SMOKE)
    assert (counts["pretrain"], counts["finetune"], counts["evaluate"]) == (1, 1, 1)
    refused = project.snakemake("-n", "extra-readings", *SMOKE)
    assert "extra-readings is made only on request: add extra=readings to --config" in refused.stdout + refused.stderr
    assert project.jobs("extra-readings", "--config", "scale=smoke", "extra=readings")["pretrain"] == 20
    everything = project.jobs(*SMOKE)
    assert (everything["pretrain"], everything["finetune"]) == (25, 16)
    costs = project.call("bits.commands.plan", "scale=smoke", "--json")
    assert json.loads(costs.stdout)["total"]["jobs"] == sum(everything.values())


def test_the_paper_scale_lists_its_jobs_and_names_missing_data(project):
    shown = project.made("-n", "--config", "scale=paper")
    assert project.jobs("--config", "scale=paper")["pretrain"] == 25
    assert "imagenet1k" in shown.stderr
    assert "data=PATH" in shown.stderr
    assert (
        "because birds525, food101, inat2019, plantnet300k, imagenetv2, imagenet100, voc2012, coco2014 are not here: "
        in shown.stderr
    )
    assert "table-14" in shown.stderr
    gone = project.snakemake("-n", "run/dino-on-birds525", "--config", "scale=paper")
    assert gone.returncode != 0  # before its pretraining takes days
    assert "birds525: nothing at data/birds525" in gone.stdout + gone.stderr
    assert "birds525: nothing at" not in project.made("-n", "together", "--config", "scale=paper").stderr
    refused = project.snakemake("--config", "scale=paper")
    assert refused.returncode != 0
    assert "data=PATH" in refused.stdout + refused.stderr
    assert not list((project.folder / "results/paper/runs").glob("*/outcome.json"))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["scale=tiny"], "known: demo, paper, small, smoke"),
        (["scales=demo"], "did you mean 'scale'?"),
        (["scale=smoke", "set=optimizer.lr=1"], "optimizer.learning_rate"),
        (["scale=small", "site=nowhere"], "site=nowhere does not exist"),
        (["scale=smoke", "seeds=a"], "expected numbers with commas"),
        (["scale=smoke", "set=targets.birds525.sitting=1"], "targets.birds525.sitting"),
    ],
)
def test_wrong_words_get_one_clear_line(project, words, expected):
    refused = project.snakemake("-n", "--config", *words)
    assert refused.returncode != 0
    assert expected in refused.stderr
    assert "Traceback" not in refused.stderr


def write_images(folder: Path) -> Path:
    for split, count in (("train", 24), ("val", 8)):
        for label in ("cat", "dog", "owl"):
            place = folder / split / label
            place.mkdir(parents=True)
            for index in range(count):
                shade = (index * 9 % 256, {"cat": 10, "dog": 120, "owl": 240}[label], 50)
                Image.new("RGB", (30 + index % 5, 26), shade).save(place / f"{index}.png")
    return folder


def test_a_folder_of_ones_own_images_at_any_scale(project):
    images = write_images(project.folder / "my images")
    keys = "dataset=images targets=fine-grained schedule.epochs=2 optimizer.warmup_epochs=1"
    keys += " curve.retrieval.queries_per_class=2 evaluation.retrieval.queries_per_class=2 evaluation.knn.ks=[5,20]"
    words = ["run/bits-fixed-on-food101", "--config", "scale=smoke", f"data={images}"]
    (project.folder / "data").mkdir()
    (project.folder / "data/food101").symlink_to(images)
    words.append(f"set={keys}")
    project.made("run/bits-fixed", *words)
    (metrics,) = (project.folder / "results/smoke/metrics").glob("bits-fixed-????????/*.json")
    values = json.loads(metrics.read_text())["values"]
    assert values["knn"]["top1_k20"] > 0.5  # the classes differ in colour
    predicted = json.loads((project.folder / "results/smoke/predicted.json").read_text())
    assert predicted[metrics.parent.name]["seconds"] > 0
    (tuned,) = (project.folder / "results/smoke/metrics").glob("bits-fixed-on-food101-*/food101-*.json")
    assert json.loads(tuned.read_text())["resolved_dataset"] == "food101"
    (images / "train" / "cat" / "0.png").write_bytes(b"broken")
    broken = project.snakemake("run/simdino", *words[1:])
    assert broken.returncode != 0
    assert "0.png" in broken.stdout + broken.stderr
    Image.new("RGB", (30, 30)).save(images / "train" / "cat" / "new.png")
    counts = project.jobs(*words)  # other data, other runs
    assert (counts["pretrain"], counts["finetune"]) == (1, 1)
