"""Anyone's weights, imported and measured as a run with the same weights would be."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from bits.commands import evaluate, import_weights
from bits.config.compose import Composer
from bits.errors import BitsError
from bits.models.backbone import create_backbone
from bits.models.weights.file import WeightsError
from bits.plan.files import freeze
from bits.plan.imports import frozen_import, read_frozen_import
from bits.records.digests import file_digest
from bits.records.seal import read_record, write_record
from bits.runs import measure
from bits.runs.evaluate import DataSetEvaluation, FrozenEvaluation
from bits.training.checkpoint import CheckpointError, write_tensors

WORDS = ("weights=theirs.pth", "backbone=vit-convstem-nano", "scale=smoke")


@pytest.fixture
def theirs(tmp_path, monkeypatch) -> dict[str, torch.Tensor]:
    """A working directory with a checkpoint; the teacher's weights in it."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(7)
    student, teacher = (create_backbone("vit_convstem_nano", 32, 0.0, {}).state_dict() for _ in range(2))
    both = {name: {f"backbone.{key}": one for key, one in state.items()} for name, state in (("teacher", teacher),)}
    torch.save({**both, "student": {f"module.backbone.{key}": one for key, one in student.items()}}, "theirs.pth")
    return teacher


def called(monkeypatch, module, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", [module.__name__, *words])
    return module.main()


def imported() -> Path:
    (folder,) = Path("results/evaluated/imports").iterdir()
    return folder


def test_weights_are_measured_as_those_of_a_run_would_be(theirs, monkeypatch, scenes, capsys):
    words = (*WORDS, f"site.data.scenes={scenes}")
    assert called(monkeypatch, evaluate, *words) == 0
    said = capsys.readouterr().out
    assert "took 51 of 102 tensors behind 'teacher.backbone.', the teacher's" in said
    assert "left out: student.backbone (51)" in said and "k-NN, k = 20" in said and "mAP" in said
    file = Path(said.strip().splitlines()[-1])
    found = read_record(file, "a metrics file")

    with Composer("smoke", [f"site.data.scenes={scenes}"]) as composer:
        run = composer.compose("bits-fixed")[0]
    write_tensors(Path("run/teacher.safetensors"), theirs, {"run": run.recipe.digest()})
    write_record(Path("run/provenance.json"), {"weights": {"teacher": file_digest(Path("run/teacher.safetensors"))}})
    (frozen,) = Path("results/evaluated/evaluations").iterdir()
    here = DataSetEvaluation(Path("run"), run.recipe, FrozenEvaluation.read(frozen), run.site)
    assert here.run([("bits-fixed", Path("x/metrics/y/z.json"))]) == 0
    assert json.loads(Path("x/metrics/y/z.json").read_text())["values"] == found["values"]

    monkeypatch.setattr(measure, "DataSetEvaluation", lambda *_: pytest.fail("measured again"))
    assert called(monkeypatch, evaluate, *words) == 0
    assert capsys.readouterr().out.strip().endswith(f"{file} (measured before; remove it to measure again)")


def test_a_target_set_is_measured_in_its_own_way(theirs, monkeypatch, capsys):
    assert called(monkeypatch, evaluate, *WORDS, "role=food101") == 0
    file = Path(capsys.readouterr().out.strip().splitlines()[-1])
    record = read_record(file, "a metrics file")
    assert record["dataset"] == "food101" and record["resolved_dataset"] == "scenes-of-food101"
    (frozen,) = Path("results/evaluated/evaluations").iterdir()
    assert FrozenEvaluation.read(frozen).settings.retrieval.protocol == "val-against-train"


def test_what_was_taken_is_recorded_and_what_is_written_is_checked(theirs, monkeypatch, scenes):
    assert called(monkeypatch, evaluate, *WORDS, f"site.data.scenes={scenes}") == 0
    folder = imported()
    record = read_record(folder / "provenance.json", "a record")
    assert record["sha256"] == file_digest(Path("theirs.pth")) and record["id"] == folder.name
    assert record["taken"]["left_out"] == {"student.backbone": 51} and record["taken"]["tensors_taken"] == len(theirs)
    written = load_file(folder / "backbone.safetensors")
    assert written.keys() == theirs.keys() and all(torch.equal(written[name], theirs[name]) for name in theirs)
    (folder / "backbone.safetensors").write_bytes((folder / "backbone.safetensors").read_bytes()[:-4] + b"1234")
    for file in Path("results/evaluated/metrics").rglob("*.json"):
        file.unlink()
    with pytest.raises(CheckpointError, match="damaged"):
        called(monkeypatch, evaluate, *WORDS, f"site.data.scenes={scenes}")


def test_the_workflows_job_takes_the_planned_file_alone(theirs, monkeypatch, capsys):
    with Composer("smoke") as composer:
        shared = composer.compose("bits-fixed")[0]
    line, _, _ = evaluate.weights_words(WORDS)
    recipe = measure.import_recipe(line, shared, file_digest(Path("theirs.pth")), measure.Request().config_dir)
    one = measure.planned_import("theirs", line, recipe, Path("results/smoke"))
    freeze(one.config, frozen_import(one))
    assert read_frozen_import(one.config)[2] == recipe
    assert called(monkeypatch, import_weights, "--import", str(one.config)) == 0
    assert "theirs: took 51 of 102 tensors" in capsys.readouterr().out and one.weights.is_file()
    Path("theirs.pth").write_bytes(b"another")
    with pytest.raises(WeightsError, match="has changed since this was planned"):
        called(monkeypatch, import_weights, "--import", str(one.config))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("weights=theirs.pth",), r"backbone=\.\.\.: not given"),
        ((), r"weights=\.\.\.: not given"),
        ((*WORDS[:1], "backbone=vit-base-61", WORDS[2]), "vit-base-16"),
        ((*WORDS, "weights_of=both"), "weights_of"),
        ((*WORDS, "role=food100"), "role=food100: no data set plays it; did you mean 'food101'"),
        ((*WORDS, "schedule.epoch=3"), "unknown configuration key 'schedule.epoch'"),
        ((*WORDS[:2], "scale=small"), r"site.data.images: no path is given.*data=PATH"),
        (("weights=gone.pth", *WORDS[1:]), "gone.pth: no such file"),
        ((WORDS[0], "backbone=vit_tiny_patch16_224", WORDS[2]), "has 3 blocks, the backbone 12"),
        ((*WORDS, "backbone.options={init_values: 0.1}"), "lacks blocks.0.ls1.gamma"),
    ],
)
def test_words_that_cannot_be_are_refused(words, message, theirs, monkeypatch):
    with pytest.raises(BitsError, match=message):
        called(monkeypatch, evaluate, *words)
