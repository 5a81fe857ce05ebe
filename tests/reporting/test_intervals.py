"""n and the 95 % interval beside every number, and what is to be kept in mind of some."""

from __future__ import annotations

import csv
import html
import json
import re
from pathlib import Path
from typing import Any

import pytest

from bits.records.seal import SEAL, write_record
from bits.reporting.files import ReportError


def store(fake: Any, source: str, record: str = "imagenet1k", seed: int = 0, **parts: Any) -> None:
    """Put intervals and class sizes into a metrics file."""
    path = fake.metrics_path(source, record, seed)
    content = {key: value for key, value in json.loads(path.read_text()).items() if key != SEAL}
    write_record(path, {**content, **parts})


def knn(low: float, high: float, n: int = 160) -> dict[str, Any]:
    return {"knn": {"top1_k20": {"n": n, "low": low, "high": high}}}


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def cell(folder: Path, source: str, column: str = "k-NN") -> dict[str, str]:
    (found,) = (row for row in rows_of(folder / "table-1.csv") if (row["source"], row["column"]) == (source, column))
    return found


def test_a_cell_carries_n_and_its_interval_in_its_unit(fake: Any) -> None:
    store(fake, "dino", intervals=knn(0.16, 0.28125))
    folder = fake.render_exhibit("table-1")
    found = cell(folder, "dino")
    assert (found["measured"], found["n"], found["low"], found["high"]) == ("22.15", "160", "16", "28.125")
    assert [cell(folder, "simdino")[key] for key in ("n", "low", "high")] == ["", "", ""]
    page = html.unescape((folder / "table-1.html").read_text())
    assert re.search(r'title="[^"]*95 % interval 16.00 to 28.12 \(n = 160\)[^"]*">22.15<', page)
    assert "Hovering over a number shows its 95 % bootstrap interval" in page
    assert "±" not in (folder / "table-1.md").read_text()


def test_of_several_seeds_each_has_its_interval(thrice: Any) -> None:
    store(thrice, "dino", seed=0, intervals=knn(0.16, 0.28))
    store(thrice, "dino", seed=2, intervals=knn(0.15, 0.27))
    folder = thrice.render_exhibit("table-1")
    found = cell(folder, "dino")
    assert (found["n"], found["low"], found["high"]) == ("160", "16 - 15", "28 - 27")
    page = html.unescape((folder / "table-1.html").read_text())
    assert "seed 2: 21.75, 95 % interval 15.00 to 27.00 (n = 160)" in page


def test_every_point_of_a_curve_has_one(fake: Any) -> None:
    points = len(fake.results().readings("dino", fake.declared().measures["imagenet1k.training.map"])[0].points)
    ends = {"low": [0.01 * place for place in range(points)], "high": [0.5] * points}
    store(fake, "dino", "training", intervals={"training": {"map": {"n": 2000, **ends}}})
    lines = [row for row in rows_of(fake.render_exhibit("figure-4") / "figure-4.csv") if row["source"] == "dino"]
    measured = [row for row in lines if row["measured"]]
    assert [row["low"] for row in measured] == [f"{place}" for place in range(points)]
    assert {(row["n"], row["high"]) for row in measured} == {("2000", "50")}
    assert {row["low"] for row in lines if not row["measured"]} == {""}


def test_what_is_no_interval_is_refused(fake: Any) -> None:
    store(fake, "dino", intervals={"knn": {"top1_k20": {"low": 0.1}}})
    with pytest.raises(ReportError, match=r"intervals.imagenet1k.knn.top1_k20: expected n, low and high"):
        fake.table("table-1")


def test_few_images_are_marked_in_every_format_and_said_once(fake: Any) -> None:
    for source in ("dino", "simdino"):
        store(fake, source, intervals=knn(0.1, 0.3, n=40))
    store(fake, "bits-fixed", intervals=knn(0.1, 0.3, n=100))
    table, folder = fake.table("table-1"), fake.render_exhibit("table-1")
    said = "k-NN: of 40 test images or queries, fewer than 100"
    assert said in table.caveats()
    marked = {row.label: row.cells[1].caveat for row in table.rows if row.kind == "run"}
    assert marked == {"DINO": "‡", "SimDINO": "‡", "BITS-fixed": "", "BITS-reset": ""}
    assert "| DINO | 14.32 (10)" not in (folder / "table-1.md").read_text()
    assert "22.15 ‡" in (folder / "table-1.md").read_text()
    assert r"22.15\textsuperscript{\ddag}" in (folder / "table-1.tex").read_text()
    for ending in ("md", "tex", "html"):
        assert (folder / f"table-1.{ending}").read_text().count(said) >= 1, ending


def test_classes_of_a_single_image_are_said_of_shares_alone(fake: Any) -> None:
    classes = {"all": 1081, "one_training_image": 12, "one_test_image": 25}
    store(fake, "dino", intervals=knn(0.1, 0.3), classes=classes)
    caveat = "of 1,081 classes, 12 have a single training image and 25 have a single test image"
    assert f"k-NN: {caveat}" in fake.table("table-1").caveats()
    assert fake.table("table-2").caveats() == []


def test_a_best_epoch_is_said_to_be_chosen_on_the_test_images(fake: Any) -> None:
    (said,) = fake.table("table-1").caveats()
    assert said.startswith("linear, best epoch: the epoch is chosen on the test images themselves")
    bests = {row.cells[3].caveat for row in fake.table("table-1").rows if row.kind in ("run", "reference")}
    assert bests == {"‡"}


def test_a_caveat_of_a_whole_group_of_columns_names_the_group(fake: Any) -> None:
    fake.without_pending()
    few = {"n": 40, "low": 0.1, "high": 0.3}
    values = {"retrieval": {"map": 0.2}, "knn": {"top1_k20": 0.2}, "linear": {"last": 0.2}}
    intervals = {evaluator: dict.fromkeys(metrics, few) for evaluator, metrics in values.items()}
    fake.plant("dino", "birds525", **values)
    store(fake, "dino", "birds525", intervals=intervals)
    assert fake.table("table-14").caveats() == ["Birds525: of 40 test images or queries, fewer than 100"]


def test_a_figure_says_it_below(fake: Any) -> None:
    fake.without_pending()
    fake.plant("dino", "birds525", linear={"curve": {"x": [0, 1], "y": [0.1, 0.2]}})
    ends = {"n": 40, "low": [0.0, 0.1], "high": [0.2, 0.3]}
    store(fake, "dino", "birds525", intervals={"linear": {"curve": ends}})
    chart = fake.chart("figure-5")
    assert chart.caveats() == ["Birds525: of 40 test images or queries, fewer than 100"]
    (first,) = (cells[0] for x, cells in chart.panels[0].comparison() if x == 0)
    assert "95 % interval 0.0 to 20.0 (n = 40)" in first.tooltip
