"""Cells: planted numbers arrive in the right unit, holes and outcomes are loud."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from bits.config.recipe import Dataset
from bits.errors import BitsError
from bits.records.seal import SEAL, write_record
from bits.reporting.cells import Cell, Table
from bits.reporting.rendered import require_complete


def cell(table: Table, row: str, column: str) -> Cell:
    labels = [head.label for head in table.heads]
    (found,) = [line for line in table.rows if line.label == row and line.kind != "quoted"]
    return found.cells[labels.index(column)]


def problem_of(found: Cell) -> str:
    """Why the one seed of a cell has no value."""
    (problem,) = found.seeds.holes()
    return problem


def test_planted_numbers_arrive_in_percent_beside_the_published_value(fake: Any) -> None:
    table = fake.table("table-1")
    for label, source in (("DINO", "dino"), ("SimDINO", "simdino"), ("BITS-fixed", "bits-fixed")):
        mean_ap, knn, last, best, *_ = fake.planted[source]
        found = [cell(table, label, name) for name in ("mAP", "k-NN", "linear probing", "linear, best epoch")]
        assert [one.value for one in found] == pytest.approx([100 * x for x in (mean_ap, knn, last, best)])
    reset = cell(table, "BITS-reset", "mAP")
    assert (reset.published, reset.published_text, reset.unit) == (50.64, "50.64", "%")
    assert reset.seeds.run_ids == fake.id("bits-reset")
    assert reset.seeds.origins == str(fake.plan.metrics[fake.id("bits-reset")]["imagenet1k"])
    assert cell(table, "BITS-reset", "mAP@1000, authors' code").published is None
    require_complete(table)


def test_counts_keep_their_unit(fake: Any) -> None:
    table = fake.table("table-2")
    assert (cell(table, "DINO", "d_eff").value, cell(table, "DINO", "d_eff").text) == (11.24, "11.2")
    assert cell(table, "DINO", "d_eff").published_text == "233"


def test_the_caption_names_data_that_stand_in(fake: Any) -> None:
    said = "Measured here on procedural scenes, 20 classes, in place of imagenet1k."
    assert fake.table("table-1").about.caption.endswith(said)
    fake.change(datasets={"imagenet1k": Dataset(name="imagenet1k", title="ImageNet-1k", kind="images")})
    assert "in place of" not in fake.table("table-1").about.caption


def test_references_and_quoted_rows_follow_the_methods(fake: Any) -> None:
    table = fake.table("table-1")
    assert [row.kind for row in table.rows] == ["run"] * 4 + ["reference"] * 3 + ["quoted"] * 2
    pixels = cell(table, "raw pixels", "k-NN")
    assert (pixels.value, pixels.published, pixels.status) == (21.7, None, "measured")
    quoted = table.rows[-1].cells[1]
    assert (quoted.value, quoted.published, quoted.text, quoted.source) == (
        None,
        74.9,
        "",
        "public checkpoint",
    )


def test_the_best_measured_method_is_marked_and_no_reference(fake: Any) -> None:
    fake.change_metrics("pixels", knn={"top1_k20": 0.99})
    table = fake.table("table-1")
    best = {head.label: [row.label for row in table.rows if row.cells[i].best] for i, head in enumerate(table.heads)}
    assert best["k-NN"] == ["BITS-reset"]
    assert best["linear probing"] == ["BITS-fixed"]


def test_a_run_that_did_not_run_is_a_hole(fake: Any) -> None:
    fake.unmake("simdino")
    table = fake.table("table-1")
    hole = cell(table, "SimDINO", "mAP")
    assert (hole.text, hole.value, hole.published) == ("not run", None, 38.62)
    (problem,) = hole.seeds.holes()
    assert "simdino has not run. Make it with: snakemake results/demo/runs" in problem
    assert table.counts() == (42, 49)
    with pytest.raises(BitsError, match=r"Table 1 has holes:\n.*outcome.json does not exist"):
        require_complete(table)


def test_a_missing_metrics_file_is_a_hole(fake: Any) -> None:
    fake.metrics_path("simdino").unlink()
    table = fake.table("table-1")
    found = cell(table, "SimDINO", "k-NN")
    assert (found.text, found.missing, table.counts()) == ("not measured", True, (42, 49))
    assert problem_of(found).startswith(str(fake.plan.metrics[fake.id("simdino")]["imagenet1k"]))


@pytest.mark.parametrize("value", [None, "0.3", True, [0.3]])
def test_what_is_no_finite_number_is_a_hole_and_never_zero(fake: Any, value: object) -> None:
    fake.change_metrics("dino", knn={"top1_k20": value})
    table = fake.table("table-1")
    assert (cell(table, "DINO", "k-NN").text, cell(table, "DINO", "k-NN").value) == ("not measured", None)
    assert "dino" in problem_of(cell(table, "DINO", "k-NN"))
    assert cell(table, "DINO", "mAP").text == "14.32"


def test_an_absent_metric_is_a_hole_that_names_it(fake: Any) -> None:
    fake.change_metrics("dino", knn={})
    assert "dino has no knn.top1_k20 of imagenet1k" in problem_of(cell(fake.table("table-1"), "DINO", "k-NN"))


def test_zero_is_a_number(fake: Any) -> None:
    fake.change_metrics("dino", knn={"top1_k20": 0})
    assert cell(fake.table("table-1"), "DINO", "k-NN").text == "0.00"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"id": "dino-00000000"}, "is of dino-00000000, not of dino-3fa9c1d2"),
        ({"evaluation": "00000000"}, "is of evaluation 00000000, not of 1a2b3c4d"),
    ],
)
def test_metrics_of_another_run_or_evaluation_are_refused(fake: Any, changed: dict[str, str], said: str) -> None:
    content = json.loads(fake.metrics_path("dino").read_text())
    del content[SEAL]
    write_record(fake.metrics_path("dino"), content | changed)
    with pytest.raises(BitsError, match=rf"imagenet1k-1a2b3c4d\.json: {said}\. Delete it and run snakemake again"):
        fake.table("table-1")


def test_changed_and_swapped_records_are_refused(fake: Any) -> None:
    metrics, outcome = fake.metrics_path("dino"), fake.root / fake.run("dino").outcome
    kept = metrics.read_text()
    metrics.write_text(kept.replace("0.1432", "0.9432"))
    with pytest.raises(BitsError, match=r"imagenet1k-1a2b3c4d\.json: was changed after it was made.*snakemake again"):
        fake.table("table-1")
    metrics.write_text(json.dumps(json.loads(kept)))  # laid out otherwise, it says the same
    assert cell(fake.table("table-1"), "DINO", "mAP").text == "14.32"
    outcome.write_text((fake.root / fake.run("simdino").outcome).read_text())
    with pytest.raises(BitsError, match=r"is of simdino-.*, not of dino-"):
        fake.table("table-1")


@pytest.mark.parametrize(("outcome", "word"), [("collapsed", "collapse"), ("diverged", "diverges")])
def test_a_run_that_broke_down_shows_so_with_its_number_in_the_tooltip(fake: Any, outcome: str, word: str) -> None:
    fake.end("bits-fixed", outcome, "all images on one point")
    table = fake.table("table-1")
    found = cell(table, "BITS-fixed", "mAP")
    assert (found.text, found.number) == (word, "17.91")
    assert "measured 17.91" in found.tooltip
    assert "all images on one point" in found.tooltip
    assert not any(one.best for one in table.rows[2].cells)
    require_complete(table)


def test_a_run_that_diverged_needs_no_metrics(fake: Any) -> None:
    fake.end("bits-fixed", "diverged", "loss is not finite at step 17")
    fake.metrics_path("bits-fixed").unlink()
    found = cell(fake.table("table-1"), "BITS-fixed", "mAP")
    assert (found.text, found.value) == ("diverges", None)


def test_a_run_that_failed_is_a_hole(fake: Any) -> None:
    fake.fail("bits-fixed", "out of memory")
    table, outcome = fake.table("table-1"), fake.run("bits-fixed").outcome
    assert cell(table, "BITS-fixed", "mAP").text == "failed"
    assert table.holes() == [f"bits-fixed failed: out of memory. Try it again with: snakemake {outcome}"]


def test_a_failed_attempt_that_was_made_good_is_forgotten(fake: Any) -> None:
    fake.fail("bits-fixed", "out of memory")
    fake.end("bits-fixed", "finished")
    assert cell(fake.table("table-1"), "BITS-fixed", "mAP").text == "17.91"


def test_published_outcomes_stand_beside_measured_ones(fake: Any) -> None:
    fake.without_pending()
    fake.end("bits-soft-1", "collapsed")
    fake.end("simdino-reset", "diverged")
    soft, never = fake.table("table-10").rows[0].cells[0], fake.table("text-5.3").rows[0].cells[0]
    assert (soft.text, soft.published_text) == ("collapse", "collapse")
    assert (never.text, never.published_text) == ("diverges", "diverges")


def test_an_unknown_outcome_is_an_error(fake: Any) -> None:
    fake.end("dino", "exploded")
    with pytest.raises(BitsError, match=r"outcome: expected one of finished, .* found 'exploded'"):
        fake.table("table-1")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": None}, "imagenet1k-1a2b3c4d.json: values: expected an object, found None. Delete the file and run"),
        ({"values": [1]}, "values: expected an object, found [1]"),
        ({"values": {"knn": [1]}}, "values: knn: expected an object"),
        ({"provenance": ["x"]}, "provenance: expected an object"),
        ({"provenance": {"versions": ["x"]}}, "provenance: versions: expected an object"),
    ],
)
def test_a_record_of_another_shape_is_an_error(fake: Any, change: dict[str, Any], message: str) -> None:
    content = json.loads(fake.metrics_path("dino").read_text())
    del content[SEAL]
    write_record(fake.metrics_path("dino"), content | change)
    with pytest.raises(BitsError, match=re.escape(message)):
        fake.table("table-1")


def test_a_damaged_metrics_file_is_an_error(fake: Any) -> None:
    fake.metrics_path("dino").write_text('{"values": ')
    with pytest.raises(BitsError, match="not valid JSON"):
        fake.table("table-1")


def test_a_source_outside_the_plan_is_a_hole(fake: Any) -> None:
    del fake.plan.runs[fake.id("dino")]
    del fake.plan.sources["simdino"]
    fake.save()
    table = fake.table("table-1")
    assert problem_of(cell(table, "SimDINO", "mAP")) == "simdino is not part of this scale's plan"
    assert problem_of(cell(table, "DINO", "mAP")).startswith("dino-3fa9c1d2, a seed of dino, is not part of")


def test_groups_of_a_transfer_table(fake: Any) -> None:
    fake.without_pending()
    table = fake.table("table-14")
    assert table.head_groups() == [("Birds525", 3), ("Food101", 3), ("iNat2019", 3), ("PlantNet300k", 3)]
    assert [(kind, len(rows)) for kind, _, rows in table.bodies()] == [("run", 4), ("run", 4), ("reference", 3)]
    last = table.rows[7].cells[-1]
    assert (last.source, last.measure) == ("bits-reset-on-plantnet300k", "plantnet300k.linear.last")
    assert (last.published, last.text) == (79.1, "not run")


def test_a_kind_that_nothing_renders_is_named_with_what_to_do(fake: Any) -> None:
    with pytest.raises(
        BitsError, match=r"figure-2: nothing renders exhibits of kind embedding yet.*grid, lines.*pending"
    ):
        fake.collected("figure-2")
