"""The declarations as they are, and every way in which they can contradict each other."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bits.errors import BitsError
from bits.exhibits import Declarations, Grid, Lines, load_declarations

CONFIG = Path(__file__).resolve().parents[1] / "config"
METHODS = ("dino", "simdino", "bits-fixed", "bits-reset")
RUNS = {
    *METHODS,
    *("bits-cosine", "bits-beta-0.05", "bits-beta-0.1", "bits-beta-0.2", "bits-beta-0.5"),
    *("bits-reset-1", "bits-reset-5", "bits-reset-20"),
    *("bits-soft-1", "bits-soft-0.2", "bits-soft-0.1", "bits-soft-0.05", "bits-soft-0.01"),
    *("bits-min-lr-1e-6", "bits-128", "bits-512"),
    *("bits-clip-0.3", "bits-clip-0.5", "bits-clip-2", "bits-clip-3", "simdino-reset"),
}
TARGETS = ("birds525", "food101", "inat2019", "plantnet300k")
FINE_TUNINGS = {f"{method}-on-{target}" for method in METHODS for target in TARGETS}


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


def sources_of(declared: Declarations, exhibit: str) -> dict[str, str]:
    return {row.label: row.run for row in declared.exhibits[exhibit].rows}  # type: ignore[union-attr]


def test_all_exhibits_of_the_paper_are_declared(declared: Declarations) -> None:
    tables = [f"table-{n}" for n in range(1, 15)]
    figures = [f"figure-{n}" for n in range(1, 11)]
    assert list(declared.exhibits) == [*tables, *figures, "text-5.3", "text-5.5"]
    names = [declared.exhibits[name].name for name in ("table-4", "figure-10", "text-5.3")]
    assert names == ["Table 4", "Figure 10", "In text, Section 5.3"]
    assert [declared.exhibits[name].number for name in ("table-14", "figure-2", "text-5.5")] == [14, 2, None]


def test_what_can_be_computed_now(declared: Declarations) -> None:
    assert declared.computable() == ["table-1", "table-2", "figure-1", "figure-4"]
    assert len(declared.pending) == 22
    assert all(reason.strip() for reason in declared.pending.values())


def test_every_published_line_is_shown_with_its_value(declared: Declarations) -> None:
    """A walk over the exhibits finds each of the 395 lines exactly once, with the value in the file."""
    shown: dict[tuple[str, ...], float | str] = {}
    for exhibit in declared.exhibits.values():
        if isinstance(exhibit, Grid):
            for row in exhibit.rows:
                for column in (column for column in exhibit.columns if not column.extra):
                    key = exhibit.published_key(row, column)
                    assert key not in shown
                    published = declared.published.get(key)
                    assert published is not None
                    shown[key] = published.value
        elif isinstance(exhibit, Lines):
            for panel, row in exhibit.curves():
                points = exhibit.published_points(panel, row, declared.published)
                assert len(points) >= 4
                assert not shown.keys() & points.keys()
                assert [x for x, _ in points.values()] == sorted(x for x, _ in points.values())
                shown |= {key: y for key, (_, y) in points.items()}
    with (CONFIG / "published.csv").open(newline="") as file:
        lines = {tuple(line[:4]): line[4] for line in csv.reader(file)}
    del lines["item", "method", "setting", "column"]
    assert len(lines) == len(shown) == len(declared.published) == 395
    for key, text in lines.items():
        assert shown[key] == (text if text in ("collapse", "diverges") else float(text)), key


def test_shared_cells_are_one_run(declared: Declarations) -> None:
    fixed = sources_of(declared, "table-1")["BITS-fixed"]
    assert fixed == sources_of(declared, "table-3")["BCE"] == sources_of(declared, "table-9")["inf"]
    assert fixed == sources_of(declared, "table-10")["hard"] == sources_of(declared, "table-13")["5e-5"]
    assert sources_of(declared, "table-1")["BITS-reset"] == sources_of(declared, "table-9")["10"]
    base = sources_of(declared, "table-13")["1e-6"]
    assert base == sources_of(declared, "table-11")["256"] == sources_of(declared, "table-12")["1"]
    assert len({fixed, base}) == 2


def test_cells_of_one_run_and_measure_were_published_with_one_value(declared: Declarations) -> None:
    """The paper's shared cells agree: the same run and measure never has two published values."""
    values: dict[tuple[str, str], set[float | str]] = {}
    for exhibit in declared.exhibits.values():
        for row in exhibit.rows if isinstance(exhibit, Grid) else ():
            for column in (column for column in exhibit.columns if not column.extra):  # type: ignore[union-attr]
                published = declared.published.get(exhibit.published_key(row, column))  # type: ignore[union-attr]
                assert published is not None
                values.setdefault((row.source(column.measure), column.measure), set()).add(published.value)
    assert {need: found for need, found in values.items() if len(found) > 1} == {}


def test_needs_name_every_run_and_fine_tuning(declared: Declarations) -> None:
    sources = {source for exhibit in declared.exhibits.values() for source, _ in exhibit.needs()}
    assert sources == RUNS | FINE_TUNINGS | {"chance", "pixels", "random-init"}
    assert len(RUNS) == 25
    assert len(FINE_TUNINGS) == 16


