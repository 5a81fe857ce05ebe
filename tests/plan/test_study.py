"""Studies: named set-ups that say the same to every command."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bits.config.declared import CONFIG_DIR
from bits.errors import BitsError
from bits.plan import Request
from bits.plan.study import Study, StudyError, read_study, study_names, write_study

BIRDS = Study(scale="small", data="/data/my birds.zip", seeds=(0, 1), set=("schedule.epochs=50", "crops.n_local=4"))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A copy of config/ without anybody's studies."""
    folder = tmp_path / "config"
    shutil.copytree(CONFIG_DIR, folder, ignore=shutil.ignore_patterns("study", "local.yaml"))
    return folder


def test_a_study_is_read_as_it_was_written(config):
    path = write_study("my-birds", BIRDS, config)
    assert path == config / "study/my-birds.yaml"
    assert read_study("my-birds", config) == BIRDS
    assert study_names(config) == ["my-birds"]
    assert str(BIRDS) == 'scale=small data="/data/my birds.zip" seeds=0,1 set="schedule.epochs=50 crops.n_local=4"'


def test_a_scale_is_the_study_of_its_name(config):
    assert read_study("demo", config) == Study(scale="demo")
    assert Request.of_scale("demo").study == "demo"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("paper", "a scale has that name"),
        ("My Birds", "expected a name of small letters"),
        ("../birds", "expected a name of small letters"),
        ("birds", "there is a study 'birds' already"),
    ],
)
def test_names_that_cannot_be(config, name, said):
    write_study("birds", BIRDS, config)
    with pytest.raises(StudyError, match=said):
        write_study(name, BIRDS, config)
    assert study_names(config) == ["birds"]


def test_an_unknown_study_and_an_unknown_key_are_named_with_near_matches(config):
    path = write_study("birds", BIRDS, config)
    with pytest.raises(
        StudyError, match=r"study=brids: no such study \(bits study new brids .* makes one\); did you mean 'birds'"
    ):
        read_study("brids", config)
    path.write_text("scale: small\nseed: [0]\n")
    with pytest.raises(BitsError, match=r"birds\.yaml: birds\.seed: unknown key; did you mean 'seeds'"):
        read_study("birds", config)


def test_making_or_editing_a_study_makes_no_other_plan_stale(config):
    before = Request.of_scale("smoke", (), config).key()
    write_study("birds", BIRDS, config)
    assert Request.of_scale("smoke", (), config).key() == before
    assert Request("birds", "smoke", (), config).key() != before
