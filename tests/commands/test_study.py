"""bits study, and the words that every command takes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bits.errors import BitsError
from bits.records.code import ROOT
from bits.workflow.options import as_options, hydra_words, request, requested


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("bits", "config"):
        shutil.copytree(
            ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "study", "local.yaml")
        )
    return tmp_path


def bits(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bits", *words], cwd=project, capture_output=True, text=True, timeout=120
    )


def test_a_study_is_made_once_and_named_everywhere_after_that(project):
    made = bits(project, "study", "new", "birds", "--from", "smoke", "seeds=0,1", "schedule.epochs=10")
    assert made.returncode == 0, made.stderr
    assert "Next: bits plan study=birds" in made.stdout
    assert bits(project, "study", "list").stdout == "birds: scale=smoke seeds=0,1 set=schedule.epochs=10\n"
    planned = bits(project, "plan", "study=birds", "--list")
    assert planned.returncode == 0, planned.stderr
    assert "results/birds/runs/dino-" in planned.stdout
    assert planned.stdout.count("pretraining dino seed") == 2
    assert not (project / "results/smoke").exists()
    again = bits(project, "plan", "study=birds", "schedule.epochs=20")
    assert again.returncode == 2
    assert "study=birds set=...: a study says its scale, data, seeds and keys itself" in again.stderr


def test_a_study_of_what_cannot_be_is_refused_and_not_written(project):
    refused = bits(project, "study", "new", "birds", "--from", "smoke", "schedule.epoch=10")
    assert refused.returncode == 2
    assert "did you mean 'schedule.epochs" in refused.stderr
    assert not (project / "config/study").exists()
    assert bits(project, "study", "show").stderr.startswith("StudyError: bits study show: say which")


def test_words_and_keys_mean_the_same_wherever_they_stand():
    words = ["scale=small", "schedule.epochs=10", "seeds=0,1", "set=seed=3 crops.n_local=1", "data=/my images.zip"]
    wanted = requested(words)
    assert (wanted.study, wanted.scale) == ("small", "small")
    assert wanted.overrides == (
        *("seeds=[0,1]", "site.data.images='/my images.zip'"),
        *("schedule.epochs=10", "seed=3", "crops.n_local=1"),
    )
    snakemake = {"scale": "small", "seeds": "0,1", "set": "schedule.epochs=10 seed=3 crops.n_local=1"}
    assert request({**snakemake, "data": "/my images.zip"}) == wanted
    assert requested(["study=smoke"]) == requested(["scale=smoke"]), "a scale is the study of its name"


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["scale=small"], {"images"}),
        (["scale=paper"], {"images", "imagenet1k"}),
        (["scale=small", "dataset=food101"], {"images", "food101"}),
        (["scale=smoke", "set=dataset=images"], {"images"}),
    ],
)
def test_data_says_where_the_pretraining_images_lie_and_target_sets_keep_their_places(words, names):
    places = {word for word in requested([*words, "data=/x"]).overrides if word.startswith("site.data.")}
    assert places == {f"site.data.{name}='/x'" for name in names}


def test_data_where_the_images_are_rendered_are_refused():
    with pytest.raises(BitsError, match=r"data=/x: scale demo renders the images .* Say scale=small"):
        requested(["data=/x"])


def test_hydra_gets_the_same_request():
    study, words = hydra_words(["run=dino", "scale=small", "data=/x", "seed=1,2"])
    assert study == "small"
    assert words[0] == "scale=small"
    assert {"site.data.images='/x'", "run=dino", "seed=1,2"} <= set(words)
    assert hydra_words(["run=dino", "scale=smoke"]) == (None, ["run=dino", "scale=smoke"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["scael=demo"], None),  # a key of the configuration, refused when it is composed
        (["scale=dmeo"], r"scale=dmeo: no such scale \(a study is study=NAME\); did you mean 'demo'"),
        (["seeds=a"], "seeds=a: expected numbers"),
        (["table-9"], "'table-9': expected word=value"),
        (["set=scale=demo"], "scale is a word of its own"),
        (["method=dino"], "every run of config/runs.yaml has its own method"),
        (["study=brids"], "study=brids: no such study"),
    ],
)
def test_words_that_cannot_be_are_refused_by_name(words, said):
    if said is None:
        assert as_options(words) == {"set": words}
        return
    with pytest.raises(BitsError, match=said):
        requested(words)


def test_a_clusters_profile_gives_way_to_a_study():
    assert request({"scale": "paper", "cluster": "slurm"}).scale == "paper"
    assert request({"scale": "paper", "cluster": "slurm", "study": "smoke"}).scale == "smoke"
    with pytest.raises(BitsError, match="cluster=pbs: there is slurm"):
        request({"cluster": "pbs"})


def test_every_command_lists_the_words():
    for command in ("plan", "doctor", "calibrate", "archive", "explain", "share", "study"):
        shown = bits(ROOT, command, "--help").stdout
        assert all(f"{word}=" in shown for word in ("study", "scale", "data", "seeds", "extra", "site", "set")), command
