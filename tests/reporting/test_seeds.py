"""Several seeds of everything: means and deviations of planted numbers, and no seed that is missing unsaid."""

from __future__ import annotations

import csv
import html
import re
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import pytest

from bits.errors import BitsError
from bits.reporting.cells import Cell, Table
from bits.reporting.rendered import require_complete
from bits.reporting.results import Reading
from bits.reporting.seeds import Seeds


def cell(table: Table, row: str, column: str = "mAP") -> Cell:
    index = [head.label for head in table.heads].index(column)
    (found,) = [line.cells[index] for line in table.rows if line.label == row and line.kind != "quoted"]
    return found


def reading(status: Any, value: float | None = None, points: Any = ()) -> Reading:
    return Reading("bits", "bits-1", 0, status, value, points)


def test_a_cell_is_the_mean_with_the_sample_deviation(thrice: Any) -> None:
    found = cell(thrice.table("table-1"), "BITS-reset")
    values = [20.125, 20.525, 19.725]
    assert found.value == pytest.approx(mean(values))
    assert found.seeds.deviation == pytest.approx(stdev(values)) == pytest.approx(0.4)
    assert (found.text, found.seeds.tally, found.best) == ("20.12 ± 0.40", "", True)
    assert thrice.table("table-1").counts() == (49, 49)
    require_complete(thrice.table("table-1"))


def test_a_missing_seed_is_said_with_the_command_that_makes_it(thrice: Any) -> None:
    thrice.unmake("bits-reset", seed=2)
    table, path = thrice.table("table-1"), thrice.run("bits-reset", seed=2).outcome
    found = cell(table, "BITS-reset")
    assert found.text == "20.33 ± 0.28 (2 of 3)"
    assert table.holes() == [
        f"{path} does not exist: bits-reset (seed 2) has not run. Make it with: snakemake {path}",
    ]
    assert not found.best, "an incomplete mean beats nothing"
    assert cell(table, "BITS-fixed").best, "the best of those with all seeds"
    assert table.counts() == (42, 49)
    with pytest.raises(BitsError, match="seed 2"):
        require_complete(table)


def test_one_seed_of_three_has_no_deviation(thrice: Any) -> None:
    thrice.unmake("dino", seed=0)
    thrice.fail("dino", "disk full", seed=1)
    found = cell(thrice.table("table-1"), "DINO")
    assert (found.text, found.seeds.deviation) == ("13.92 (1 of 3, 1 failed)", None)
    assert "dino (seed 1) failed: disk full." in " ".join(found.seeds.holes())


def test_a_collapsed_seed_is_said_and_not_averaged(thrice: Any) -> None:
    thrice.end("simdino", "collapsed", "effective rank 1.02 < 2", seed=1)
    table = thrice.table("table-1")
    found = cell(table, "SimDINO")
    assert found.text == "16.67 ± 0.28 (2 of 3, 1 collapse)"
    assert found.value == pytest.approx((16.87 + 16.47) / 2)
    assert table.outcomes() == ["SimDINO, seed 1: collapse - effective rank 1.02 < 2"]
    assert (table.holes(), found.best) == ([], False)
    assert "seed 1: collapse (measured 17.27) - effective rank 1.02 < 2" in found.tooltip
    require_complete(table)


def test_seeds_that_all_collapsed_are_the_word(thrice: Any) -> None:
    for seed in range(3):
        thrice.end("simdino", "collapsed", seed=seed)
    found = cell(thrice.table("table-1"), "SimDINO")
    assert (found.text, found.value) == ("collapse", None)


@pytest.mark.parametrize(
    ("readings", "text"),
    [
        (("collapse", "collapse", "not run"), "collapse (2 of 3)"),
        (("collapse", "diverges", "collapse"), "collapse (2 of 3, 1 diverges)"),
        (("diverges", "diverges", "collapse"), "diverges (2 of 3, 1 collapse)"),
        (("diverges", "collapse", "not run"), "diverges (1 of 3, 1 collapse)"),
        (("not run", "not measured", "not run"), "not measured (1 of 3)"),
        (("not measured", "failed", "not run"), "failed (1 of 3, 1 not measured)"),
        (("not run", "diverges", "failed"), "diverges (1 of 3, 1 failed)"),
        (("not run", "failed", "not run"), "failed (1 of 3)"),
        (("not run", "not run", "not run"), "not run"),
        (("failed",), "failed"),
    ],
)
def test_what_stands_where_nothing_was_measured(readings: tuple[str, ...], text: str) -> None:
    assert Cell(Seeds(tuple(map(reading, readings)))).text == text


def test_means_of_random_numbers_against_a_loop() -> None:
    for values in ([1.5], [0.0, 4.0], [3.25, -1.0, 2.5, 9.0]):
        seeds = Seeds(tuple(reading("measured", value) for value in values))
        total = sum(values) / len(values)
        assert seeds.mean == pytest.approx(total)
        if len(values) > 1:
            squares = sum((value - total) ** 2 for value in values)
            assert seeds.deviation == pytest.approx((squares / (len(values) - 1)) ** 0.5)


