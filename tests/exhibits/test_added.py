"""Rows that users add: where they go, which places and labels are refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from bits.exhibits import DeclarationError, load_declarations
from bits.exhibits.kinds.grid import Grid
from bits.exhibits.kinds.lines import Lines
from bits.records.code import ROOT

CONFIG = ROOT / "config"
RUNS = {*yaml.safe_load((CONFIG / "runs.yaml").read_text()), "bits-reset-50"}


def test_a_row_of_a_declared_table() -> None:
    declared = load_declarations(CONFIG, RUNS, {"bits-reset-50": {"table-9": "50"}})
    grid = declared.exhibits["table-9"]
    assert isinstance(grid, Grid)
    assert (grid.rows[-1].run, grid.rows[-1].label, grid.rows[-1].extra) == ("bits-reset-50", "50", True)
    assert ("bits-reset-50", "imagenet1k.retrieval.map") in grid.needs()
    assert list(declared.exhibits) == list(load_declarations(CONFIG).exhibits)


def test_a_curve_of_a_declared_figure_has_a_colour_of_its_own() -> None:
    shown = {"bits-reset-50": {"figure-4": "50"}, "bits-128": {"figure-4": "128", "figure-1": "128"}}
    declared = load_declarations(CONFIG, RUNS, shown)
    figure = declared.exhibits["figure-4"]
    assert isinstance(figure, Lines)
    assert [row.label for row in figure.series[-2:]] == ["50", "128"]
    assert len(set(declared.colours.values())) == len(declared.colours) == 6
    assert len(list(figure.published_curves())) == 4


def test_tables_of_their_own_come_last_in_the_order_given() -> None:
    shown = {"bits-reset-50": {"extra-b": "50"}, "bits-128": {"extra-a": "128", "extra-b": "128"}}
    declared = load_declarations(CONFIG, RUNS, shown)
    assert list(declared.exhibits)[-2:] == ["extra-b", "extra-a"]
    grid = declared.exhibits["extra-b"]
    assert isinstance(grid, Grid)
    assert [row.run for row in grid.rows] == ["bits-reset-50", "bits-128"]
    assert [column.measure for column in grid.columns] == [
        "imagenet1k.retrieval.map",
        "imagenet1k.knn.top1_k20",
        "imagenet1k.linear.last",
    ]
    assert (grid.number, grid.beyond, grid.name) == (None, True, "Extra b")
    assert "extra-b" in declared.computable()


def test_a_table_of_their_own_can_be_declared(tmp_path: Path) -> None:
    config = copied(tmp_path)
    (config / "exhibits/mine.yaml").write_text(
        "exhibits:\n  extra-mine:\n    kind: grid\n    title: Mine\n    section: Beyond the paper\n    caption: c\n"
        "    rows: [{label: fixed, run: bits-fixed}]\n"
        "    columns: [{label: mAP, measure: imagenet1k.retrieval.map}]\n"
    )
    declared = load_declarations(config, RUNS, {"bits-reset-50": {"extra-mine": "50"}})
    grid = declared.exhibits["extra-mine"]
    assert isinstance(grid, Grid)
    assert ([row.label for row in grid.rows], list(grid.published_keys(declared.published))) == (["fixed", "50"], [])


def test_a_declared_row_may_be_extra(tmp_path: Path) -> None:
    config = copied(tmp_path)
    path = config / "exhibits/tables.yaml"
    row = '{label: "20", run: bits-reset-20}'
    assert row in path.read_text()
    path.write_text(path.read_text().replace(row, f'{row}, {{label: "50", run: bits-reset-50, extra: true}}'))
    assert load_declarations(config, RUNS).exhibits["table-9"]


@pytest.mark.parametrize(
    ("place", "label", "message"),
    [
        ("tabel-9", "50", r"runs.yaml: bits-reset-50.shown.tabel-9: no exhibit 'tabel-9' .*; did you mean .*'table-9'"),
        ("extra-My Ablation", "50", "'extra-My Ablation' cannot be an exhibit's id; expected table-<n>, "),
        ("extra-", "50", "cannot be an exhibit's id"),
        ("table-9", "10", "Table 9 has a row '10' already; choose another label"),
        ("table-9", " ", "bits-reset-50.shown.table-9.label: String should match pattern"),
        ("figure-3", "50", "Figure 3 shows a single run; rows can be added to tables and curves"),
    ],
)
def test_what_cannot_be_added_is_refused(place: str, label: str, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        load_declarations(CONFIG, RUNS, {"bits-reset-50": {place: label}})


def test_a_run_that_does_not_exist_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"exhibits.table-9: no run 'bits-rest-50'"):
        load_declarations(CONFIG, RUNS, {"bits-reset-50": {"extra-x": "50"}, "bits-rest-50": {"table-9": "50"}})


def copied(folder: Path) -> Path:
    shutil.copytree(CONFIG, folder / "config")
    return folder / "config"
