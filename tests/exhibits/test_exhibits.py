"""The declarations as they are: the whole paper, each number once."""

from __future__ import annotations

import csv
import subprocess
import sys

import pytest
import yaml

from bits.exhibits import Declarations, load_declarations
from bits.exhibits.kinds.grid import Grid
from bits.exhibits.kinds.lines import Lines
from bits.records.code import ROOT

CONFIG = ROOT / "config"
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


def sources_of(declared: Declarations, exhibit: str) -> dict[str, str]:
    return {row.label: row.run for row in declared.exhibits[exhibit].rows}  # type: ignore[union-attr]


def test_all_exhibits_of_the_paper_are_declared(declared: Declarations) -> None:
    tables = [f"table-{n}" for n in range(1, 15)]
    figures = [f"figure-{n}" for n in range(1, 11)]
    of_the_paper = [name for name, exhibit in declared.exhibits.items() if not exhibit.beyond]
    assert of_the_paper == [*tables, *figures, "text-5.3", "text-5.5"] == list(declared.exhibits)[: len(of_the_paper)]
    names = [declared.exhibits[name].name for name in ("table-4", "figure-10", "text-5.3")]
    assert names == ["Table 4", "Figure 10", "In text, Section 5.3"]
    assert [declared.exhibits[name].number for name in ("table-14", "figure-2", "text-5.5")] == [14, 2, None]


def test_what_is_not_pending_can_be_computed(declared: Declarations) -> None:
    computable = declared.computable()
    assert {"table-1", "table-2", "figure-1", "figure-4"} <= set(computable)
    assert sorted([*computable, *declared.pending]) == sorted(declared.exhibits)
    assert all(reason.strip() for reason in declared.pending.values())


def test_every_published_line_is_shown_with_its_value(declared: Declarations) -> None:
    """A walk over the exhibits finds each of the 395 lines exactly once, with the value in the file."""
    shown: dict[tuple[str, ...], float | str] = {}
    for exhibit in (one for one in declared.exhibits.values() if not one.beyond):
        if isinstance(exhibit, Grid):
            for row in (row for row in exhibit.rows if not row.extra):
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
    for exhibit in (one for one in declared.exhibits.values() if not one.beyond):
        for row in exhibit.rows if isinstance(exhibit, Grid) else ():
            if row.extra:
                continue
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


def test_fine_tunings_in_the_order_of_the_exhibits(declared: Declarations) -> None:
    pairs = declared.finetunings()
    assert len(pairs) == len(set(pairs)) == 16
    assert {f"{run}-on-{role}" for run, role in pairs} == FINE_TUNINGS
    assert pairs[:5] == [*(("dino", role) for role in TARGETS), ("simdino", "birds525")]


def test_needs_of_a_grid_are_unique_and_follow_the_data_set(declared: Declarations) -> None:
    needs = declared.exhibits["table-14"].needs()
    assert len(needs) == len(set(needs)) == (8 + 3) * 12
    assert ("bits-reset-on-food101", "food101.knn.top1_k20") in needs
    assert ("bits-reset", "food101.knn.top1_k20") in needs
    assert declared.exhibits["figure-4"].needs() == [(method, "imagenet1k.training.map") for method in METHODS]
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


def test_reading_declarations_imports_neither_torch_nor_pandas() -> None:
    code = (
        "import sys; from pathlib import Path; from bits.exhibits import load_declarations; "
        f"load_declarations(Path({str(CONFIG)!r})); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'pandas', 'numpy', 'matplotlib')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=CONFIG.parent, check=False).returncode == 0