def test_curves_are_averaged_where_every_seed_has_a_point(thrice: Any) -> None:
    thrice.plant("dino", "training", 0, training={"map": {"x": [0, 20, 40], "y": [0.1, 0.2, 0.3]}})
    thrice.plant("dino", "training", 1, training={"map": {"x": [0, 40, 60], "y": [0.2, 0.4, 0.9]}})
    thrice.unmake("dino", seed=2)
    chart = thrice.chart("figure-4")
    dino = chart.panels[0].curves[0]
    assert dino.points == ((0, pytest.approx(15)), (40, pytest.approx(35)))
    assert [spread.deviation for spread in dino.drawn] == pytest.approx([stdev([10, 20]), stdev([30, 40])])
    assert dino.text == "DINO (2 of 3 seeds)"
    assert chart.gaps() == ["DINO: no mean is drawn at 20 (1 of 2 seeds), 60 (1 of 2 seeds)"]
    at = {x: cells[0] for x, cells in chart.panels[0].comparison()}
    assert at[20].text == "25.0 ± 7.1 (2 of 3)", "seed 1 has no point at 20 and is interpolated"
    assert at[60].text == "90.0 (1 of 3)"
    assert at[100].text == ""


def test_seeds_without_a_common_point_make_no_line() -> None:
    seeds = Seeds((reading("measured", points=((0, 1.0),)), reading("measured", points=((1, 2.0),))))
    assert [spread.count for spread in seeds.curve()] == [1, 1]
    assert len(seeds.drawable) == 2


def test_csv_names_every_seed(thrice: Any) -> None:
    thrice.unmake("bits-reset", seed=2)
    lines = rows_of(thrice.render_exhibit("table-1") / "table-1.csv")
    (line,) = [line for line in lines if (line["source"], line["column"]) == ("bits-reset", "mAP")]
    assert (line["measured"], line["seeds"]) == ("20.325", "2/3")
    assert float(line["sd"]) == pytest.approx(stdev([20.125, 20.525]))
    assert line["run_id"].split() == thrice.plan.sources["bits-reset"]
    assert line["origin"].split() == [str(path_of(thrice, "bits-reset", seed)) for seed in range(3)]
    assert "bits-reset (seed 2) has not run" in line["note"]
    quoted = [line for line in lines if line["status"] == "quoted"]
    assert {line["seeds"] for line in quoted} == {""}


def test_seeds_that_all_diverged_count_alike_in_both_csvs(thrice: Any) -> None:
    for seed in range(3):
        thrice.end("dino", "diverged", "loss is not finite", seed=seed)
    (cell_,) = [
        line
        for line in rows_of(thrice.render_exhibit("table-1") / "table-1.csv")
        if (line["source"], line["column"]) == ("dino", "mAP")
    ]
    lines = rows_of(thrice.render_exhibit("figure-4") / "figure-4.csv")
    (curve,) = [line for line in lines if line["series"] == "DINO" and not line["published"]]
    for line in (cell_, curve):
        assert [line[key] for key in ("status", "measured", "sd", "seeds")] == ["diverges", "", "", "0/3"]


def test_a_single_seed_that_diverged_counts_alike_in_both_csvs(fake: Any) -> None:
    fake.end("dino", "diverged")
    cells = rows_of(fake.render_exhibit("table-1") / "table-1.csv")
    points = rows_of(fake.render_exhibit("figure-4") / "figure-4.csv")
    measured = [line for line in (*cells, *points) if line["source"] == "dino" and line["measured"]]
    assert len(measured) == 7 + 6
    assert {(line["status"], line["seeds"]) for line in measured} == {("diverges", "0/1")}


def test_csv_of_curves_counts_the_seeds_at_every_point(thrice: Any) -> None:
    thrice.change_metrics("dino", "training", 1, training={"map": {"x": [0, 20], "y": [0.1, 0.2]}})
    lines = [line for line in rows_of(thrice.render_exhibit("figure-4") / "figure-4.csv") if line["series"] == "DINO"]
    measured = {line["x"]: line for line in lines if line["measured"]}
    assert [line["seeds"] for line in measured.values()] == ["3/3", "3/3", "2/3", "2/3", "2/3", "2/3"]
    assert all(float(line["sd"]) > 0 for line in measured.values())


@pytest.fixture
def mixed(thrice: Any) -> Any:
    """Three seeds of everything, but two of DINO and one of SimDINO."""
    for source, kept in (("dino", 2), ("simdino", 1)):
        gone = thrice.plan.sources[source][kept:]
        thrice.plan.sources[source] = thrice.plan.sources[source][:kept]
        for identity in gone:
            del thrice.plan.runs[identity]
    thrice.save()
    return thrice


