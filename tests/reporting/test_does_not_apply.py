"""A measure that a run has no use for, such as the entropy of codes where none are sent, is a dash and never a hole."""

from __future__ import annotations

import csv
import html
from pathlib import Path
from typing import Any

import pytest

from bits.config.declared import CONFIG_DIR
from bits.config.objective import TERMS
from bits.exhibits import load_declarations
from bits.reporting.numbers import numbers_by_source
from bits.runs.train import curves

DASH = "\N{EN DASH}"
DINO = {"prototype_entropy": 6.5, "bits_sent": 2.25, "effective_rank": 20.0}
BITS = {"code_entropy": 0.75, "bits_sent": 4.5, "bits_sent_per_bit": 0.125, "term_coding_rate": -1.5}


@pytest.fixture
def channel(fake: Any) -> Any:
    """A scale in which DINO and both kinds of BITS have run; nothing of DINO's is a code's."""
    fake.without_pending()
    for source, found in {"dino": DINO, "bits-fixed": BITS, "bits-reset": BITS}.items():
        values = curves({"x": [0.0, 10.0], "y": [0.1, 0.2]}, [found, found])
        fake.plant(source, record="training", **values)
        fake.end(source, "finished", channel="live")
    return fake


def cells(table: Any, row: str) -> dict[str, Any]:
    (found,) = (one for one in table.rows if one.label == row)
    return {head.about.split("(")[-1].rstrip(")"): cell for head, cell in zip(table.heads, found.cells, strict=True)}


def test_a_grid_has_a_dash_there(channel: Any) -> None:
    table = channel.table("extra-channel")
    dino = cells(table, "DINO")
    entropy = dino["imagenet1k.channel.code_entropy"]
    assert (entropy.status, entropy.core, entropy.mark) == ("does not apply", DASH, "")
    assert not entropy.missing and entropy.seeds.settled and "does not apply" in entropy.tooltip
    assert dino["imagenet1k.channel.bits_sent"].number == "2.25"
    bits = cells(table, "BITS-fixed")
    assert bits["imagenet1k.channel.code_entropy"].number == "0.750"
    assert bits["imagenet1k.channel.prototype_entropy"].core == DASH
    assert not any(" of dino" in hole for hole in table.holes())
    assert not any(cell.best for cell in table.cells()), "more bits, or a larger rate, is not better"


def test_it_is_a_dash_in_every_format_and_a_status_in_csv(channel: Any) -> None:
    folder = Path(channel.render_exhibit("extra-channel"))
    page = html.unescape((folder / "extra-channel.html").read_text())
    assert f">{DASH}</span>" in page
    assert DASH in (folder / "extra-channel.md").read_text()
    lines = list(csv.DictReader((folder / "extra-channel.csv").read_text().splitlines()))
    (line,) = (line for line in lines if line["source"] == "dino" and line["measure"].endswith("channel.code_entropy"))
    assert (line["status"], line["measured"], line["not_live"]) == ("does not apply", "", "")


def test_a_curve_that_does_not_apply_says_so_and_is_complete(channel: Any) -> None:
    chart = channel.chart("extra-bits-sent")
    entropy = chart.panels[1]
    dino, fixed = (next(one for one in entropy.curves if one.label == label) for label in ("DINO", "BITS-fixed"))
    assert dino.text == "DINO (does not apply)" and dino.seeds.settled
    assert fixed.points == ((0.0, 0.75), (10.0, 0.75))


def test_dvc_gets_no_number_of_it(channel: Any) -> None:
    found = numbers_by_source(channel.declared(), channel.results(), ["extra-channel"])
    assert "imagenet1k.channel.code_entropy" not in found["dino"]
    assert found["bits-fixed"]["imagenet1k.channel.code_entropy"] == 0.75


def test_a_null_is_no_excuse_for_a_number_that_is_not_there(channel: Any) -> None:
    channel.plant("dino", record="training", training={"map": {"x": [0], "y": [0.1]}}, channel={})
    entropy = cells(channel.table("extra-channel"), "DINO")["imagenet1k.channel.code_entropy"]
    assert entropy.status == "not measured" and entropy.missing


def test_every_number_that_a_term_measures_of_its_channel_is_a_measure() -> None:
    """One that is forgotten in measures.yaml could not be shown."""
    names = {name for term in TERMS.values() if term.channel for name in term.channel.names}
    names |= {f"term_{name}" for name, term in TERMS.items() if term.couples}
    shown = {one.metric for one in load_declarations(CONFIG_DIR).measures.values() if one.evaluator == "channel"}
    assert shown == names | {"effective_rank"}
