"""The parts of a GPU check notice what is planted."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from bits.gpucheck import evaluation, gpu_tests, isolation, needed, precision, resume, speed
from bits.gpucheck.markdown import cell, table
from bits.gpucheck.part import Bench, CheckError, in_time
from bits.training import checkpoint


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench("cpu", True, tmp_path, tmp_path, time.monotonic() + 60)


def test_a_batch_that_does_not_fit_is_halved(bench, monkeypatch):
    tried = []

    def timed(self: speed.Timer, recipe, site, seconds):
        tried.append((recipe.schedule.batch_size, site.micro_batch))
        if recipe.schedule.batch_size > 2:
            raise torch.OutOfMemoryError("planted")
        return {"batch": recipe.schedule.batch_size}

    monkeypatch.setattr(speed.Timer, "_timed", timed)
    settings = list(speed._settings(bench))
    found = speed.Timer(bench, torch.device("cpu")).row(settings[1], settings)
    assert tried == [(16, 4), (8, 4), (4, 4), (2, 2)]
    assert found == {"wanted_batch": 16, "batch": 2}


def test_work_for_which_no_time_is_left_is_skipped_and_said_so(tmp_path):
    bench = Bench("cpu", True, tmp_path, tmp_path, time.monotonic() + 0.3)
    found = dict(in_time(bench, [("a", lambda: time.sleep(0.2)), ("b", lambda: 1)]))
    assert found["a"] is None and "0 s were left" in found["b"]["skipped"]


def test_differences_of_two_curves():
    found = precision.differences([1.0, -2.0, 3.0], [1.0, -2.5, 3.1])
    assert (found["mean"], found["max"], found["max_at_step"]) == (pytest.approx(0.2), 0.5, 2)
    assert (found["relative_mean"], found["relative_max"]) == (pytest.approx(0.1), pytest.approx(0.25))
    assert found["last"] == {"float32": 3.0, "bfloat16": 3.1}


def test_a_state_that_is_not_restored_is_noticed(bench, monkeypatch):
    monkeypatch.setattr(resume, "RUNS", ("bits-reset",))
    monkeypatch.setattr(checkpoint, "load_optimizer", lambda optimizer, tensors: None)
    found = resume.run(bench)
    name, row = next(found)
    assert name == "bits-reset" and not row["passed"] and not row["equal"]
    assert row["resumed"] > row["tolerance"] == 0
    with pytest.raises(CheckError, match="bits-reset"):
        next(found)
    assert "bits-reset FAILED" in resume.text({name: row})


def test_other_features_on_the_device_are_noticed():
    generator = torch.Generator().manual_seed(0)
    expected = torch.randn(50, 8, generator=generator)
    noise = torch.randn(50, 8, generator=generator)

    def passed(scale: float) -> bool:
        parts = {"device": expected + scale * noise, "cpu": expected}
        subjects = {place: SimpleNamespace(features=lambda split, found=found: found) for place, found in parts.items()}
        return bool(evaluation.features(subjects, "val")["passed"])

    assert passed(1e-4) and not passed(0.1)


def test_a_failing_test_is_found_in_pytests_file(tmp_path):
    (tmp_path / "tests.xml").write_text(
        '<testsuites><testsuite tests="3" failures="1" errors="0" skipped="1">'
        '<testcase classname="tests.gpu.test_a" name="good" time="0.5"/>'
        '<testcase classname="tests.gpu.test_a" name="bad" time="1"><failure>assert 1 == 2</failure></testcase>'
        '<testcase classname="tests.gpu.test_a" name="left" time="0"><skipped/></testcase></testsuite></testsuites>'
    )
    found = dict(gpu_tests.outcomes(tmp_path / "tests.xml"))
    assert (found["tests"], found["passed"], found["failures"], found["skipped"]) == (3, 1, 1, 1)
    assert found["failed"] == {"test_a::bad": "assert 1 == 2"}
    assert "`test_a::bad` failed" in gpu_tests.text(found)


def test_packages_that_are_missing_go_by_the_names_of_pip(monkeypatch):
    assert needed.missing() == []
    monkeypatch.setattr(needed, "find_spec", lambda name: None if name in ("antlr4", "yaml") else name)
    assert needed.missing() == ["pyyaml", "antlr4-python3-runtime"]


def test_values_and_cells_as_they_are_written():
    assert isolation.plain({1: (float("inf"), 0.12345678, "x")}) == {"1": ["inf", 0.123457, "x"]}
    assert [cell(value) for value in (None, True, 12345.6, 0.00012345, "a|b\nc")] == [
        "",
        "yes",
        "12,346",
        "0.0001234",
        "a\\|b c",
    ]
    assert table(("a", "b"), [("x", 1.5)]) == "| a | b |\n| --- | ---: |\n| x | 1.5 |"
