"""Every way in which declarations can contradict each other is refused, by name."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml

from bits.errors import BitsError
from bits.exhibits import Declarations, load_declarations
from bits.records.code import ROOT

CONFIG = ROOT / "config"
RUNS = set(yaml.safe_load((CONFIG / "runs.yaml").read_text()))


@pytest.fixture(scope="module")
def declared() -> Declarations:
    return load_declarations(CONFIG, RUNS)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A copy of the declarations, to break."""
    folder = tmp_path / "config"
    shutil.copytree(CONFIG / "exhibits", folder / "exhibits")
    for name in ("measures.yaml", "references.yaml", "pending.yaml", "published.csv"):
        shutil.copy(CONFIG / name, folder / name)
    return folder


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) >= 1, f"{path.name} has no {old!r}"
    path.write_text(text.replace(old, new, 1))


def rejected(config: Path, message: str, runs: set[str] | None = RUNS) -> None:
    with pytest.raises(BitsError, match=message):
        load_declarations(config, runs)


def test_a_run_nobody_shows_is_rejected(config: Path) -> None:
    message = "run 'bits-lonely': no exhibit shows it. Say where in its line of config/runs.yaml, as in shown: "
    rejected(config, re.escape(message + '{table-9: "50"}'), RUNS | {"bits-lonely"})
    rejected(config, re.escape('or shown: {extra-my-ablation: "label"}'), RUNS | {"bits-lonely"})
    assert load_declarations(config, RUNS | {"bits-lonely"}, {"bits-lonely": {"extra-x": "lonely"}})


def test_a_fine_tuning_nobody_shows_is_rejected(config: Path) -> None:
    rejected(config, "run 'bits-128-on-food101': no exhibit shows it", RUNS | {"bits-128-on-food101"})


def test_an_unknown_run_is_rejected_with_its_neighbour(config: Path) -> None:
    change(config / "exhibits/tables.yaml", "run: bits-cosine", "run: bits-cosinus")
    rejected(config, "exhibits.table-3: no run 'bits-cosinus'; did you mean 'bits-cosine'")
    assert load_declarations(config).exhibits["table-3"], "without a list of runs there is nothing to check"


def test_an_unknown_fine_tuning_is_rejected(config: Path) -> None:
    change(config / "exhibits/tables.yaml", '"dino-on-{dataset}"', '"dyno-on-{dataset}"')
    rejected(config, "exhibits.table-8: no run 'dyno-on-birds525': no run 'dyno'; did you mean 'dino'")


def test_a_fine_tuning_on_an_unknown_role_is_rejected_even_without_runs(config: Path) -> None:
    change(config / "exhibits/tables.yaml", '"dino-on-{dataset}"', "dino-on-birds526")
    message = "exhibits.table-8: no run 'dino-on-birds526': no data set role 'birds526'; did you mean 'birds525'"
    rejected(config, message)
    rejected(config, message, runs=None)


def test_a_run_cannot_be_called_like_a_fine_tuning(config: Path) -> None:
    rejected(config, "no run 'bits-on-ice': no data set role 'ice'", RUNS | {"bits-on-ice"})


def test_an_unknown_measure_is_rejected_with_its_neighbour(config: Path) -> None:
    change(config / "exhibits/tables.yaml", "imagenet1k.knn.top1_k20", "imagenet1k.knn.top1_k30")
    rejected(config, r"table-1: no measure 'imagenet1k.knn.top1_k30'; did you mean .*top1_k20")


def test_an_unknown_metric_or_role_is_rejected(config: Path) -> None:
    change(config / "measures.yaml", "  imagenetv2: [retrieval.map,", "  imagenetv2: [retrieval.mop,")
    rejected(config, "measures.imagenetv2: no metric 'retrieval.mop'; did you mean 'retrieval.map'")
    change(config / "measures.yaml", "  imagenetv2: [retrieval.mop,", "  imagenetv3: [retrieval.map,")
    rejected(config, "measures.imagenetv3: not a role; did you mean 'imagenetv2'")


def test_a_series_cannot_fill_a_cell(config: Path) -> None:
    change(config / "exhibits/tables.yaml", "imagenet1k.knn.top1_k20", "imagenet1k.training.map")
    rejected(config, "table-1: expected measures of shape number; imagenet1k.training.map is a series")


def test_a_cell_nobody_published_is_rejected(config: Path) -> None:
    change(
        config / "exhibits/tables.yaml",
        '{label: "0.5", run: bits-beta-0.5}',
        '{label: "0.6", run: bits-beta-0.5}',
    )
    rejected(config, "nobody published table-4/BITS-fixed/beta=0.6/mAP")


def test_a_published_value_nobody_shows_is_rejected(config: Path) -> None:
    with (config / "published.csv").open("a") as file:
        file.write("table-2,BITS-reset,,d_eff at 10 epochs,17,\n")
    rejected(config, r"no exhibit shows table-2/BITS-reset//d_eff at 10 epochs")


