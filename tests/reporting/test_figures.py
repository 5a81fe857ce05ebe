"""Figures: the same bytes from the same numbers, one colour per method, both colour schemes."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from typing import Any

import pytest

from bits.reporting.curves import Chart
from bits.reporting.figures import _DARK, _drawn, chart_files


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
    subprocess.run([*command, *map(str, places)], check=True, env=environment, cwd=fake.config.parent)
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
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["DINO", "SimDINO", "BITS-fixed", "BITS-reset", "published"]
    assert [text.get_text() for text in figure.axes[0].texts] == ["SimDINO: collapse"]
    stamp = " ".join(figure.get_supxlabel().split())
    assert stamp == f"Figure 4 · {fake.stamp}"


def test_a_missing_curve_is_named_in_the_figure(fake: Any) -> None:
    fake.metrics_path("dino", "training").unlink()
    collected = fake.collected("figure-4")
    assert isinstance(collected, Chart)
    assert "DINO: not run" in [text.get_text() for text in _drawn(collected).axes[0].texts]
    assert chart_files(collected)["png"]


def test_two_panels(fake: Any) -> None:
    fake.without_pending()
    collected = fake.collected("figure-5")
    assert isinstance(collected, Chart)
    assert [ax.get_title() for ax in _drawn(collected).axes] == ["Birds525", "PlantNet300k"]
