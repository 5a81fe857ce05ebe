"""The code that a rule's digest covers is what its command imports, and no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from bits.records.code import ROOT, code_digest, imported_files
from bits.reporting.renderers.base import files_of
from bits.workflow.code import ELSEWHERE, STARTS, code_state_of


def covered(*starts: str) -> set[str]:
    found = imported_files([ROOT / start for start in starts], ELSEWHERE)
    return {path.relative_to(ROOT / "bits").as_posix() for path in found}


def covered_by(kind: str) -> set[str]:
    code = [path for path in files_of(kind, "") if path.suffix == ".py"]
    return covered(STARTS["report"], *(str(path.relative_to(ROOT)) for path in code))


def test_training_is_models_objectives_views_and_the_curve() -> None:
    files = covered(STARTS["train"])
    assert {"models/head.py", "runs/train.py", "runs/build.py", "views/blur.py", "objectives/objective.py"} <= files
    assert {"evaluation/average_precision.py", "data/decode.py"} <= files  # the curve is measured while it trains
    assert not {name for name in files if name.startswith(("reporting/", "costs/", "doctor/", "plan/"))}


def test_a_report_is_its_templates_too() -> None:
    files = covered(STARTS["report"])
    assert any(name.startswith("reporting/templates/") for name in files)
    assert "reporting/rendered.py" in files
    assert "models/head.py" not in files


def test_an_exhibit_is_its_own_kind_too_and_no_other() -> None:
    shared, grid, lines = covered(STARTS["report"]), covered_by("grid"), covered_by("lines")
    own = {"exhibits/kinds/grid.py", "reporting/renderers/grid.py", "reporting/latex.py", "reporting/tables.py"}
    other = {"exhibits/kinds/lines.py", "reporting/renderers/lines.py", "reporting/curves.py", "reporting/figures.py"}
    assert own <= grid
    assert other <= lines
    assert not own & lines
    assert not other & grid
    assert not (own | other) & shared
    states = {code_state_of("report", files) for files in ((), files_of("grid", ""), files_of("lines", ""))}
    assert len(states) == 3
    assert all(state.startswith("code:report:") for state in states)


def test_the_template_of_a_kind_counts() -> None:
    *code, template = files_of("grid", "table-1")
    assert template.suffix == ".j2"
    assert code_state_of("report", (*code, template)) != code_state_of("report", tuple(code))


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
