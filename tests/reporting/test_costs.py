"""The report's table of costs: predicted beside spent."""

from __future__ import annotations

import json
from typing import Any

from bits.reporting.costs_table import cost_groups
from bits.reporting.origin import Origin
from tests.reporting.test_site import text_of


def predict(fake: Any, **seconds: float) -> None:
    basis = {"basis": "FLOP model, <H100> & co", "device": "H100", "devices": 1, "date": "2026-02-01T00:00:00+00:00"}
    entries = {key: {"seconds": value, **basis} for key, value in seconds.items()}
    (fake.root / "results/demo/predicted.json").write_text(json.dumps(entries))


def test_predicted_beside_spent(fake: Any) -> None:
    evaluation = f"{fake.id('dino')}/imagenet1k-1a2b3c4d"
    untrained = fake.id("bits-beta-0.1")
    predict(fake, **{fake.id("dino"): 100.0, evaluation: 20.5, untrained: 7.0})
    groups = {group.title: group for group in cost_groups(fake.results())}
    lines = {line.id: line for group in groups.values() for line in group.lines}
    dino = lines[fake.id("dino")]
    assert (dino.predicted, dino.spent, dino.ratio) == (100.0, 83.0, 0.83)
    assert lines[evaluation].ratio == 41 / 20.5
    assert lines[evaluation].device == "Some CPU"
    assert lines[fake.id("simdino")].ratio is None
    assert (lines[untrained].predicted, lines[untrained].spent) == (7.0, None)
    assert groups["Pretrainings"].sums.id == "1 of 5"
    assert groups["All together"].sums.ratio == (83 + 41) / 120.5


def test_the_report_shows_it_escaped(fake: Any) -> None:
    predict(fake, **{fake.id("dino"): 100.0})
    index = fake.render_report() / "demo/index.html"
    report = text_of(index).partition("What it cost Runs")[2] or text_of(index)
    assert "1 min 40 s 1 min 23 s 0.83" in report
    assert "FLOP model, <H100> & co, 2026-02-01" in report
    assert "<H100>" not in index.read_text()
    assert "no prediction was kept" in report


def test_nothing_predicted_and_nothing_done(fake: Any) -> None:
    for source in fake.planted:
        fake.metrics_path(source).unlink()
        if source in ("chance", "pixels", "random-init"):
            continue
        (fake.root / fake.run(source).provenance).unlink()
    assert cost_groups(fake.results()) == []


def test_time_over_all_starts_where_it_is_known() -> None:
    times = {"started": "2026-03-01T10:00:00+00:00", "finished": "2026-03-01T10:01:23+00:00"}
    assert Origin.of(times, "x").seconds == 83
    assert Origin.of({**times, "seconds_spent": 500.5}, "x").seconds == 500.5
    assert Origin.of({"started": "yesterday"}, "x").seconds is None
