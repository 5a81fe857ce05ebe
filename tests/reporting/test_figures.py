"""Figures: the same bytes from the same numbers, one colour per method, both colour schemes."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from bits.reporting.curves import Chart
from bits.reporting.figures import _DARK, _drawn, chart_files

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def chart(fake: Any) -> Chart:
    collected = fake.collected("figure-4")
    assert isinstance(collected, Chart)
    return collected


def test_the_same_numbers_give_the_same_bytes_in_another_process(fake: Any) -> None:
    folder = fake.render_exhibit("figure-4")
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    out = fake.root / "again"
    command = [sys.executable, "-m", "bits.commands.render", "exhibit", "--exhibit", "figure-4"]
    places = ["--plan", fake.plan_path, "--root", fake.root, "--config", fake.config, "--out-dir", out]
    environment = {**os.environ, "PYTHONHASHSEED": "77", "SOURCE_DATE_EPOCH": ""}
    environment.pop("SOURCE_DATE_EPOCH")
    subprocess.run([*command, *map(str, places)], check=True, env=environment, cwd=ROOT)
    for name in ("figure-4.png", "figure-4.pdf", "figure-4.svg", "figure-4.csv"):
        assert (out / name).read_bytes() == first[name], name
    assert b"CreationDate" not in first["figure-4.pdf"]
    assert b"<dc:date>" not in first["figure-4.svg"]


def test_files_are_what_they_say(chart: Chart) -> None:
    files = chart_files(chart)
    assert set(files) == {"png", "pdf", "svg"}
    width, height = struct.unpack(">II", files["png"][16:24])
    assert width > 1000
    assert height > 500
    assert files["pdf"].startswith(b"%PDF-")
    assert files["svg"].rstrip().endswith(b"</svg>")


def test_the_svg_follows_the_readers_colour_scheme(chart: Chart) -> None:
    svg = chart_files(chart)["svg"].decode()
    assert svg.count("@media (prefers-color-scheme: dark)") == 1
    for light in _DARK:
        assert re.search(rf'style="[^"]*(fill|stroke): {light}', svg), (
            f"{light} is used, so that its rule has an effect"
        )


def test_measured_is_solid_and_published_hollow_in_the_method_s_colour(chart: Chart) -> None:
    figure = _drawn(chart)
    lines = [line for line in figure.axes[0].lines if len(line.get_xdata()) > 1]
    assert len(lines) == 8
    for curve, measured, published in zip(chart.curves(), lines[::2], lines[1::2], strict=True):
        assert measured.get_color() == published.get_color() == curve.colour
        assert (measured.get_linestyle(), published.get_linestyle()) == ("-", "--")
        assert published.get_markerfacecolor() == "none"
        assert list(measured.get_ydata()) == [y for _, y in curve.points]
        assert list(published.get_ydata()) == [y for _, y in curve.published]


def test_legend_and_stamp_say_what_is_shown(fake: Any) -> None:
    fake.end("simdino", "collapsed")
    collected = fake.collected("figure-4")
    assert isinstance(collected, Chart)
    figure = _drawn(collected)
    assert legend(figure) == ["DINO", "SimDINO", "BITS-fixed", "BITS-reset", "published"]
    assert [text.get_text() for text in figure.axes[0].texts] == ["SimDINO: collapse"]
    stamp = " ".join(figure.get_supxlabel().split())
    assert stamp == f"Figure 4 · {fake.stamp}"


@pytest.mark.parametrize("lowest", [-3.5, 0.25])
def test_an_axis_begins_at_zero_or_at_what_is_below(fake: Any, lowest: float) -> None:
    fake.without_pending()
    for source in ("bits-fixed", "bits-reset"):
        training = {name: {"x": [0, 10], "y": [lowest, 2.0]} for name in ("bits_sent", "code_entropy")}
        fake.plant(source, record="training", training=training)
    collected = fake.collected("extra-bits-sent")
    assert isinstance(collected, Chart)
    bottom, top = _drawn(collected).axes[0].get_ylim()
    assert bottom == pytest.approx(min(lowest, 0), abs=0.3) and bottom <= lowest < 2 < top


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_a_missing_curve_is_named_in_the_figure(fake: Any) -> None:
    fake.metrics_path("dino", "training").unlink()
    collected = fake.collected("figure-4")
    assert isinstance(collected, Chart)
    assert "DINO: not measured" in [text.get_text() for text in _drawn(collected).axes[0].texts]
    assert chart_files(collected)["png"]


def test_two_panels(fake: Any) -> None:
    fake.without_pending()
    collected = fake.collected("figure-5")
    assert isinstance(collected, Chart)
    assert [ax.get_title() for ax in _drawn(collected).axes] == ["Birds525", "PlantNet300k"]


def test_a_band_among_seeds_and_what_is_missing_in_words(thrice: Any) -> None:
    thrice.unmake("dino", seed=2)
    thrice.end("simdino", "collapsed", seed=1)
    figure = _drawn(thrice.chart("figure-4"))
    ax = figure.axes[0]
    assert len(ax.collections) == 4, "a band for each of the four methods"
    spread = thrice.chart("figure-4").panels[0].curves[3].drawn[-1]
    top = max(y for path in ax.collections[3].get_paths() for _, y in path.vertices)
    assert top == pytest.approx(spread.mean + spread.deviation)
    assert [text.get_text() for text in ax.texts] == ["DINO: 2 of 3 seeds\nSimDINO: 2 of 3 seeds, 1 collapse"]
    assert legend(figure) == ["DINO", "SimDINO", "BITS-fixed", "BITS-reset", "mean ± sd of 3 seeds", "published"]


def test_curves_of_different_numbers_of_seeds_say_theirs(thrice: Any) -> None:
    gone = thrice.plan.sources["dino"].pop()
    thrice.plan.runs.pop(gone)
    thrice.save()
    figure = _drawn(thrice.chart("figure-4"))
    (said,) = [text.get_text() for text in figure.axes[0].texts]
    assert said == "DINO: 2 seeds\nSimDINO: 3 seeds\nBITS-fixed: 3 seeds\nBITS-reset: 3 seeds"
    assert "mean ± sd among seeds" in legend(figure)
    page = (thrice.render_exhibit("figure-4") / "figure-4.html").read_text()
    assert "<b>2 seeds</b>" in page, "in the numbers at the published points"


def test_gaps_between_seeds_are_said(thrice: Any) -> None:
    thrice.change_metrics("dino", "training", 1, training={"map": {"x": [0, 50, 100], "y": [0.1, 0.2, 0.3]}})
    figure = _drawn(thrice.chart("figure-4"))
    assert list(figure.axes[0].lines[0].get_xdata()) == [0, 100]
    assert [text.get_text() for text in figure.axes[0].texts] == ["gaps: not every seed has a point"]


def test_an_added_curve_is_set_apart(fake: Any) -> None:
    fake.show("bits-reset-20", "figure-4", "_n = $20$ $x")
    fake.plant("bits-reset-20", "training", training={"map": {"x": [0, 50, 100], "y": [0.1, 0.2, 0.3]}})
    collected = fake.chart("figure-4")
    added = collected.panels[0].curves[-1]
    assert (added.published, added.points) == ((), ((0, 10), (50, 20), (100, 30)))
    assert added.colour not in {curve.colour for curve in collected.panels[0].curves[:-1]}
    figure = _drawn(collected)
    assert len(figure.axes[0].lines) == 10, "eight curves do not run out of markers"
    assert figure.axes[0].lines[8].get_linestyle() != "-"
    assert legend(figure)[4].endswith(r"_n = \$20\$ \$x (added here)")
    assert chart_files(collected)["pdf"]


@pytest.mark.parametrize("name", ["figure-4", "figure-5"])
@pytest.mark.parametrize(
    "labels", [["clip 2, no warm-up"] * 2, ["a label without end " * 9] * 3, ["W" * 150], ["clip"] * 30]
)
def test_the_legend_stays_inside_the_figure(fake: Any, name: str, labels: list[str]) -> None:
    fake.without_pending()
    added = [run for run in fake.plan.sources if run.startswith("bits-") and "-on-" not in run]
    for index, label in enumerate(labels):
        fake.show(added[index % len(added)], name, f"{index} {label}") if index < len(added) else None
    figure = _drawn(fake.chart(name))
    figure.draw_without_rendering()
    (legend_,), whole = figure.legends, figure.bbox
    box = legend_.get_window_extent()
    assert 0 <= box.x0 < box.x1 <= whole.width
    assert 0 <= box.y0 < box.y1 <= whole.height + 1
    for ax in figure.axes:
        assert ax.get_window_extent().height > 0.4 * figure.dpi * 4.3, "the panels keep their height"
        assert ax.get_tightbbox().x0 >= 0
    for text in (text for ax in figure.axes for text in ax.texts):
        assert text.get_window_extent().x0 >= 0


def test_figure_7_goes_over_the_fine_tunings_of_both_targets(fake: Any) -> None:
    fake.without_pending()
    gain = {"map": {"x": list(range(11)), "y": [0.3 + epoch / 100 for epoch in range(11)]}}
    for method in ("dino", "simdino", "bits-fixed", "bits-reset"):
        fake.plant(f"{method}-on-birds525", "training", training=gain)
    fake.plant("dino-on-plantnet300k", "training", training=gain)
    fake.end("simdino-on-plantnet300k", "diverged", "loss is not finite at step 3")
    collected = fake.chart("figure-7")
    birds, _ = collected.panels
    assert birds.curves[3].points[-1] == (10, pytest.approx(40))
    assert birds.curves[3].published[0] == (0, 56)
    assert collected.counts() == (6, 8)
    assert collected.outcomes() == ["PlantNet300k: SimDINO: diverges - loss is not finite at step 3"]
    first, second = _drawn(collected).axes
    assert [ax.get_xlabel() for ax in (first, second)] == ["fine-tuning epoch"] * 2
    assert [text.get_text() for text in first.texts] == []
    said = "SimDINO: diverges\nBITS-fixed: not run\nBITS-reset: not run"
    assert [text.get_text() for text in second.texts] == [said]
    page = (fake.render_exhibit("figure-7") / "figure-7.html").read_text()
    assert page.count("Numbers at the published points") == 2
    assert "<li>PlantNet300k: SimDINO: diverges - loss is not finite at step 3</li>" in page


def test_a_curve_on_other_data_is_none_of_the_figure_s(fake: Any) -> None:
    fake.without_pending()
    fake.show("dino", "figure-7", "DINO, pretraining")
    added = fake.chart("figure-7").panels[0].curves[-1]
    (problem,) = added.seeds.holes()
    assert problem.endswith("dino was measured on imagenet1k, not on birds525")
