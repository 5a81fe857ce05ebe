"""What is said about data that are not there: which, where they were looked for, and what to do."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from bits.plan import Plan, Request, make_plan
from bits.plan.model import MissingWeights
from bits.workflow.messages import (
    absent_message,
    elsewhere_message,
    left_out_message,
    made_message,
    missing_message,
)


@pytest.fixture(scope="module")
def paper() -> Plan:
    return make_plan(Request.of_scale("paper", ("site.data.birds525=/nowhere/birds",)))


def test_missing_data_are_named_with_the_remedy(paper):
    message = missing_message(paper)
    for part in ("imagenet1k", "data/imagenet1k", "train/<class>/<image>", "data=PATH", "config/site/local.yaml"):
        assert part in message
    assert "/nowhere/birds" in message


def test_missing_weights_are_named_with_the_remedy(paper):
    gap = MissingWeights(run="theirs", file="/x/theirs.pth", reason="there is no such file")
    both = missing_message(paper.model_copy(update={"missing_weights": (gap,)}))
    assert both.startswith(missing_message(paper)) and both != missing_message(paper)
    alone = missing_message(paper.model_copy(update={"missing_weights": (gap,), "missing": ()}))
    for part in ("theirs: weights = /x/theirs.pth", "there is no such file. Put the file there", "config/runs.yaml"):
        assert part in alone
    assert "data" not in alone


def test_exhibits_that_are_left_out_are_named_in_a_line_with_the_data_that_they_wait_for(paper):
    message = left_out_message(paper).strip()
    assert "\n" not in message
    for part in ("table-8", "table-14", "food101, inat2019", "bits doctor study=paper"):
        assert part in message


def test_what_nobody_asked_for_is_not_said_to_be_left_out(paper):
    assert left_out_message(paper, ["snakemake", "--cores", "2", "table-1"]) == ""
    message = left_out_message(paper, ["snakemake", "table-1", "table-14"])
    assert "table-14" in message and "table-8" not in message
    assert left_out_message(paper.model_copy(update={"left_out": {}})) == ""


def test_data_that_are_elsewhere_are_named_with_the_key_that_says_where(paper):
    message = elsewhere_message(paper.model_copy(update={"elsewhere": ("imagenet1k",)}))
    assert "imagenet1k: " in message
    assert "site.data.imagenet1k" in message


def test_what_is_asked_for_without_its_data_says_where_they_were_looked_for(paper):
    message = absent_message(paper, "food101")
    assert message.startswith("food101: nothing at data/food101.")
    assert "site.data.food101" in message


def test_what_was_made_is_what_was_asked_for():
    def said(*targets: tuple[list[str], list[str]]) -> list[str]:
        message = made_message(SimpleNamespace(input=inputs, output=outputs) for inputs, outputs in targets)
        return message.strip().splitlines()

    def path(name: str) -> str:
        return f"  {Path.cwd() / name}"

    everything = (["reports/index.html", "reports/demo/index.html", "results/demo/metrics/a.json"], [])
    assert said(everything) == ["The report:", path("reports/index.html")]
    exhibit = (["results/demo/metrics/a.json"], ["reports/demo/exhibits/t.html", "reports/demo/exhibits/t.csv"])
    assert said(exhibit) == ["Made:", path("reports/demo/exhibits/t.html")]
    run = (["results/demo/runs/a/outcome.json", "results/demo/metrics/a.json"], [])
    assert said(run) == ["Made:", path("results/demo/metrics/a.json"), path("results/demo/runs/a/outcome.json")]
    many = ([], [f"{number}.json" for number in range(20)])
    assert said(many)[-1] == "  and 12 more"
