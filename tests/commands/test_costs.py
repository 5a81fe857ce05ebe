"""bits calibrate and bits plan as commands, at the smallest scale."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch

from bits.commands import calibrate, plan
from bits.costs.assumptions import CostError
from bits.errors import BitsError
from bits.runs import timing


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """call(command, *words) -> what it prints, from an empty folder."""
    monkeypatch.chdir(tmp_path)

    def called(command, *words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["bits", *words])
        assert command.main() == 0
        return capsys.readouterr().out

    return called


def test_calibrate_then_plan_then_freeze(call, monkeypatch):
    monkeypatch.setattr(timing, "startup_seconds", lambda: 2.5)
    said = call(calibrate, "scale=smoke", "--seconds", "0.02")
    assert "random images of 24 x 24 px" in said
    kept = json.loads(Path("results/smoke/calibration.json").read_text())
    assert len(kept["training"]) == 7
    assert set(kept["work"]) == {"probing", "ranking"}
    assert all(one["per_second"] > 0 for part in ("training", "extraction", "work") for one in kept[part].values())
    shown = call(plan, "scale=smoke", "--cores", "3", "--budget", "1m")
    assert "calibration " in shown
    assert "Not in the calibration" not in shown
    assert "does not fit" in shown
    assert "on 3 cores" in shown
    assert "budget 1m in core-hours" in shown
    found = json.loads(call(plan, "scale=smoke", "--json", "--device", "a100", "--gpus", "2"))
    assert found["unit"] == "GPU-hours"
    assert any("site.threads" in note for note in found["notes"])
    assert found["total"]["jobs"] == 158
    assert found["not_costed"]["table-6"].startswith("not yet implemented")
    assert "141 predictions added" in call(plan, "scale=smoke", "--freeze")
    assert "0 predictions added" in call(plan, "scale=smoke", "--freeze")


def test_hopeless_calibrations_and_wrong_words_are_refused(call, monkeypatch):
    with pytest.raises(CostError, match="minutes on 1 CPU core"):
        call(calibrate, "scale=paper", "site.device=cpu", "--seconds", "1")
    with pytest.raises(CostError, match="above 0"):
        call(calibrate, "--seconds", "0")
    with pytest.raises(CostError, match="such as 100h"):
        call(plan, "--budget", "lots")
    with pytest.raises(CostError, match="expected at least 1"):
        call(plan, "scale=paper", "--gpus", "0")
    with pytest.raises(BitsError, match="expected word=value"):
        call(plan, "paper")


def test_the_speed_is_the_median_over_slices_after_a_warm_up(monkeypatch):
    clock, calls = [0.0], []
    monkeypatch.setattr(timing.time, "monotonic", lambda: clock[0])

    def work() -> int:
        calls.append(1)
        clock[0] += 50.0 if len(calls) in (1, 2, 5) else 0.5  # a warm-up, and one burst of somebody else's work
        return 10

    assert timing.per_second(work, 8.0) == 20.0


def test_timing_changes_no_file_and_trains_on_the_real_step(composed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = composed("dino")
    images, what = timing.timing_images(run.recipe.dataset, run.site.data["scenes"], run.site, 32, 20)
    assert "procedural scenes" in what
    assert timing.training_speed(run.recipe, run.site, images, torch.device("cpu"), 0.02) > 0
    assert list(tmp_path.iterdir()) == []
