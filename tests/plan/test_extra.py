"""config/extra: runs and exhibits that are part of a plan only when they are asked for."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bits.config.declared import CONFIG_DIR
from bits.config.extra import extra_names
from bits.config.lines import run_lines
from bits.errors import BitsError
from bits.exhibits import load_declarations
from bits.plan import Plan, Request, make_plan
from bits.plan.study import Study
from bits.workflow.options import request, study_of

from .conftest import made, names

BETAS = ("0.05", "0.1", "0.2", "0.5")
READINGS = ("ranks-4", "ranks-8", "literal", "batch-norm")


@pytest.fixture(scope="module")
def readings() -> Plan:
    return make_plan(Request.of_scale("smoke", extra=("readings",)))


def test_what_is_not_asked_for_is_no_part_of_a_plan(readings: Plan) -> None:
    plain = made("smoke")
    assert "extra-readings" not in plain.needs
    added = set(names(readings, "pretraining")) - set(names(plain, "pretraining"))
    assert added == {f"bits-{reading}-beta-{beta}" for reading in READINGS for beta in BETAS}
    assert set(readings.needs) - set(plain.needs) == {"extra-readings"}
    assert {name: readings.needs[name] for name in plain.needs} == plain.needs
    assert Request.of_scale("smoke").key() != Request.of_scale("smoke", extra=("readings",)).key()


def test_a_column_names_the_run_of_its_cell(readings: Plan) -> None:
    exhibit = load_declarations(CONFIG_DIR, extra=("readings",)).exhibit("extra-readings")
    expected = {
        f"bits-{'' if reading is None else f'{reading}-'}beta-{beta}" for reading in (None, *READINGS) for beta in BETAS
    }
    assert {source for source, _ in exhibit.needs()} == expected
    weights = {
        name: readings.runs[readings.sources[name][0]].recipe.objective.model_dump()["coding_rate"] for name in expected
    }
    assert all(name.endswith(f"beta-{rate['weight']:g}") for name, rate in weights.items())
    assert {name for name, rate in weights.items() if not rate["gamma"]} == {
        f"bits-literal-beta-{beta}" for beta in BETAS
    }
    assert weights["bits-ranks-8-beta-0.2"]["virtual_ranks"] == 8


def test_the_published_row_is_that_of_table_4() -> None:
    declared = load_declarations(CONFIG_DIR, extra=("readings",))
    (row,) = declared.exhibit("extra-readings").model_dump()["quoted"]
    published = {beta: declared.published.get(("table-4", "BITS-fixed", f"beta={beta}", "mAP")) for beta in BETAS}
    assert row["values"] == {beta: value.value for beta, value in published.items() if value}


def test_it_is_a_word_and_part_of_a_study() -> None:
    assert request({"scale": "smoke", "extra": "readings"}) == Request.of_scale("smoke", extra=("readings",))
    study = study_of(["scale=small", "extra=readings", "data=/x"])
    assert study == Study(scale="small", data="/x", extra=("readings",))
    assert str(study) == "scale=small data=/x extra=readings"
    with pytest.raises(BitsError, match=r"extra=raedings: no such file in .*did you mean 'readings'"):
        request({"extra": "raedings"})


def test_a_run_that_is_declared_twice_is_refused(tmp_path: Path) -> None:
    config = shutil.copytree(CONFIG_DIR, tmp_path / "config")
    (config / "extra/mine.yaml").write_text("runs:\n  dino: {method: dino, seed: 3}\n")
    assert extra_names(config) == ["mine", "readings"]
    with pytest.raises(BitsError, match=r"mine.yaml: run 'dino': declared in another file, too"):
        run_lines(config, ["mine"])
    (config / "extra/mine.yaml").write_text("runs: [dino]\n")
    with pytest.raises(BitsError, match=r"mine.yaml: runs: expected runs by name"):
        run_lines(config, ["mine"])


def test_set_ups_in_one_folder_are_told_apart_by_it(readings: Plan) -> None:
    assert readings.asked == ("extra=readings", *readings.overrides)
    assert made("smoke").asked == made("smoke").overrides
    assert readings.report_digest != made("smoke").report_digest
