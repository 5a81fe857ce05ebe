"""Measured speeds: taken where they fit, the FLOP model's where they are missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bits.config.recipe import Recipe
from bits.costs.assumptions import CostError
from bits.costs.calibration import Calibration, Measured, MeasuredRates, read_calibration, training_key
from bits.costs.choose import rates_for
from bits.costs.rates import FlopRates
from bits.records.provenance import hardware, versions

CPU_NAME = hardware()["cpu"]


def calibration(**changes: object) -> Calibration:
    facts: dict[str, object] = {
        "scale": "smoke",
        "device": CPU_NAME,
        "cpu": True,
        "threads": 1,
        "versions": versions(),
        "hardware": hardware(),
        "date": "2026-01-02T03:04:05+00:00",
        "images": "noise",
        "startup_seconds": 4.0,
        "training": {},
        "extraction": {},
        "work": {"probing": {"what": "p", "per_second": 6e9}, "ranking": {"what": "r", "per_second": 2e9}},
    }
    return Calibration.model_validate({**facts, **changes})


def recipe_of(plan, name) -> Recipe:
    return plan.runs[plan.sources[name][0]].recipe


def test_runs_that_step_alike_are_timed_once(plans):
    plan = plans("smoke")
    site = plan.site
    keys = {name: training_key(recipe_of(plan, name), site) for name in plan.sources if name in PRETRAININGS}
    assert keys["bits-fixed"] == keys["bits-reset"] == keys["bits-clip-2"] == keys["bits-fixed-on-food101"]
    assert len(set(keys.values())) == 6
    split = training_key(recipe_of(plan, "dino"), site.model_copy(update={"micro_batch": 4}))
    assert split != keys["dino"]


def test_the_flop_model_takes_auto_for_the_whole_batch(plans, assumptions, counts):
    plan = plans("smoke")
    assert plan.site.micro_batch == "auto"
    speeds = {
        micro: FlopRates("cpu-core", assumptions, counts, plan.site.model_copy(update={"micro_batch": micro})).training(
            recipe_of(plan, "bits-fixed")
        )
        for micro in ("auto", 0, 4)
    }
    assert speeds["auto"] == speeds[0] > speeds[4]


PRETRAININGS = (
    "dino", "simdino", "bits-fixed", "bits-reset", "bits-clip-2", "bits-512", "bits-soft-1", "bits-soft-0.1",
    "bits-cosine", "bits-fixed-on-food101", "simdino-reset",
)  # fmt: skip


def test_measured_where_it_was_measured_and_modelled_where_not(plans, assumptions, counts):
    plan = plans("smoke")
    site = plan.site
    known, unknown = recipe_of(plan, "bits-fixed"), recipe_of(plan, "dino")
    measured = {training_key(known, site): Measured(what="bits", per_second=123.0)}
    model = FlopRates("cpu-core", assumptions, counts, site)
    rates = MeasuredRates(calibration(training=measured), model)
    assert rates.training(known) == 123.0
    assert not rates.guessed
    assert rates.training(unknown) == model.training(unknown)
    assert rates.guessed == {"training dino"}
    assert (rates.work("probing"), rates.work("ranking")) == (6e9, 2e9)
    assert rates.guessed == {"training dino"}
    assert rates.work("counting") == model.work("counting") == model.work("ranking") > 0
    assert rates.guessed == {"training dino", "counting"}
    assert "2026-01-02" in rates.basis


def test_a_calibration_of_something_else_is_not_used(tmp_path, plans, assumptions, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan, path = plans("smoke"), tmp_path / "results/smoke/calibration.json"
    path.parent.mkdir(parents=True)

    def chosen(changes, **arguments):
        path.write_text(json.dumps(calibration(**changes).model_dump(mode="json")))
        return rates_for(plan, assumptions, **arguments)

    rates, why = chosen({})
    assert isinstance(rates, MeasuredRates)
    assert str(path.relative_to(tmp_path)) in why
    for changes, word in (
        ({"device": "Another CPU"}, "Another CPU"),
        ({"versions": {**versions(), "torch": "1.0"}}, "torch 1.0, now"),
    ):
        rates, why = chosen(changes)
        assert isinstance(rates, FlopRates)
        assert word in why
        rates, why = chosen(changes, calibration=path)
        assert isinstance(rates, MeasuredRates), "asked for by name"
        assert "although" in why
    rates, _ = chosen({}, device="A100")
    assert rates.device == "NVIDIA A100"
    with pytest.raises(CostError, match="give one of them"):
        chosen({}, device="A100", calibration=path)
    path.write_text('{"scale": 3}')
    with pytest.raises(CostError, match="not a calibration"):
        rates_for(plan, assumptions)
    with pytest.raises(CostError, match="no such calibration"):
        read_calibration(Path("nowhere.json"))


def test_the_device_is_that_of_the_site_or_of_this_machine(tmp_path, plans, assumptions, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bits.costs.choose.gpu_name", lambda: None)
    assert rates_for(plans("smoke"), assumptions)[0].cpu
    assert rates_for(plans("smoke", device="auto"), assumptions)[0].cpu
    rates, why = rates_for(plans("paper"), assumptions)
    assert rates.device == "NVIDIA H100 SXM"
    assert "assumed" in why
    monkeypatch.setattr("bits.costs.choose.gpu_name", lambda: "NVIDIA H200")
    assert rates_for(plans("paper"), assumptions)[0].device == "NVIDIA H200"
    assert rates_for(plans("smoke"), assumptions)[0].cpu, "the site says cpu"