def test_an_extra_column_and_a_reference_need_no_published_value(config: Path) -> None:
    change(
        config / "exhibits/tables.yaml",
        "      - {label: r_eff, measure: imagenet1k.variance.r_eff}",
        "      - {label: r_eff, measure: imagenet1k.variance.r_eff}\n"
        "      - {label: more, measure: imagenet1k.knn.top1_k10, extra: true}",
    )
    assert len(load_declarations(config, RUNS).exhibits["table-2"].needs()) == 7 * 3
    change(config / "exhibits/tables.yaml", "imagenet1k.knn.top1_k10, extra: true", "imagenet1k.knn.top1_k10")
    rejected(config, "nobody published table-2/DINO//more")


def test_an_unknown_reference_is_rejected(config: Path) -> None:
    change(config / "exhibits/tables.yaml", "{reference: pixels}", "{reference: pixel}")
    rejected(config, "exhibits.table-1: no reference 'pixel' in references.yaml; did you mean 'pixels'")


def test_a_curve_nobody_published_is_rejected(config: Path) -> None:
    change(
        config / "exhibits/figures.yaml",
        'x: {label: "probe epoch (0: after the first)", key: epoch}',
        "x: {label: probe epoch, key: age}",
    )
    rejected(config, "exhibits.figure-5: nobody published a point of DINO .* age=<number>")


def test_an_unknown_key_is_rejected_with_file_place_and_neighbour(config: Path) -> None:
    change(config / "exhibits/tables.yaml", "    row_title: beta", "    row_titel: beta")
    rejected(config, r"tables.yaml: exhibits.table-4.row_titel: unknown key; did you mean 'row_title'")


def test_an_unknown_kind_is_rejected(config: Path) -> None:
    change(config / "exhibits/figures.yaml", "kind: embedding", "kind: hologram")
    known = "known: embedding, gallery, grid, lines"
    rejected(config, f"figures.yaml: exhibits.figure-2.kind: no kind of exhibit 'hologram'; {known}")
    change(config / "exhibits/figures.yaml", "kind: hologram", "kind: embeding")
    rejected(config, "exhibits.figure-2.kind: no kind of exhibit 'embeding'; did you mean 'embedding'")
    change(config / "exhibits/figures.yaml", "kind: embeding", "kind: [embedding]")
    rejected(config, "exhibits.figure-2.kind: no kind of exhibit ")


def test_a_shape_that_no_kind_shows_is_rejected(config: Path) -> None:
    change(config / "measures.yaml", "shape: series", "shape: serie")
    rejected(config, "no kind of exhibit shows the shape 'serie'; did you mean 'series'")


def test_a_key_given_twice_is_rejected(config: Path) -> None:
    with (config / "exhibits/figures.yaml").open("a") as file:
        file.write("  figure-4: {kind: lines}\n")
    rejected(config, r"figures.yaml: not valid YAML: key 'figure-4' is given twice")


def test_pending_names_exhibits_that_exist(config: Path) -> None:
    (config / "pending.yaml").write_text("table-15: not yet\n")
    rejected(config, "pending.yaml: no exhibit 'table-15'; did you mean .*'table-14'")


def test_a_quoted_value_needs_a_column(config: Path) -> None:
    change(config / "exhibits/tables.yaml", "values: {k-NN: 72.9,", "values: {k-nn: 72.9,")
    rejected(config, "quoted value for 'k-nn', which is no column")


def test_a_series_needs_a_colour(config: Path) -> None:
    change(config / "exhibits/figures.yaml", 'colours: {DINO: "#4C78A8", ', "colours: {")
    rejected(config, "exhibits.figure-1: no colour for 'DINO'")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("table-1,DINO,,mAP,35.68,", "is published twice"),
        ("table-1,DINO,,mAP at 3,many,", "line 397: expected a number or one of"),
        ("table-1,DINO,,mAP at 3,nan,", "line 397: expected a number or one of"),
        ("table-1,DINO,mAP,3", "line 397: expected 6 fields"),
        ("table-1,DINO,,mAP,3,a note, unquoted", "line 397: expected 6 fields"),
    ],
)
def test_an_unreadable_published_line_is_rejected(config: Path, line: str, message: str) -> None:
    with (config / "published.csv").open("a") as file:
        file.write(line + "\n")
    rejected(config, message)


@pytest.mark.parametrize("name", ["measures.yaml", "pending.yaml", "references.yaml", "published.csv"])
def test_a_missing_file_is_named(config: Path, name: str) -> None:
    (config / name).unlink()
    rejected(config, rf"{re.escape(name)}: cannot be read \(No such file")


def test_an_unknown_exhibit_is_named_with_its_neighbour(declared: Declarations) -> None:
    with pytest.raises(BitsError, match="no exhibit 'tabel-1'; did you mean 'table-1'"):
        declared.exhibit("tabel-1")
