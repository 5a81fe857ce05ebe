"""The code that a rule's digest covers is what its command imports, and no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from bits.records.code import ROOT, code_digest, imported_files
from bits.workflow.code import DRAWING, ELSEWHERE, STARTS, code_state_of


def covered(start: str) -> set[str]:
    return {path.relative_to(ROOT / "bits").as_posix() for path in imported_files([ROOT / start], ELSEWHERE)}


def test_training_is_models_objectives_views_and_the_curve() -> None:
    files = covered(STARTS["train"])
    assert {"models/head.py", "runs/train.py", "runs/build.py", "views/blur.py", "objectives/objective.py"} <= files
    assert {"evaluation/average_precision.py", "data/decode.py"} <= files  # the curve is measured while it trains
    assert not {name for name in files if name.startswith(("reporting/", "costs/", "doctor/", "plan/"))}


def test_a_report_is_its_templates_too() -> None:
    files = covered(STARTS["report"])
    assert any(name.startswith("reporting/templates/") for name in files)
    assert "reporting/collect.py" in files
    assert "models/head.py" not in files


def test_a_figure_is_drawn_by_code_that_no_table_depends_on() -> None:
    assert (ROOT / DRAWING).is_file()
    assert code_state_of("figures").split(":")[2] != code_state_of("report").split(":")[2]


def test_what_is_named_exists() -> None:
    for name in (*STARTS.values(), *ELSEWHERE):
        assert (ROOT / name).exists()


def test_imports_inside_functions_count_and_packages_give_their_init(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package = tmp_path / "bits"
    (package / "inner").mkdir(parents=True)
    (package / "start.py").write_text("def work():\n    from bits.late import thing\n    import bits.inner\n")
    (package / "late.py").write_text("import os\n")
    (package / "inner/__init__.py").write_text("from bits.inner.deep import value\n")
    (package / "inner/deep.py").write_text("value = 1\n")
    (package / "other.py").write_text("value = 2\n")
    monkeypatch.setattr("bits.records.code.ROOT", tmp_path)
    found = imported_files([package / "start.py"])
    assert [path.name for path in found] == ["__init__.py", "deep.py", "late.py", "start.py"]
    before = code_digest(found)
    (package / "inner/deep.py").write_text("value = 1  # a comment\n")
    assert code_digest(found) == before
    (package / "inner/deep.py").write_text("value = 3\n")
    assert code_digest(found) != before
