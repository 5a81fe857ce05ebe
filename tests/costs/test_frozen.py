"""Predictions are kept before the spending and never change."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from bits.costs.assumptions import CostError
from bits.costs.frozen import freeze_predictions, predictions, unpredicted
from bits.workflow.build_plan import keep_predictions


@pytest.fixture
def plan(prices):
    return prices("cpu-core", "smoke").plan


def freeze(prices) -> int:
    return freeze_predictions(prices("cpu-core", "smoke"))


def test_everything_to_be_done_is_predicted_once(prices, plan):
    path = Path("results/smoke/predicted.json")
    # 41 trainings, 57 evaluations, three references on each of five data sets: those that exhibits need.
    assert freeze(prices) == 141
    first = path.read_text()
    kept = json.loads(first)
    run = plan.sources["dino"][0]
    assert kept[run]["seconds"] > 0
    assert "FLOP model" in kept[run]["basis"]
    assert f"{run}/{plan.metrics[run]['imagenet1k'].stem}" in kept
    assert unpredicted(plan) == set()
    assert freeze(prices) == 0
    assert path.read_text() == first


def test_a_missing_prediction_is_added_and_the_others_stay(prices, plan):
    freeze(prices)
    path = Path("results/smoke/predicted.json")
    kept = json.loads(path.read_text())
    run = plan.sources["dino"][0]
    others = {key: {**value, "seconds": 1e6} for key, value in kept.items() if key != run}
    path.write_text(json.dumps(others))
    assert unpredicted(plan) == {f"train/{run}"}
    assert freeze(prices) == 1
    found = json.loads(path.read_text())
    assert found == {**others, run: found[run]}
    assert predictions(path)[run].seconds == found[run]["seconds"] > 0


def test_what_is_done_is_not_predicted_afterwards(prices, plan):
    run = plan.sources["dino"][0]
    outcome = plan.runs[run].outcome
    outcome.parent.mkdir(parents=True)
    outcome.write_text("{}")
    freeze(prices)
    assert run not in predictions(Path("results/smoke/predicted.json"))


def test_a_damaged_file_is_told_and_not_overwritten(plan, capsys):
    path = Path("results/smoke/predicted.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    for damaged in ('{"dino": {"seconds": "many"}}', "{half"):
        path.write_text(damaged)
        with pytest.raises(CostError, match="Move it away"):
            unpredicted(plan)
    keep_predictions(plan)
    assert "warning: no predictions" in capsys.readouterr().err
    assert path.read_text() == "{half"


def test_the_workflow_starts_no_process_when_all_is_predicted(prices, plan, monkeypatch, capsys):
    called = []

    def run(command, **_):
        called.append(command)
        raise subprocess.CalledProcessError(2, command, stderr="CostError: no <such> device")

    monkeypatch.setattr("bits.workflow.build_plan.subprocess.run", run)
    keep_predictions(plan)
    assert len(called) == 1
    assert {"--freeze", "--plan", str(plan.file)} <= set(called[0])
    assert "CostError: no <such> device" in capsys.readouterr().err
    freeze(prices)
    keep_predictions(plan)
    assert len(called) == 1
