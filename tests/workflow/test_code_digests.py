"""The code that a rule's digest covers is what its command imports, and no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from bits.config.kinds import files as declared_in
from bits.data.kind import kind_files
from bits.evaluation.declaration import evaluator_files
from bits.plan import Request, make_plan
from bits.records.code import ROOT, code_digest, imported_files
from bits.reporting.renderers.base import files_of
from bits.workflow.code import ELSEWHERE, STARTS, code_of_evaluation, code_state_of


def covered(*starts: str) -> set[str]:
    found = imported_files([ROOT / start for start in starts], ELSEWHERE)
    return {path.relative_to(ROOT / "bits").as_posix() for path in found}


def covered_by(kind: str) -> set[str]:
    code = [path for path in files_of(kind, "") if path.suffix == ".py"]
    return covered(STARTS["report"], *(str(path.relative_to(ROOT)) for path in code))


def covered_by_evaluators(*names: str) -> set[str]:
    return covered(STARTS["evaluate"], *(str(path.relative_to(ROOT)) for path in evaluator_files(names)))


def test_training_is_models_objectives_views_and_the_curve() -> None:
    files = covered(STARTS["train"])
    assert {"models/head.py", "runs/train.py", "runs/build.py", "views/blur.py", "objectives/objective.py"} <= files
    # The curve is measured while it trains.
    assert {"evaluation/retrieval.py", "evaluation/ranking/average_precision.py", "data/decode.py"} <= files
    assert not {name for name in files if name.startswith(("reporting/", "costs/", "doctor/", "plan/"))}


def test_what_is_said_of_data_makes_no_number_stale() -> None:
    kinds = [str(file.relative_to(ROOT)) for file in kind_files(["images", "scenes"])]
    files = covered(STARTS["train"], *kinds) | covered(STARTS["evaluate"], *kinds)
    assert {"data/exclusions.py", "data/looks.py", "data/kinds/images.py"} <= files, "which images there are"
    assert not {"data/inspection.py", "data/file_checks.py", "data/manifest.py"} & files


def terms(*names: str) -> tuple[Path, ...]:
    return declared_in("bits.objectives", "TERM", names)


def test_training_is_the_terms_that_a_run_uses_and_no_others() -> None:
    """And what these import: the cosine of a code is that of SimDINO."""
    alone = covered(STARTS["train"])
    assert not {name for name in alone if name in ("objectives/bce.py", "objectives/coding_rate.py")}
    files = imported_files([ROOT / STARTS["train"], *terms("code_cosine", "coding_rate")], ELSEWHERE)
    more = {path.relative_to(ROOT / "bits").as_posix() for path in files} - alone
    assert more == {f"objectives/{name}.py" for name in ("code", "code_cosine", "coding_rate", "cosine")}
    states = {code_state_of("train", terms(*names)) for names in ([], ["bce"], ["cosine"], ["bce", "cosine"])}
    assert len(states) == 4
    assert code_state_of("train", terms("cosine", "bce")) in states


def test_measuring_is_features_and_the_evaluators_that_are_asked_for() -> None:
    shared, retrieval, linear = (covered_by_evaluators(*names) for names in ((), ("retrieval",), ("linear",)))
    assert {"runs/subject.py", "evaluation/features.py", "models/head.py", "views/resample.py"} <= shared
    ranking = {"evaluation/retrieval.py", "evaluation/ranking/cosine.py", "evaluation/ranking/query_split.py"}
    probing = {"evaluation/linear.py", "evaluation/probing/training.py", "evaluation/probing/settings.py"}
    assert ranking <= retrieval
    assert probing <= linear
    assert not (ranking | probing | {"evaluation/knn.py", "analysis/variance.py"}) & shared
    assert not probing & retrieval
    assert not ranking & linear
    assert not {name for name in retrieval | linear if name.startswith(("reporting/", "costs/", "doctor/", "plan/"))}


def test_an_evaluation_is_its_evaluators_and_its_kind_of_data_set() -> None:
    evaluations = make_plan(Request.of_scale("smoke")).evaluations.values()
    codes = {one.name: code_of_evaluation(one) for one in evaluations}
    asked = {(tuple(one.settings.evaluators()), one.dataset.kind) for one in evaluations}
    assert len(set(codes.values())) == len(asked) > 1
    one = next(iter(evaluations))
    assert one.dataset.kind == "scenes"
    folder = one.model_copy(update={"dataset": one.dataset.model_copy(update={"kind": "images", "settings": {}})})
    assert code_of_evaluation(folder) != code_of_evaluation(one)


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
