"""Images come from files no faster than CPU cores decode them; probes made side by side decode them once."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from bits.costs.calibration import Calibration, MeasuredRates
from bits.costs.graph import EVALUATIONS, Graph
from bits.costs.text import costs_text
from bits.costs.together import saved_together
from bits.plan.passes import shared_passes

IMAGES, VAL, EPOCHS = 1281167, 50000, 100
CORE = 22e6 / (500 * 375)  # photographs a second


def hours_of(prices, name):
    (identity,) = prices.plan.sources[name]
    path = prices.plan.metrics[identity]["imagenet1k"]
    graph = Graph(prices.plan)
    return prices.job(graph.works[graph.makers[path]]).device_hours


def test_threads_set_the_pace(prices):
    made = prices("h100", "paper")
    assert made.decoding("imagenet1k", 8) == pytest.approx(7 * CORE), "one core is the process's own"
    assert made.decoding("imagenet1k", 64) == pytest.approx(16 * CORE), "more threads wait for one another"
    assert prices("h100", "paper", workers=5).decoding("imagenet1k", 8) == pytest.approx(5 * CORE)
    assert prices("h100", "paper", workers=0).decoding("imagenet1k", 8) == pytest.approx(CORE)


def test_nothing_is_decoded_of_scenes_or_of_what_fits_in_memory(prices):
    made = prices("h100", "demo")
    assert made.decoding("imagenet1k", 8) == math.inf
    assert prices("h100", "paper", cache_gib=1000).decoding("imagenet1k", 8) == math.inf


def test_a_probe_on_augmented_images_waits_for_them_and_a_training_does_not(prices):
    many, few = prices("h100", "paper", workers=50), prices("h100", "paper")
    longer = EPOCHS * IMAGES / CORE * (1 / 7 - 1 / 50) / 3600
    assert hours_of(few, "bits-fixed") - hours_of(many, "bits-fixed") == pytest.approx(longer, rel=0.02)
    assert hours_of(few, "bits-fixed") == pytest.approx(EPOCHS * IMAGES / (7 * CORE) / 3600, rel=0.05)
    trained = [
        price.job(Graph(price.plan).works[f"train/{price.plan.sources['bits-fixed'][0]}"]).parts
        for price in (many, few)
    ]
    (fast,), (slow,) = (parts.values() for parts in trained)
    assert fast < slow < 1.05 * fast, "the curve's features alone wait for their images"


def test_a_cpu_decodes_and_computes_one_after_the_other(prices):
    made = prices("cpu-core", "paper", threads=1)
    assert made.passing(1000, 50.0, 100.0) == pytest.approx(30.0)
    assert prices("h100", "paper").passing(1000, 50.0, 100.0) == pytest.approx(20.0)


@pytest.mark.parametrize(("decodes", "expected"), [(True, math.inf), (False, 7 * CORE)])
def test_measured_speeds_include_decoding_unless_they_were_measured_on_noise(prices, decodes, expected):
    made = prices("h100", "paper")
    measured = Calibration(
        **dict.fromkeys(("scale", "device", "date", "images"), ""),
        **{key: {} for key in ("versions", "hardware", "training", "extraction", "work")},
        cpu=False,
        threads=8,
        startup_seconds=4.0,
        decodes=decodes,
    )
    calibrated = replace(made, rates=MeasuredRates(measured, made.rates))
    assert calibrated.decoding("imagenet1k", 8) == pytest.approx(expected)


def test_side_by_side_images_are_decoded_once(prices):
    """All five sources of ImageNet, none of which is measured yet."""
    made = prices("h100", "paper")
    (shared,) = (one for one in shared_passes(made.plan).values() if one.role == "imagenet1k")
    assert len(shared.files) == 5
    once = EPOCHS * IMAGES / (7 * CORE)
    assert saved_together(made, set(shared.files.values())) == pytest.approx(4 * once, rel=1e-6)
    two = list(shared.files.values())[:2]
    assert saved_together(made, two) == pytest.approx(once, rel=1e-6)
    assert saved_together(made, two[:1]) == 0
    two[0].parent.mkdir(parents=True)
    two[0].write_text("{}")
    assert saved_together(made, two) == 0, "one of them is measured already"


def test_where_the_device_sets_the_pace_nothing_is_saved(prices):
    made = prices("h100", "paper", cache_gib=1000)
    files = {path for one in shared_passes(made.plan).values() for path in one.files.values()}
    assert saved_together(made, files) == pytest.approx(0, abs=1e-3)


def test_measuring_the_paper_takes_less_than_60_gpu_hours_side_by_side_and_plan_says_so(summary):
    costs = summary(8, "h100", "paper").costs()
    alone = sum(hours for kind, (_, hours) in costs.by_kind.items() if kind in EVALUATIONS)
    assert alone - costs.saved_together < 60 < 200 < alone
    (line,) = (line for line in costs_text(costs, "GPU").splitlines() if "snakemake together" in line)
    assert f"takes {alone - costs.saved_together:.1f} GPU-hours instead of {alone:.0f}" in line
    assert "together" not in costs_text(summary(2, "cpu-core", "smoke").costs(), "core")
