"""What is written for `dvc metrics` and `dvc plots`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from bits.records.code import ROOT
from bits.reporting.numbers import dvc_files, numbers_by_source
from bits.reporting.site import read_records
from tests.reporting.conftest import COMPUTED


def files(fake: Any) -> dict[str, str]:
    """What is written once every exhibit was rendered."""
    fake.render_report()
    declared, results = fake.declared(), fake.results()
    return dvc_files(declared, results, read_records(declared, results, fake.root / "reports/demo/exhibits"))


def test_a_run_has_its_measures_by_name_in_their_units(fake: Any) -> None:
    made = json.loads(files(fake)["metrics/bits-reset.json"])
    assert made["imagenet1k.retrieval.map"] == pytest.approx(20.125)
    assert made["imagenet1k.variance.d_eff"] == pytest.approx(17.85)
    assert [made.pop(fact) for fact in ("scale", "stamp", "seeds")] == ["demo", fake.stamp, 1]
    assert list(made) == sorted(made)
    assert not any("curve" in name or "cumulative" in name or ".training." in name for name in made)


def test_what_did_not_run_has_no_numbers(fake: Any) -> None:
    assert json.loads(files(fake)["metrics/bits-512.json"]) == {"scale": "demo", "stamp": fake.stamp, "seeds": 1}


def test_what_broke_down_or_lacks_a_seed_is_no_number(thrice: Any) -> None:
    thrice.fail("bits-reset", "disk full", seed=2)
    thrice.end("simdino", "collapsed", seed=1)
    for seed in range(3):
        thrice.end("bits-fixed", "diverged", seed=seed)
    thrice.metrics_path("dino", seed=1).unlink()
    found = numbers_by_source(thrice.declared(), thrice.results(), COMPUTED)
    assert [found[name]["imagenet1k.retrieval.map"] for name in ("bits-reset", "simdino", "bits-fixed", "dino")] == [
        "20.33 ± 0.28 (2 of 3, 1 failed)",
        "16.67 ± 0.28 (2 of 3, 1 collapse)",
        "diverges",
        "14.12 ± 0.28 (2 of 3, 1 not measured)",
    ]


def test_a_single_run_that_collapsed_is_no_number(fake: Any) -> None:
    fake.end("dino", "collapsed")
    assert json.loads(files(fake)["metrics/dino.json"])["imagenet1k.retrieval.map"] == "collapse"


def test_seeds_are_averaged(thrice: Any) -> None:
    found = numbers_by_source(thrice.declared(), thrice.results(), COMPUTED)
    assert found["dino"]["imagenet1k.retrieval.map"] == pytest.approx(14.32)


def test_every_file_and_figure_is_declared(fake: Any) -> None:
    made = files(fake)
    declared = yaml.safe_load(made["dvc.yaml"])
    assert declared["metrics"] == [name for name in made if name != "dvc.yaml"]
    assert set(declared["metrics"]) == {f"metrics/{source}.json" for source in fake.plan.sources}
    plots = [path for plot in declared["plots"] for path in plot]
    assert "exhibits/figure-4.csv" in plots
    assert all(path.startswith("exhibits/figure-") for path in plots)


def test_the_template_of_the_plots_is_there() -> None:
    template = json.loads(Path(ROOT, ".dvc/plots/series.json").read_text())
    text = json.dumps(template)
    assert all(f"<DVC_METRIC_{word}>" in text for word in ("DATA", "X", "Y", "TITLE"))
    assert template["spec"]["encoding"]["color"]["field"] == "series"  # a column of our figures' CSV
