"""The workflow as a user runs it: real snakemake calls at smoke scale in a folder of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from bits.provenance import ROOT

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("workflow")]
Call = Callable[..., subprocess.CompletedProcess[str]]


def snakemake(folder: Path, *words: str, timeout: float = 900) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "2", *words]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=timeout)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything of scale smoke."""
    folder = tmp_path_factory.mktemp("smoke")
    done = snakemake(folder, "--config", "scale=smoke")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_one_command_makes_every_exhibit_that_is_implemented(built):
    plan = json.loads((built / "results/smoke/plan.json").read_text())
    assert set(plan["needs"]) >= {"table-1", "table-2", "figure-1", "figure-4"}
    for exhibit, suffixes in plan["formats"].items():
        for suffix in suffixes:
            assert (built / f"reports/smoke/exhibits/{exhibit}.{suffix}").stat().st_size > 100
    page = (built / "reports/smoke/index.html").read_text()
    assert "SMOKE SCALE" in page
    assert "50.64" in page  # published beside measured
    for exhibit in plan["pending"]:
        word, _, number = exhibit.partition("-")
        assert (f"In text, Section {number}" if word == "text" else f"{word.capitalize()} {number}") in page
    assert "not yet implemented" in page
    assert "SMOKE SCALE" in (built / "reports/index.html").read_text()


def test_every_run_leaves_what_a_reviewer_asks_for(built):
    plan = json.loads((built / "results/smoke/plan.json").read_text())
    for name in ("dino", "simdino", "bits-fixed", "bits-reset"):
        run = plan["runs"][name]
        assert json.loads((built / run["outcome"]).read_text())["outcome"] == "finished"
        provenance = json.loads((built / run["provenance"]).read_text())
        assert provenance["seed"] == 0
        assert provenance["versions"]["torch"]
        assert provenance["hardware"]["cores"] >= 1
        assert provenance["started"] <= provenance["finished"]
        assert len(provenance["weights"]["teacher"]) == 64
        metrics = json.loads((built / plan["metrics"][name]["imagenet1k"]).read_text())
        assert metrics["made_from"]["weights"] == provenance["weights"]["teacher"]
        curve = json.loads((built / run["curve"]).read_text())["values"]["training"]["map"]
        assert curve["x"] == [0, 10, 20]
        assert all(0 < value < 1 for value in curve["y"])


def test_a_second_call_has_nothing_to_do(built):
    again = snakemake(built, "-n", "--config", "scale=smoke")
    assert again.returncode == 0, again.stderr
    assert "Nothing to be done" in again.stdout + again.stderr


def jobs(shown: subprocess.CompletedProcess[str]) -> dict[str, int]:
    """The job counts that a dry run prints."""
    text = shown.stdout + shown.stderr
    assert shown.returncode == 0, text
    rows = text.split("Job stats:")[1].splitlines()[3:] if "Job stats:" in text else []
    counts: dict[str, int] = {}
    for row in rows:
        words = row.split()
        if len(words) != 2 or not words[1].isdigit():
            break
        counts[words[0]] = int(words[1])
    return counts


def test_a_changed_value_makes_other_runs_and_the_old_ones_stay(built):
    counts = jobs(snakemake(built, "-n", "--config", "scale=smoke", "set=objective.rate_eps=0.1"))
    assert counts["pretrain"] == 4
    assert "prepare_imagenet1k" not in counts
    assert jobs(snakemake(built, "-n", "--config", "scale=smoke")) == {}


def test_a_touched_input_reruns_nothing(built):
    plan = json.loads((built / "results/smoke/plan.json").read_text())
    (built / plan["runs"]["dino"]["config"]).touch()
    (built / plan["roots"]["scenes"]).touch()
    assert jobs(snakemake(built, "-n", "--config", "scale=smoke")) == {}


def test_lost_numbers_are_measured_again_without_training(built):
    plan = json.loads((built / "results/smoke/plan.json").read_text())
    lost = [built / plan["metrics"]["dino"]["imagenet1k"], built / "reports/smoke/exhibits/table-2.html"]
    kept = [path.with_name(f"{path.name}.kept") for path in lost]
    for path, aside in zip(lost, kept, strict=True):
        path.rename(aside)
    try:
        counts = jobs(snakemake(built, "-n", "--config", "scale=smoke"))
    finally:
        for path, aside in zip(lost, kept, strict=True):
            aside.rename(path)
    assert counts["evaluate"] == 1
    assert counts["table-2"] == 1
    assert "pretrain" not in counts


def test_targets_by_name(built):
    counts = jobs(snakemake(built, "-n", "-F", "table-2", "--config", "scale=smoke"))
    assert counts["table-2"] == 1
    assert counts["pretrain"] == 4
    assert "table-1" not in counts
    assert "report" not in counts
    counts = jobs(snakemake(built, "-n", "run/bits-clip-2", "--config", "scale=smoke"))
    assert (counts["pretrain"], counts["evaluate"]) == (1, 1)


def test_the_paper_scale_lists_its_jobs_and_names_missing_data(tmp_path):
    shown = snakemake(tmp_path, "-n", "--config", "scale=paper")
    assert jobs(shown)["pretrain"] == 4
    assert "imagenet1k" in shown.stderr
    assert "data=PATH" in shown.stderr
    refused = snakemake(tmp_path, "--config", "scale=paper")
    assert refused.returncode != 0
    assert "data=PATH" in refused.stdout + refused.stderr
    assert not list((tmp_path / "results/paper/runs").glob("*/outcome.json"))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["scale=tiny"], "there are demo, paper, small, smoke"),
        (["scales=demo"], "there are scale, data, site, set"),
        (["scale=smoke", "set=optimizer.lr=1"], "optimizer.learning_rate"),
        (["scale=small", "site=nowhere"], "site=nowhere does not exist"),
    ],
)
def test_wrong_words_get_one_clear_line(tmp_path, words, expected):
    refused = snakemake(tmp_path, "-n", "--config", *words)
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


def test_a_folder_of_ones_own_images_at_any_scale(tmp_path):
    images = write_images(tmp_path / "my images")
    keys = "dataset=images schedule.epochs=2 optimizer.warmup_epochs=1 curve.queries_per_class=2"
    keys += " evaluation.retrieval.queries_per_class=2 evaluation.knn.ks=[5,20]"
    words = ["run/bits-fixed", "--config", "scale=smoke", f"data={images}", f"set={keys}"]
    done = snakemake(tmp_path, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    (metrics,) = (tmp_path / "results/smoke/metrics").glob("bits-fixed-*/*.json")
    values = json.loads(metrics.read_text())["values"]
    assert values["knn"]["top1_k20"] > 0.5  # the classes differ in colour
    (images / "train" / "cat" / "0.png").write_bytes(b"broken")
    broken = snakemake(tmp_path, "run/simdino", *words[1:])
    assert broken.returncode != 0
    assert "0.png" in broken.stdout + broken.stderr
    Image.new("RGB", (30, 30)).save(images / "train" / "cat" / "new.png")
    assert jobs(snakemake(tmp_path, "-n", *words))["pretrain"] == 1  # other data, another run
