"""The evaluation command on rendered scenes: what it writes, reuses and refuses."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from bits.commands import evaluate, prepare
from bits.data.scene_set import SceneSet
from bits.errors import BitsError
from bits.evaluation.ranking.cosine import retrieval_scores
from bits.plan import Plan, Request, Run, current_plan
from bits.records.digests import file_digest
from bits.records.seal import write_record
from bits.runs import evaluate as measuring
from bits.runs import subject
from bits.runs.build import teacher_student
from bits.training.checkpoint import read_tensors, write_tensors


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    return planned(tmp_path, monkeypatch)


def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *others: str) -> Plan:
    """A plan with its scenes, and an untrained teacher in place of the one of simdino."""
    monkeypatch.chdir(tmp_path)
    words = ("evaluation.linear.augment=true", "evaluation.linear.epochs=2", "evaluation.linear.batch_size=150")
    made = current_plan(Request.of_scale("smoke", (*words, *others)))
    call(monkeypatch, prepare, "--plan", "results/smoke/plan.json", "--dataset", "imagenet1k")
    run = fixed(made)
    publish(run, teacher_student(run.recipe).teacher.backbone.state_dict())
    return made


def fixed(plan: Plan) -> Run:
    """The run simdino."""
    return plan.runs[plan.sources["simdino"][0]]


def publish(run: Run, tensors: dict[str, torch.Tensor]) -> None:
    """Write a teacher as a training would."""
    teacher = run.weights("teacher")
    write_tensors(teacher, tensors, {"run": run.recipe.digest()})
    write_record(run.provenance, {"weights": {"teacher": file_digest(teacher)}})


def call(monkeypatch: pytest.MonkeyPatch, module: Any, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", [module.__name__, *words])
    return int(module.main())


def metrics_file(plan: Plan, name: str, role: str = "imagenet1k") -> Path:
    return plan.metrics[plan.sources[name][0]][role]


def words(plan: Plan, *jobs: str) -> list[str]:
    (name,) = {Path(job.partition("=")[2]).stem for job in jobs}
    return [
        *["--run", str(fixed(plan).config), "--site", str(plan.site_file)],
        *["--evaluation", str(plan.evaluation_file(name))],
        *[part for job in jobs for part in ("--job", job)],
    ]


def test_one_process_evaluates_several_sources(plan, monkeypatch):
    outputs = {name: metrics_file(plan, name) for name in ("simdino", "random-init", "pixels", "chance")}
    assert call(monkeypatch, evaluate, *words(plan, *[f"{name}={path}" for name, path in outputs.items()])) == 0
    found = {name: json.loads(path.read_text()) for name, path in outputs.items()}
    for name, metrics in found.items():
        assert metrics["source"] == name
        assert set(metrics["values"]) == {"knn", "linear", "retrieval", "variance"}
        assert 0 <= metrics["values"]["linear"]["last"] <= metrics["values"]["linear"]["last_tuned"] <= 1
        assert set(metrics["intervals"]) == {"knn", "linear", "retrieval"}
        assert metrics["classes"] == {"all": 20, "one_training_image": 0, "one_test_image": 0}
        assert metrics["intervals"]["knn"]["top1_k20"]["n"] == metrics["provenance"]["images"]["val"]
        assert "last_standardised" not in metrics["values"]["linear"]  # only computed on the target sets
        assert len(metrics["values"]["linear"]["curve"]["y"]) == 2
    # the teacher is the random initialisation here, so both compute the same number
    assert found["simdino"]["values"] == found["random-init"]["values"]
    assert found["chance"]["values"]["knn"]["top1_k20"] < 0.15
    assert found["pixels"]["values"]["variance"]["dimension"] == 3 * 16 * 16


def test_a_run_that_was_evaluated_is_recorded_and_needs_its_checkpoints_no_more(plan, monkeypatch):
    run = fixed(plan)
    run.resume.mkdir()
    write_record(run.outcome, {"outcome": "finished"})
    call(monkeypatch, evaluate, *words(plan, f"pixels={metrics_file(plan, 'pixels')}"))
    assert run.resume.is_dir(), "a reference says nothing of the run whose configuration it shares"
    call(monkeypatch, evaluate, *words(plan, f"simdino={metrics_file(plan, 'simdino')}"))
    assert not run.resume.exists()


def test_a_target_set_is_searched_in_its_training_images_and_probed_on_standardised_features(plan, monkeypatch):
    call(monkeypatch, prepare, "--plan", "results/smoke/plan.json", "--dataset", "birds525")
    output = metrics_file(plan, "simdino", "birds525")
    call(monkeypatch, evaluate, *words(plan, f"simdino={output}"))
    values = json.loads(output.read_text())["values"]
    assert {"last_standardised", "last_tuned", "curve"} <= set(values["linear"])
    (features,) = Path("results/smoke/features").rglob("birds525-val-*.safetensors")
    (gallery,) = Path("results/smoke/features").rglob("birds525-train-*.safetensors")
    found = {path: load_file(path)["features"] for path in (features, gallery)}
    scenes = {split: SceneSet(Path(plan.roots["birds525"]), split) for split in ("train", "val")}
    last = slice(-128, None)  # blocks are concatenated; retrieval uses the last
    aps = retrieval_scores(
        found[features][:, last], found[gallery][:, last], scenes["val"].labels, scenes["train"].labels
    )
    assert values["retrieval"]["map"] == pytest.approx(float(aps.whole.mean()))


def test_what_is_not_shown_is_neither_computed_nor_extracted(plan, monkeypatch):
    """For an ablation of which a table shows only mAP: the same value, computed from test images only."""
    whole, alone = metrics_file(plan, "simdino"), metrics_file(plan, "bits-clip-2")
    call(monkeypatch, evaluate, *words(plan, f"simdino={whole}"))
    extracted: list[str] = []
    extract_all = subject.extract_all
    monkeypatch.setattr(subject, "extract_all", lambda *a, **k: extracted.append(a[1].split) or extract_all(*a, **k))
    call(monkeypatch, evaluate, *words(plan, f"simdino={alone}"))
    found = {path: json.loads(path.read_text())["values"] for path in (whole, alone)}
    assert extracted == ["val"]
    assert found[alone] == {"retrieval": found[whole]["retrieval"]}
    (features,) = alone.parents[2].glob(f"features/{alone.parent.name}/*.safetensors")
    assert load_file(features)["features"].shape[1] == 128  # only the last block


def test_features_are_extracted_once_and_damaged_ones_made_again(plan, monkeypatch):
    job = f"simdino={metrics_file(plan, 'simdino')}"
    extracted: list[int] = []
    extract_all = subject.extract_all
    monkeypatch.setattr(subject, "extract_all", lambda *a, **k: extracted.append(1) or extract_all(*a, **k))
    call(monkeypatch, evaluate, *words(plan, job))
    first = metrics_file(plan, "simdino").read_text()
    assert len(extracted) == 2  # train and val
    call(monkeypatch, evaluate, *words(plan, job))
    assert len(extracted) == 2
    for path in Path("results/smoke/features").rglob("*.safetensors"):
        path.write_bytes(path.read_bytes()[:-64] + bytes(64))
    call(monkeypatch, evaluate, *words(plan, job))
    assert len(extracted) == 4
    again = metrics_file(plan, "simdino").read_text()
    assert json.loads(first)["values"] == json.loads(again)["values"]


def test_a_probe_on_augmented_images_is_the_same_beside_cached_features(tmp_path, monkeypatch):
    """The backbone must be in evaluation mode; otherwise dropout changes the numbers in every pass."""
    plan = planned(tmp_path, monkeypatch, "backbone.options.proj_drop_rate=0.5")
    output = metrics_file(plan, "simdino")
    modes: list[bool] = []
    last_blocks = subject.last_blocks
    monkeypatch.setattr(subject, "last_blocks", lambda *a: modes.append(a[0].training) or last_blocks(*a))
    found = []
    for _ in range(2):
        call(monkeypatch, evaluate, *words(plan, f"simdino={output}"))
        found.append(json.loads(output.read_text())["values"])
    assert modes and not any(modes)
    assert found[0] == found[1]


def test_the_patches_average_is_for_the_probe_alone(tmp_path, monkeypatch):
    found = {}
    for average in ("false", "true"):
        settings = (f"evaluation.linear.average_patches={average}", "evaluation.linear.augment=false")
        plan = planned(tmp_path, monkeypatch, *settings)
        output = metrics_file(plan, "simdino")
        call(monkeypatch, evaluate, *words(plan, f"simdino={output}"))
        found[average] = json.loads(output.read_text())["values"]
    for evaluator in ("knn", "retrieval", "variance"):
        assert found["true"][evaluator] == found["false"][evaluator]
    assert found["true"]["linear"] != found["false"]["linear"]
    widths = {load_file(path)["features"].shape[1] for path in Path("results/smoke/features").rglob("*-val-*")}
    assert widths == {2 * 128, 3 * 128}  # CLS and patches; the CLS of three blocks


def test_foreign_weights_and_words_are_refused(plan, monkeypatch):
    job = f"simdino={metrics_file(plan, 'simdino')}"
    with pytest.raises(BitsError, match="SOURCE=OUTPUT"):
        call(monkeypatch, evaluate, *words(plan, job), "--job", "simdino")
    run = fixed(plan)
    teacher = run.weights("teacher")
    publish(run, {"other": torch.zeros(1)})
    with pytest.raises(BitsError, match="does not fit the model"):
        call(monkeypatch, evaluate, *words(plan, job))
    write_tensors(teacher, {"other": torch.zeros(1)}, {"run": "x"})
    with pytest.raises(BitsError, match="belongs to a run with digest x"):
        call(monkeypatch, evaluate, *words(plan, job))
    write_tensors(teacher, {"other": torch.ones(1)}, {"run": run.recipe.digest()})
    with pytest.raises(BitsError, match="is not the file that the training wrote"):
        call(monkeypatch, evaluate, *words(plan, job))
    teacher.write_bytes(b"not weights")
    with pytest.raises(BitsError, match="damaged"):
        call(monkeypatch, evaluate, *words(plan, job))
    teacher.unlink()
    with pytest.raises(BitsError, match="no such checkpoint"):
        call(monkeypatch, evaluate, *words(plan, job))


def test_a_run_that_diverged_beyond_measure_has_no_values_and_any_other_is_an_error(plan, monkeypatch):
    run = fixed(plan)
    weights = read_tensors(run.weights("teacher")).tensors
    huge = {name: tensor * 1e30 if tensor.is_floating_point() else tensor for name, tensor in weights.items()}
    publish(run, huge)
    output = metrics_file(plan, "simdino")
    for outcome in (None, "finished"):
        if outcome:
            write_record(run.outcome, {"outcome": outcome})
        with pytest.raises(Exception, match="NaN or infinity"):
            call(monkeypatch, evaluate, *words(plan, f"simdino={output}"))
    write_record(run.outcome, {"outcome": "diverged"})
    assert call(monkeypatch, evaluate, *words(plan, f"simdino={output}")) == 0
    assert json.loads(output.read_text())["values"] == {}


def test_features_of_other_code_are_extracted_anew(plan, monkeypatch):
    job = f"simdino={metrics_file(plan, 'simdino')}"
    call(monkeypatch, evaluate, *words(plan, job))
    before = set(Path("results/smoke/features").rglob("*.safetensors"))
    monkeypatch.setattr(subject, "_code_of_features", lambda kind: "other code")
    call(monkeypatch, evaluate, *words(plan, job))
    after = set(Path("results/smoke/features").rglob("*.safetensors"))
    assert len(after) == 2 * len(before)


def test_classes_of_a_single_training_image_count_where_training_images_are_read(plan):
    sets = SimpleNamespace(multilabels=None, labels=torch.tensor([0, 1, 1, 2]), class_names=("a", "b", "c"))
    searched, trained = plan.evaluations[metrics_name(plan, "imagenetv2")], plan.evaluations[metrics_name(plan)]
    alone = {"all": 3, "one_training_image": 0, "one_test_image": 2}
    assert measuring._class_sizes(sets, sets, searched.settings) == alone, "val alone is searched"
    assert measuring._class_sizes(sets, sets, trained.settings) == {**alone, "one_training_image": 2}


def metrics_name(plan: Plan, role: str = "imagenet1k") -> str:
    return metrics_file(plan, "simdino", role).stem