@pytest.mark.parametrize(
    ("ending", "texts"),
    [
        ("md", ["| DINO | 14.52 ± 0.28 (2 seeds) (", "| SimDINO | 16.87 (1 seed) (38.62) |"]),
        ("md", ["| BITS-reset | **20.12 ± 0.40** (3 seeds) (50.64) |", "| *raw pixels* | 9.04 ± 0.40 (3 seeds) |"]),
        ("tex", [r"DINO & 14.52 $\pm$ 0.28 {\footnotesize(2 seeds)} {", r"SimDINO & 16.87 {\footnotesize(1 seed)} {"]),
        ("html", ["<b>2 seeds</b>", "<b>1 seed</b>", "<b>3 seeds</b>"]),
    ],
)
def test_where_numbers_of_seeds_differ_every_cell_says_its_own(mixed: Any, ending: str, texts: list[str]) -> None:
    page = (mixed.render_exhibit("table-1") / f"table-1.{ending}").read_text()
    for text in (*texts, "the sample standard deviation of the number of seeds that follows it"):
        assert text in page
    assert "deviation of 3 seeds" not in page


def test_a_row_with_fewer_seeds_names_those_that_ended(mixed: Any) -> None:
    mixed.end("simdino", "collapsed")
    mixed.end("dino", "collapsed", seed=1)
    table = mixed.table("table-1")
    assert cell(table, "SimDINO").text == "collapse (1 seed)"
    assert cell(table, "DINO").text == "14.32 (1 of 2, 1 collapse)"
    assert len(mixed.chart("figure-4").panels[0].comparison()[0][1]) == 4


@pytest.mark.parametrize(
    ("ending", "row"),
    [
        ("md", "| BITS-fixed | **17.91 ± 0.40** (43.44) | **27.45 ± 0.40** (73.32) | "),
        ("md", "| BITS-reset | 20.33 ± 0.28 (2 of 3) (50.64) | "),
        ("md", "| SimDINO | 16.67 ± 0.28 (2 of 3, 1 collapse) (38.62) | "),
        ("md", "**Outcomes**\n\n- SimDINO, seed 1: collapse - rank 1.02 &lt; 2\n"),
        ("md", "A value with ± is the mean and the sample standard deviation of 3 seeds, unless"),
        ("tex", r"BITS-fixed & \textbf{17.91 $\pm$ 0.40} {\footnotesize(43.44)} & "),
        ("tex", r"BITS-reset & 20.33 $\pm$ 0.28 {\footnotesize(2 of 3)} {\footnotesize(50.64)} & "),
        ("tex", r"\footnotesize Outcomes. SimDINO, seed 1: collapse - rank 1.02 \textless{} 2."),
    ],
)
def test_seeds_in_markdown_and_latex(thrice: Any, ending: str, row: str) -> None:
    thrice.unmake("bits-reset", seed=2)
    thrice.end("simdino", "collapsed", "rank 1.02 < 2", seed=1)
    assert row in (thrice.render_exhibit("table-1") / f"table-1.{ending}").read_text()


def test_the_html_cell_links_to_every_seed(thrice: Any) -> None:
    thrice.unmake("bits-reset", seed=2)
    thrice.end("simdino", "collapsed", "rank 1.02 < 2", seed=1)
    path = thrice.render_exhibit("table-1") / "table-1.html"
    page = path.read_text()
    row = re.search(r"BITS-reset</th>.*?</td>", page, flags=re.S)
    assert row is not None
    links = re.findall(r'<a href="([^"]+)" title="([^"]+)" aria-label="\2">(\d)</a>', row.group())
    assert [(title, seed) for _, title, seed in links] == [("seed 0: 20.12", "0"), ("seed 1: 20.53", "1")]
    expected = [thrice.metrics_path("bits-reset", seed=seed).resolve() for seed in range(2)]
    assert [(path.parent / link).resolve() for link, _, _ in links] == expected
    assert re.search(r'class="gone" title="seed 2: not run - [^"]+">2<', row.group())
    assert '20.33<span class="sd"> ± 0.28</span>' in row.group()
    assert "<b>2 of 3</b>" in row.group()
    assert '<a class="ended"' in page, "the collapsed seed leads to what it measured"
    assert "<li>SimDINO, seed 1: collapse - rank 1.02 &lt; 2</li>" in page
    tooltip = re.search(r'title="(bits-reset\n[^"]*)"', page)
    assert tooltip is not None
    lines = html.unescape(tooltip.group(1)).splitlines()
    assert lines[:4] == ["bits-reset", "imagenet1k.retrieval.map", "seed 0: 20.12", "seed 1: 20.53"]
    assert lines[4].startswith("seed 2: not run - results/demo/runs/")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def path_of(scale: Any, source: str, seed: int) -> Path:
    return Path(scale.plan.metrics[scale.id(source, seed)]["imagenet1k"])
