"""Predicted hours of evaluations, from the file that the workflow keeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bits.plan import Plan, Request, make_plan
from bits.workflow.limits import hours_of, predicted_hours


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(Request.of_scale("smoke"))


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "results/smoke/predicted.json"
    path.parent.mkdir(parents=True)
    return path


def prediction(seconds: float, **others: Any) -> dict[str, Any]:
    return {"seconds": seconds, "devices": 1, "basis": "b", "device": "d", "date": "2026-01-02", **others}


def test_hours_are_those_of_evaluations_on_such_a_device(plan: Plan, file: Path) -> None:
    known = {
        "dino-1": prediction(7200, gpu=True),
        "dino-1/imagenet1k-2": prediction(3600, gpu=True),
        "chance-1/imagenet1k-3": prediction(1800, gpu=True),
        "dino-1/birds525-4": prediction(1e6),
    }
    file.write_text(json.dumps(known))
    found = predicted_hours(plan, gpu=True)
    assert found == {"dino-1/imagenet1k-2": 1.0, "chance-1/imagenet1k-3": 0.5}
    assert set(predicted_hours(plan, gpu=False)) == {"dino-1/birds525-4"}
    folder = Path("results/smoke/metrics")
    assert hours_of([folder / "dino-1/imagenet1k-2.json"], found) == 1.0
    assert hours_of([folder / "dino-1/imagenet1k-2.json", "x/chance-1/imagenet1k-3.json"], found) == 1.5
    assert hours_of([folder / "dino-1/birds525-4.json"], found) == 0


def test_nothing_is_known_without_a_file_or_of_a_damaged_one(plan: Plan, file: Path) -> None:
    assert predicted_hours(plan, gpu=True) == {}
    file.write_text("{half")
    assert predicted_hours(plan, gpu=True) == {}
