"""Metrics come from the evaluators that compute them, and from config/measures.yaml where there is no evaluator."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bits.evaluation.declaration import evaluators
from bits.exhibits import DeclarationError
from bits.exhibits.measures import load_measures
from bits.exhibits.metrics import Metric, metric_called
from bits.records.code import ROOT

MEASURES = ROOT / "config/measures.yaml"
PATTERNS = {
    "map": Metric(label="mAP", unit="%", direction="higher"),
    "map_at_{cutoff}": Metric(label="mAP@{cutoff}", unit="%", direction="higher"),
    "map_at_{cutoff}_standard": Metric(label="mAP@{cutoff}, standard", unit="%", direction="higher"),
    "last_lr_{rate}": Metric(label="rate {rate}", unit="%", direction="higher"),
}


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("map", "mAP"),
        ("map_at_50", "mAP@50"),
        ("map_at_50_standard", "mAP@50, standard"),
        ("last_lr_0.01", "rate 0.01"),
        ("last_lr_1e-05", "rate 1e-05"),
        ("maps", None),
        ("map_at_", None),
        ("map_at_5O", None),
        ("map_at_50_standerd", None),
        ("map_at_{cutoff}", None),
    ],
)
def test_a_pattern_stands_for_numbers(name: str, label: str | None) -> None:
    found = metric_called(name, PATTERNS)
    assert (found and found.label) == label


def test_a_measure_is_what_its_evaluator_declares() -> None:
    measures = load_measures(MEASURES)
    knn = measures["imagenet1k.knn.top1_k20"]
    assert (knn.label, knn.unit, knn.direction, knn.shape, knn.decimals) == ("k-NN, k = 20", "%", "higher", "number", 2)
    assert measures["birds525.linear.curve"].shape == "series"
    curve = measures["imagenet1k.training.map"]
    assert (curve.label, curve.shape, curve.record) == ("mAP during training", "series", "training")
    assert {measure.evaluator for measure in measures.values()} >= set(evaluators())


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    path = tmp_path / "measures.yaml"
    path.write_text(MEASURES.read_text())
    return path


@pytest.mark.parametrize(
    ("wrong", "guess"),
    [
        ("retrieval.mop", "'retrieval.map'"),
        ("knn.top1_k2O", "'knn.top1_k{k}'"),
        ("variance.deff", "'variance.d_eff'"),
        ("training.mop", "'training.map'"),
        ("retreival.map", "'retrieval.map'"),
    ],
)
def test_an_unknown_metric_is_refused_with_its_neighbours(copy: Path, wrong: str, guess: str) -> None:
    copy.write_text(copy.read_text().replace("imagenetv2: [retrieval.map,", f"imagenetv2: [{wrong},"))
    message = rf"measures.imagenetv2: no metric '{re.escape(wrong)}'; did you mean .*{re.escape(guess)}"
    with pytest.raises(DeclarationError, match=message):
        load_measures(copy)


@pytest.mark.parametrize("name", ["retrieval.map", "knn.top1_k7", "variance.other"])
def test_a_metric_of_an_evaluator_is_declared_by_it_alone(copy: Path, name: str) -> None:
    line = f"metrics:\n  {name}: {{label: x, unit: count, direction: higher}}\n"
    copy.write_text(copy.read_text().replace("metrics:\n", line))
    with pytest.raises(
        DeclarationError, match=rf"metrics.{re.escape(name)}: the evaluator declares its metrics itself"
    ):
        load_measures(copy)
