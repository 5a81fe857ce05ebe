"""bits gpu-check as it is called: a rehearsal on a CPU, parts that fail, wrong calls."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bits.commands import gpu_check
from bits.errors import BitsError
from bits.gpucheck import check
from bits.gpucheck.part import Bench, Found, Part, Skipped
from bits.records.code import ROOT
from bits.records.provenance import PACKAGES

pytestmark = pytest.mark.xdist_group("gpu-check")  # the tests share a fixture that is expensive to make
METHODS = ("dino", "simdino", "bits-fixed", "bits-reset")
# Not on a machine that only has what bits.gpucheck.needed lists.
ABSENT = ("snakemake", "dvc", "psutil", "rocrate", "pandas", "seaborn", "matplotlib", "jinja2", "sklearn", "scipy")
REHEARSAL = f"""
import sys
from importlib.machinery import PathFinder

installed = PathFinder.find_spec

def find_spec(cls, name, path=None, target=None):
    return None if name.partition(".")[0] in {ABSENT} else installed(name, path, target)

PathFinder.find_spec = classmethod(find_spec)
from bits.commands import gpu_check
from bits.commands.guard import guarded
code = guarded(gpu_check.main)
import torch
from bits.gpucheck.isolation import FORK
child = FORK.Process(target=lambda: print("CUDA is out of reach of a part:", torch.cuda._is_in_bad_fork(), flush=True))
child.start()
child.join()
print("loaded:", sorted(set({ABSENT}) & set(sys.modules)))
sys.exit(code)
"""


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """(the process, its folder) of a whole check at the smallest sizes, without packages that it must not need."""
    folder = tmp_path_factory.mktemp("check") / "report"
    words = ["device=cpu", "quick=yes", f"out={folder}", "commit=0123abc"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", REHEARSAL, *words], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    return done, folder


@pytest.fixture
def report(rehearsal: tuple[subprocess.CompletedProcess[str], Path]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((rehearsal[1] / "report.json").read_text())
    return found


def test_a_rehearsal_passes_with_the_packages_of_a_gpu_machine_alone(rehearsal):
    done, folder = rehearsal
    assert done.returncode == 0, done.stdout + done.stderr
    assert "loaded: []" in done.stdout
    assert "CUDA is out of reach of a part: False" in done.stdout
    assert {path.name for path in folder.iterdir()} == {"report.json", "README.md", "raw.log", "precision.csv"}


def test_every_part_says_how_it_ended_and_what_it_found(report):
    about, parts = report["about"], report["parts"]
    assert list(parts) == [part.name for part in check.PARTS]
    assert all(part["problem"] is None and part["traceback"] is None for part in parts.values())
    assert [part["status"] for part in parts.values()] == ["ok"] * 7
    assert 0 < sum(part["seconds"] for part in parts.values()) < about["seconds"] < 480
    assert about["device"] == "cpu" and about["quick"] is True
    assert len(about["code"]["commit"]) in (40, 7)  # git's, or where there is no git the stated one
    assert {"torch", "timm"} <= set(parts["facts"]["found"]["versions"]) & set(PACKAGES)
    tests = parts["tests"]["found"]
    assert tests["tests"] == tests["skipped"] + tests["passed"] > 10 and tests["failed"] == {}


def test_speeds_are_measured_with_the_whole_batch_and_with_micro_batches(report):
    found = report["parts"]["speed"]["found"]
    for method in METHODS[:3]:
        for mode, micro in (("whole batch", 0), ("micro-batches", 4)):
            row = found[f"{method}, {mode}"]
            assert (row["batch"], row["wanted_batch"], row["micro_batch"], row["steps"]) == (16, 16, micro, 3)
            assert row["images_per_s"] == pytest.approx(1000 * 16 / row["step_ms"], rel=1e-4)
            assert row["tflops"] == pytest.approx(row["images_per_s"] * row["tflop_per_image"], rel=1e-4)
            assert 0 < row["utilisation"] < 1 and 0 < row["waiting_share"] < 1
            assert row["peak_memory_gib"] is None  # of CUDA alone
        assert (
            found[f"{method}, whole batch"]["tflop_per_image"] == found[f"{method}, micro-batches"]["tflop_per_image"]
        )
    assert found["bits-reset, micro-batches"] == {"same_as": "bits-fixed, micro-batches"}


def test_both_precisions_are_trained_and_every_loss_is_kept(rehearsal, report):
    found = report["parts"]["precision"]["found"]
    lines = list(csv.DictReader((rehearsal[1] / found["curves"]).open()))
    for method in METHODS:
        pairs = [(float(line["float32"]), float(line["bfloat16"])) for line in lines if line["method"] == method]
        apart = [abs(one - other) for one, other in pairs]
        assert found[method]["steps"] == len(pairs) == 3
        assert found[method]["mean"] == pytest.approx(sum(apart) / 3, rel=1e-4)
        assert found[method]["max"] == pytest.approx(max(apart), rel=1e-4) and max(apart) > 0
        assert 0 < found[method]["relative_mean"] < 0.2


def test_a_cpu_repeats_itself_so_resuming_and_evaluating_must_not_change_a_bit(report):
    for row in report["parts"]["resume"]["found"].values():
        assert row["equal"] and row["passed"] and 0 < row["stopped_at"] < row["steps"]
        assert row["resumed"] == row["uninterrupted_twice"] == row["tolerance"] == 0 < row["largest_weight"]
    found = report["parts"]["evaluation"]["found"]
    assert set(found) == {"features, train", "features, val", "knn, top1_k20", "retrieval, map", "linear, last"}
    for name, row in found.items():
        assert row["passed"] and row["tolerance"] > 0
        assert row["difference"] == pytest.approx(0, abs=1e-12)
        assert row["std"] > 0 if "features" in name else 0 < row["cpu"] == row["device"] < 1


def test_the_study_trains_and_measures_all_methods(report):
    found = report["parts"]["study"]["found"]
    for method in METHODS:
        row = found[method]
        assert (row["outcome"], row["epochs"], row["steps"]) == ("finished", 3, 3)
        assert row["curve"]["x"] == [0, 1, 2, 3] and row["last_log"]["step"] == 3
        assert 0 < row["knn"] < 1 and 0 < row["retrieval"] < 1
        assert isinstance(row["channel"], str) and (row["code_entropy"] is None) == (not method.startswith("bits"))
        assert (row["bits_sent"] is None) == (method == "simdino")
    assert 0 < found["random-init"]["knn"] < 1


def test_the_report_can_be_published_as_it_is(rehearsal, report):
    folder = rehearsal[1]
    text = (folder / "README.md").read_text()
    for part in check.PARTS:
        assert f"## {part.title}" in text
    for method in METHODS:
        assert f"| {method} |" in text
    assert report["about"]["code"]["commit"] in text and "quick=yes" in text and "rehearsal" in text
    for path in folder.iterdir():
        assert str(ROOT) not in path.read_text() and "bits-gpu-check-" not in path.read_text()


def options(folder: Path, minutes: float = 1.0) -> check.Options:
    return check.Options("cpu", folder, minutes, True, None, time.monotonic())


def part(name: str, run: Callable[[Bench], Found], share: float = 0.5) -> Part:
    return Part(name, f"The part {name}", share, run, lambda found: f"found {found}")


def test_no_failing_part_stops_another(tmp_path):
    def fails(bench: Bench) -> Found:
        yield "before", 1.5
        raise ValueError("planted")

    def dies(bench: Bench) -> Found:
        yield "before", float("nan")
        os._exit(3)

    def hangs(bench: Bench) -> Found:
        print("about to hang")
        yield "before", [1]
        time.sleep(60)

    def lacks(bench: Bench) -> Found:
        raise Skipped("nothing to do it with")
        yield

    def works(bench: Bench) -> Found:
        yield "before", 1
        yield "before", 2

    def babbles(bench: Bench) -> Found:
        yield "before", 3

    parts = [
        Part("babbles", "The part babbles", 0.5, babbles, lambda found: str(found["after"])),
        part("fails", fails),
        part("dies", dies),
        part("hangs", hangs, 0.02),
        part("lacks", lacks),
        part("works", works),
    ]
    folder, results = check.checked(options(tmp_path / "out"), parts)
    assert {name: result["status"] for name, result in results.items()} == {
        "babbles": "failed",
        "fails": "failed",
        "dies": "failed",
        "hangs": "failed",
        "lacks": "skipped",
        "works": "ok",
    }
    before = {name: result["found"].get("before") for name, result in results.items()}
    assert before == {"babbles": 3, "fails": 1.5, "dies": "nan", "hangs": [1], "lacks": None, "works": 2}
    assert results["fails"]["problem"] == "ValueError: planted"
    assert 'raise ValueError("planted")' in results["fails"]["traceback"]
    assert "exit code 3" in results["dies"]["problem"]
    assert "stopped after 1 s" in results["hangs"]["problem"] and results["hangs"]["seconds"] < 5
    assert results["babbles"]["problem"] == "KeyError: 'after'"
    written = json.loads((folder / "report.json").read_text())["parts"]
    assert {name: {**part, "text": results[name]["text"]} for name, part in written.items()} == results
    readme = (folder / "README.md").read_text()
    assert "**failed**: ValueError: planted" in readme and "found {'before': 2}" in readme
    assert "about to hang" in (folder / "raw.log").read_text()
    with pytest.raises(BitsError, match="holds a report already"):
        check.checked(options(tmp_path / "out"), parts)


def test_the_last_part_gets_what_is_left(tmp_path):
    def says(bench: Bench) -> Found:
        yield "left", bench.left()

    parts = [part("first", says, 0.1), Part("rest", "The rest", None, says, str)]
    _, results = check.checked(options(tmp_path / "out"), parts)
    assert results["first"]["limit"] == pytest.approx(6)
    assert results["first"]["found"]["left"] == pytest.approx(0.85 * 6, abs=1)
    assert 30 < results["rest"]["limit"] < 60 - check.RESERVE


@pytest.mark.parametrize(("status", "code"), [("ok", 0), ("skipped", 0), ("failed", 1)])
def test_the_exit_code_says_whether_a_part_failed(monkeypatch, tmp_path, capsys, status, code):
    monkeypatch.setattr(check, "checked", lambda given: (tmp_path, {"a": {"status": "ok"}, "b": {"status": status}}))
    monkeypatch.setattr(gpu_check.signal, "signal", lambda *arguments: None)
    monkeypatch.setattr(sys, "argv", ["bits gpu-check", "minutes=2"])
    assert gpu_check.main() == code
    assert ("FAILED: b" in capsys.readouterr().out) == bool(code)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["devise=cpu"], "did you mean 'device'"),
        (["cpu"], "expected device="),
        (["quick=maybe"], "quick=maybe: expected yes or no"),
        (["minutes=0"], "minutes=0: expected a number above 0"),
        (["minutes=soon"], "minutes=soon: expected a number above 0"),
    ],
)
def test_a_wrong_call_is_refused(monkeypatch, words, message):
    monkeypatch.setattr(sys, "argv", ["bits gpu-check", *words])
    with pytest.raises(BitsError, match=message):
        gpu_check.main()


def test_missing_packages_are_named_at_once(monkeypatch):
    monkeypatch.setattr(gpu_check, "missing", lambda: ["hydra-core", "timm"])
    monkeypatch.setattr(sys, "argv", ["bits gpu-check"])
    with pytest.raises(BitsError, match="pip install hydra-core timm"):
        gpu_check.main()


def test_a_device_that_is_not_there_and_a_gpus_sizes_on_a_cpu_are_refused(tmp_path):
    with pytest.raises(BitsError, match="cuda:7"):
        check.checked(check.Options("cuda:7", tmp_path / "out", 1.0, True, None, time.monotonic()))
    with pytest.raises(BitsError, match="Add quick=yes"):
        check.checked(check.Options("cpu", tmp_path / "out", 1.0, False, None, time.monotonic()))
    assert not (tmp_path / "out").exists()
