"""A number from a run whose channel carries nothing is marked wherever it stands, and is never the best."""

from __future__ import annotations

import csv
import html
import json
from pathlib import Path
from typing import Any

import pytest

from bits.records.seal import SEAL, write_record
from bits.reporting.figures import chart_files
from bits.reporting.files import ReportError
from bits.reporting.first import read_this_first
from bits.reporting.numbers import numbers_by_source

MARK = "\N{DAGGER}"
SENDING = ("dino", "simdino", "bits-fixed", "bits-reset")


@pytest.fixture
def dead(fake: Any) -> Any:
    """A scale in which BITS-fixed, the best of Table 1, has constant codes, and DINO uniform prototypes."""
    for place, source in enumerate(SENDING):
        fake.plant(source, retrieval={"map": 0.2 + 0.01 * place + 0.5 * (source == "bits-fixed")})
        fake.plant(source, record="training", training={"map": {"x": [0, 10, 100], "y": [0.1, 0.2, 0.3]}})
    fake.plant("random-init", retrieval={"map": 0.205})
    fake.end("bits-fixed", "finished", channel="constant codes")
    fake.end("dino", "finished", channel="uniform prototypes")
    return fake


def rendered(dead: Any, exhibit: str, ending: str) -> str:
    return Path(dead.render_exhibit(exhibit) / f"{exhibit}.{ending}").read_text()


def test_a_table_marks_it_in_every_format_says_why_and_prefers_others(dead: Any) -> None:
    table = dead.table("table-1")
    best = {row.label for row in table.rows for cell in row.cells[:1] if cell.best}
    assert best == {"BITS-reset"}
    assert table.dead() == ["DINO: uniform prototypes", "BITS-fixed: constant codes"]
    marked = {row.label: row.cells[0].mark for row in table.rows if row.kind == "run"}
    assert marked == {"DINO": MARK, "SimDINO": "", "BITS-fixed": MARK, "BITS-reset": ""}
    page = html.unescape(rendered(dead, "table-1", "html"))
    assert page.count('<sup class="dead"') >= 2
    assert "<li>BITS-fixed: constant codes</li>" in page
    markdown = rendered(dead, "table-1", "md")
    assert f"72.00 {MARK}" in markdown and "**Not live**" in markdown and f"{MARK} Not live:" in markdown
    tex = rendered(dead, "table-1", "tex")
    assert r"72.00\textsuperscript{\dag}" in tex and "BITS-fixed: constant codes" in tex
    lines = list(csv.DictReader(rendered(dead, "table-1", "csv").splitlines()))
    found = {line["source"]: line["not_live"] for line in lines if line["column"] == "mAP"}
    assert (found["dino"], found["simdino"], found["bits-fixed"]) == ("uniform prototypes", "", "constant codes")


def test_a_live_scale_bears_no_mark(dead: Any) -> None:
    for source in ("bits-fixed", "dino"):
        dead.end(source, "finished")
    assert dead.table("table-1").dead() == []
    for ending in ("html", "md", "tex", "csv"):
        text = rendered(dead, "table-1", ending)
        assert MARK not in text and r"\dag" not in text


def test_a_figure_says_it_in_the_panel_its_words_and_its_numbers(dead: Any) -> None:
    chart = dead.chart("figure-4")
    assert chart.dead() == ["DINO: uniform prototypes", "BITS-fixed: constant codes"]
    standings = {curve.label: curve.standing for curve in chart.curves()}
    assert standings["BITS-fixed"] == f"{MARK}: constant codes" and standings["SimDINO"] == ""
    assert "constant codes" in chart.alt
    assert "<svg" in chart_files(chart)["svg"].decode()
    lines = list(csv.DictReader(rendered(dead, "figure-4", "csv").splitlines()))
    assert {line["not_live"] for line in lines if line["series"] == "BITS-fixed" and line["measured"]} == {
        "constant codes"
    }
    page = html.unescape(rendered(dead, "figure-4", "html"))
    assert "<li>BITS-fixed: constant codes</li>" in page
    assert '<sup class="dead"' in page  # in the numbers at published points


def test_the_first_screen_lists_them_and_what_is_below_a_random_start(dead: Any) -> None:
    stand_ins, *sentences = read_this_first(dead.declared(), dead.results())
    assert stand_ins.startswith("Other data stand in for the paper's: procedural scenes, 20 classes for imagenet1k")
    assert sentences[0].startswith("2 of 4 runs that have ended are not live")
    assert "uniform prototypes: dino; constant codes: bits-fixed" in sentences[0]
    assert sentences[1] == "1 of 4 pretrainings are below the mAP of a random start (20.50): dino."
    for source in ("bits-fixed", "dino"):
        dead.end(source, "finished")
    dead.plant("random-init", retrieval={"map": 0.1})
    assert read_this_first(dead.declared(), dead.results()) == [stand_ins]


def test_the_first_screen_says_what_was_tuned_for_single_methods_and_nothing_of_the_papers_data(dead: Any) -> None:
    tuned = {"dino": {"head.prototypes": "128"}, "simdino": {}}
    dead.change(
        tuned=tuned,
        datasets={role: data.model_copy(update={"name": role}) for role, data in dead.plan.datasets.items()},
    )
    first, *_ = read_this_first(dead.declared(), dead.results())
    assert (
        first == "Besides what the scale sets for all, single methods were tuned for it: dino: head.prototypes = 128."
    )


def test_dvc_gets_the_reason_beside_the_numbers(dead: Any) -> None:
    found = numbers_by_source(dead.declared(), dead.results(), ["table-1"])
    assert found["bits-fixed"]["imagenet1k.retrieval.map"] == pytest.approx(72.0)
    assert found["bits-fixed"]["not_live"] == "constant codes"
    assert "not_live" not in found["simdino"]


def test_one_dead_seed_of_three_is_named(thrice: Any) -> None:
    for seed in range(3):
        for source in SENDING:
            thrice.plant(source, seed=seed, retrieval={"map": 0.2 + 0.01 * seed})
    thrice.end("bits-fixed", "finished", seed=1, channel="noise codes")
    table = thrice.table("table-1")
    assert table.dead() == ["BITS-fixed: noise codes (seed 1)"]
    (row,) = (row for row in table.rows if row.label == "BITS-fixed" and row.kind == "run")
    assert row.cells[0].mark == MARK and not row.cells[0].best
    assert "not live: noise codes (seed 1)" in row.cells[0].tooltip
    _, sentence = read_this_first(thrice.declared(), thrice.results())
    assert "noise codes: bits-fixed (seed 1)" in sentence


def test_an_outcome_with_a_channel_that_is_no_word_is_refused(dead: Any) -> None:
    path = dead.root / dead.run("dino").outcome
    content = {**json.loads(path.read_text()), "channel": 7}

    write_record(path, {key: value for key, value in content.items() if key != SEAL})
    with pytest.raises(ReportError, match="channel: expected a word or null, found 7"):
        dead.results().ending(dead.id("dino"))
