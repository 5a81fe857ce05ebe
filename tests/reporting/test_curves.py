"""Curves: planted points in the right unit and place, beside the published ones; holes are loud."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bits.errors import BitsError
from bits.reporting.curves import interpolated
from bits.reporting.rendered import require_complete


def test_a_training_curve_in_percent_with_its_published_points(fake: Any) -> None:
    (panel,) = fake.chart("figure-4").panels
    stored = json.loads(fake.metrics_path("dino", "training").read_text())["values"]["training"]["map"]
    dino = panel.curves[0]
    assert [x for x, _ in dino.points] == stored["x"]
    assert [y for _, y in dino.points] == pytest.approx([100 * y for y in stored["y"]])
    assert dino.published == ((0, 10), (20, 20), (40, 28), (60, 32), (80, 35), (100, 36))
    assert dino.seeds.origins == str(fake.plan.metrics[fake.id("dino")]["training"])


def test_a_spectrum_is_laid_over_the_share_of_the_dimension(fake: Any) -> None:
    figure = fake.chart("figure-1")
    reset = figure.panels[0].curves[3]
    assert reset.widths == (48,)
    assert (reset.points[0], reset.points[-1]) == ((0.0, 0.0), (1.0, 1.0))
    assert reset.points[12][0] == 0.25
    assert [x for x, _ in reset.published] == pytest.approx([0, 200 / 768, 400 / 768, 600 / 768])
    assert figure.x_label.endswith("(measured: 48; published: 768)")


def test_the_comparison_interpolates_between_points(fake: Any) -> None:
    (panel,) = fake.chart("figure-4").panels
    fake.change_metrics("dino", "training", training={"map": {"x": [0, 50, 90], "y": [0.0, 0.5, 0.9]}})
    (panel,) = fake.chart("figure-4").panels
    at = {x: cells[0] for x, cells in panel.comparison()}
    assert [at[x].value for x in (0, 20, 40, 60, 80)] == pytest.approx([0, 20, 40, 60, 80])
    assert at[100].value is None, "nothing is known beyond the last point"
    assert at[100].published == 36
    assert interpolated((), 1.0) is None


def test_holes_in_curves(fake: Any) -> None:
    fake.change_metrics("dino", "training", training={"map": {"x": [0, 1], "y": [0.1, None]}})
    fake.change_metrics("simdino", "training", training={"map": {"x": [0, 1], "y": [0.1]}})
    fake.end("bits-fixed", "diverged")
    fake.change_metrics("bits-fixed", "training", training={"map": {"x": [0, 1, 2], "y": [0.1, 0.2, None]}})
    figure = fake.chart("figure-4")
    dino, simdino, fixed, _ = figure.panels[0].curves
    assert (dino.text, simdino.text, fixed.text) == (
        "DINO (not measured)",
        "SimDINO (not measured)",
        "BITS-fixed (diverges)",
    )
    assert fixed.points == ((0, 10), (1, 20)), "what was measured before it diverged"
    assert figure.counts() == (2, 4)
    assert "is not finite" in figure.holes()[0]
    assert "is not a series" in figure.holes()[1]
    with pytest.raises(BitsError, match="Figure 4 has holes"):
        require_complete(figure)