def test_needs_of_a_grid_are_unique_and_follow_the_data_set(declared: Declarations) -> None:
    needs = declared.exhibits["table-14"].needs()
    assert len(needs) == len(set(needs)) == 8 * 12
    assert ("bits-reset-on-food101", "food101.knn.top1_k20") in needs
    assert ("bits-reset", "food101.knn.top1_k20") in needs
    assert declared.exhibits["figure-4"].needs() == [
        (method, "imagenet1k.training.map") for method in METHODS
    ]
    assert declared.measures["birds525.training.map"].record == "training"
    assert declared.measures["birds525.linear.last"].record == "birds525"


def test_published_values_of_some_cells(declared: Declarations) -> None:
    def value(exhibit: str, method: str, setting: str, column: str) -> float | str:
        published = declared.published.get((exhibit, method, setting, column))
        assert published is not None
        return published.value

    assert value("table-10", "BITS-fixed", "target=soft tau=1", "mAP") == "collapse"
    assert value("text-5.3", "SimDINO-reset", "head reset every n epochs", "outcome") == "diverges"
    assert value("text-5.5", "BITS-reset", "bits kept=64", "code mAP") == 43.73
    assert declared.published.get(("table-1", "BITS-reset", "", "mAP at 7")) is None


def test_runs_may_name_fine_tunings_or_leave_them_out() -> None:
    assert load_declarations(CONFIG, RUNS | FINE_TUNINGS).exhibits == load_declarations(CONFIG).exhibits


def test_the_lines_of_runs_yaml_are_the_paper_s_runs() -> None:
    assert set(yaml.safe_load((CONFIG / "runs.yaml").read_text())) == RUNS


def test_a_run_nobody_shows_is_rejected(config: Path) -> None:
    rejected(config, "run 'bits-lonely': no exhibit shows it", RUNS | {"bits-lonely"})


def test_a_fine_tuning_nobody_shows_is_rejected(config: Path) -> None:
    rejected(config, "run 'bits-128-on-food101': no exhibit shows it", RUNS | {"bits-128-on-food101"})


def test_an_unknown_run_is_rejected_with_its_neighbour(config: Path) -> None:
    change(config / "exhibits/tables.yaml", "run: bits-cosine", "run: bits-cosinus")
    rejected(config, "exhibits.table-3: no run 'bits-cosinus'; did you mean 'bits-cosine'")
    assert load_declarations(config).exhibits["table-3"], "without a list of runs there is nothing to check"


def test_an_unknown_fine_tuning_is_rejected(config: Path) -> None:
    change(config / "exhibits/tables.yaml", '"dino-on-{dataset}"', '"dyno-on-{dataset}"')
    rejected(config, "exhibits.table-8: no run 'dyno-on-birds525'")


def test_an_unknown_measure_is_rejected_with_its_neighbour(config: Path) -> None:
    change(config / "exhibits/tables.yaml", "imagenet1k.knn.top1_k20", "imagenet1k.knn.top1_k30")
    rejected(config, r"table-1: no measure 'imagenet1k.knn.top1_k30'; did you mean .*top1_k20")


def test_an_unknown_metric_or_role_is_rejected(config: Path) -> None:
    change(config / "measures.yaml", "  imagenetv2: [retrieval.map]", "  imagenetv2: [retrieval.mop]")
    rejected(config, "measures.imagenetv2: no metric 'retrieval.mop'; did you mean 'retrieval.map'")
    change(config / "measures.yaml", "  imagenetv2: [retrieval.mop]", "  imagenetv3: [retrieval.map]")
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
        "x: {label: probe epoch, key: epoch}",
        "x: {label: probe epoch, key: age}",
    )
    rejected(config, "exhibits.figure-5: nobody published a point of DINO .* age=<number>")


def test_an_unknown_key_is_rejected_with_file_place_and_neighbour(config: Path) -> None:
    change(config / "exhibits/tables.yaml", "    row_title: beta", "    row_titel: beta")
    rejected(config, r"tables.yaml: exhibits.table-4.row_titel: unknown key; did you mean 'row_title'")


def test_an_unknown_kind_is_rejected(config: Path) -> None:
    change(config / "exhibits/figures.yaml", "kind: embedding", "kind: hologram")
    rejected(
        config, "exhibits.figure-2.kind: expected one of grid, lines, gallery, embedding, found 'hologram'"
    )


def test_a_key_given_twice_is_rejected(config: Path) -> None:
    with (config / "exhibits/figures.yaml").open("a") as file:
        file.write("  figure-4: {kind: lines}\n")
    rejected(config, r"figures.yaml: not valid YAML: key 'figure-4' is given twice")


def test_pending_names_exhibits_that_exist(config: Path) -> None:
    change(config / "pending.yaml", "table-14:", "table-15:")
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


def test_reading_declarations_imports_neither_torch_nor_pandas() -> None:
    code = (
        "import sys; from pathlib import Path; from bits.exhibits import load_declarations; "
        f"load_declarations(Path({str(CONFIG)!r})); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'pandas', 'numpy', 'matplotlib')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=CONFIG.parent, check=False).returncode == 0
