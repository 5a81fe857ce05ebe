"""Runs that are probed side by side: the same numbers as one by one, from images that are decoded once."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from bits.commands import evaluate, prepare, together
from bits.data.scene_set import SceneSet
from bits.errors import BitsError
from bits.plan import Plan, Request, current_plan
from bits.plan.passes import SharedPass, shared_passes
from bits.records.digests import file_digest
from bits.records.seal import write_record
from bits.runs import crops, subject
from bits.runs.build import teacher_student
from bits.runs.unfinished import unfinished_folder
from bits.training.checkpoint import prefixed, write_tensors

METHODS = ("dino", "simdino", "bits-fixed", "bits-reset")
PROBED = (*METHODS, "random-init")
EPOCHS = 3


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """With its scenes, and networks that stand for trained ones."""
    monkeypatch.chdir(tmp_path)
    words = ("evaluation.linear.augment=true", f"evaluation.linear.epochs={EPOCHS}", "evaluation.linear.batch_size=150")
    made = current_plan(Request.of_scale("smoke", (*words, "site.threads=1")))
    call(monkeypatch, prepare, "--plan", "results/smoke/plan.json", "--dataset", "imagenet1k")
    made.write(made.file)
    for number, name in enumerate(METHODS):
        run = made.runs[made.sources[name][0]]
        networks = teacher_student(run.recipe)
        weights = networks.teacher.backbone.state_dict()
        generator = torch.Generator().manual_seed(number)
        moved = {key: one + 0.05 * torch.randn(one.shape, generator=generator) for key, one in weights.items()}
        heads = prefixed("student", networks.student.head.state_dict())
        heads |= prefixed("teacher", networks.teacher.head.state_dict())
        parts = {"teacher": moved, "student": networks.student.backbone.state_dict(), "heads": heads}
        for part, tensors in parts.items():
            write_tensors(run.weights(part), tensors, {"run": run.recipe.digest()})
        write_record(run.provenance, {"weights": {part: file_digest(run.weights(part)) for part in parts}})
    return made


def call(monkeypatch: pytest.MonkeyPatch, module: Any, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", [module.__name__, *words])
    return int(module.main())


def shared(plan: Plan) -> SharedPass:
    (found,) = (one for one in shared_passes(plan).values() if one.role == "imagenet1k")
    return found


def probe_together(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> int:
    words = ("--plan", str(plan.file), "--site", str(plan.site_file), "--shared", shared(plan).name)
    return call(monkeypatch, together, *words)


def evaluated(plan: Plan, monkeypatch: pytest.MonkeyPatch, name: str) -> dict[str, Any]:
    """The record of an ordinary evaluation."""
    (identity,) = plan.sources[name]
    output = plan.metrics[identity]["imagenet1k"]
    run = plan.runs[identity if identity in plan.runs else plan.references[identity].run]
    words = ("--run", str(run.config), "--site", str(plan.site_file), "--job", f"{name}={output}")
    assert call(monkeypatch, evaluate, *words, "--evaluation", str(plan.evaluation_file(output.stem))) == 0
    return dict(json.loads(output.read_text()))


def values_so_far(plan: Plan, name: str) -> dict[str, Any]:
    output = plan.metrics[plan.sources[name][0]]["imagenet1k"]
    return dict(json.loads((unfinished_folder(output) / "values.json").read_text()))


def test_the_numbers_are_those_of_one_by_one_and_images_are_decoded_once(plan, monkeypatch, capsys):
    alone = {name: evaluated(plan, monkeypatch, name) for name in PROBED}
    for name in PROBED:
        plan.metrics[plan.sources[name][0]]["imagenet1k"].unlink()

    passes: list[int] = []
    prefetch = crops.prefetch
    monkeypatch.setattr(crops, "prefetch", lambda *a, **k: passes.append(1) or prefetch(*a, **k))
    assert set(shared(plan).files) == {plan.sources[name][0] for name in PROBED}
    assert probe_together(plan, monkeypatch) == 0
    assert len(passes) == EPOCHS, "one pass an epoch for all of them"
    assert f"bits-reset linear {EPOCHS}/{EPOCHS} epochs" in capsys.readouterr().err

    for name in PROBED:
        with monkeypatch.context() as patched:
            if not name.startswith("bits"):  # whose codes are sent by the student's backbone, too
                patched.setattr(SceneSet, "batch", None)  # evaluations decode nothing more
                patched.setattr(subject, "extract_all", None)
            made = evaluated(plan, patched, name)
        assert made["values"] == alone[name]["values"]
        assert made["provenance"]["probed_beside"] == sorted({*PROBED} - {name})
    assert len(passes) == EPOCHS
    assert len({alone[name]["values"]["linear"]["curve"]["y"][-1] for name in PROBED}) > 1, "they do differ"


def test_what_is_measured_already_is_left_alone(plan, monkeypatch, capsys):
    evaluated(plan, monkeypatch, "dino")
    assert probe_together(plan, monkeypatch) == 0
    assert ": simdino, bits-fixed, bits-reset, random-init, side by side" in capsys.readouterr().out
    assert "linear" in values_so_far(plan, "simdino")["values"]
    assert probe_together(plan, monkeypatch) == 0
    assert "nothing is left to measure" in capsys.readouterr().out


def test_one_that_fails_is_named_and_the_others_are_measured(plan, monkeypatch, capsys):
    measure = subject.SourceOnData.augmented_features

    def failing(self, *arguments):
        if self.source == "simdino":
            raise BitsError("simdino: nothing but zeros")
        return measure(self, *arguments)

    monkeypatch.setattr(subject.SourceOnData, "augmented_features", failing)
    with pytest.raises(BitsError, match="nothing but zeros"):
        probe_together(plan, monkeypatch)
    assert "simdino: BitsError: simdino: nothing but zeros" in capsys.readouterr().err
    for name in PROBED:
        folder = unfinished_folder(plan.metrics[plan.sources[name][0]]["imagenet1k"])
        assert ("linear" in values_so_far(plan, name)["values"]) if name != "simdino" else not folder.exists()


def test_stopped_it_goes_on_from_the_last_epoch_with_the_same_numbers(plan, monkeypatch, capsys):
    whole = {name: evaluated(plan, monkeypatch, name)["values"]["linear"] for name in PROBED}
    for name in PROBED:
        plan.metrics[plan.sources[name][0]]["imagenet1k"].unlink()
    epoch, passes = crops.TrainingCrops.epoch, []

    def stopped_in_the_third(self, number, *rest):
        passes.append(number)
        if passes == [0, 1, 2]:
            os.kill(os.getpid(), signal.SIGTERM)
        return epoch(self, number, *rest)

    monkeypatch.setattr(crops.TrainingCrops, "epoch", stopped_in_the_third)
    assert probe_together(plan, monkeypatch) == 128 + signal.SIGTERM
    assert "stopped by SIGTERM" in capsys.readouterr().err
    assert all("linear" not in values_so_far(plan, name)["values"] for name in PROBED)
    assert probe_together(plan, monkeypatch) == 0
    assert passes == [0, 1, 2, 2]
    assert {name: values_so_far(plan, name)["values"]["linear"] for name in PROBED} == whole


def test_time_that_is_shared_is_counted_once(plan, monkeypatch):
    began = time.monotonic()
    assert probe_together(plan, monkeypatch) == 0
    passed = time.monotonic() - began
    spent = sum(values_so_far(plan, name)["seconds"] for name in PROBED)
    assert 0 < spent <= passed


def test_an_unknown_pass_is_refused_by_name(plan, monkeypatch):
    words = ("--plan", str(plan.file), "--site", str(plan.site_file), "--shared", "imagenet1k-00000000")
    with pytest.raises(BitsError, match=f"imagenet1k-00000000: no pass .* There are .*{shared(plan).name}"):
        call(monkeypatch, together, *words)
