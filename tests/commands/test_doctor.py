"""bits doctor as it is called."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bits.config.declared import CONFIG_DIR
from bits.config.recipe import Dataset
from bits.costs.assumptions import load_assumptions
from bits.doctor import examine
from bits.doctor.examine import Options
from bits.errors import BitsError
from bits.plan import Plan, Request, make_plan
from bits.plan.fit import Uses, examined
from bits.plan.model import DataRemark
from bits.records.code import ROOT
from bits.workflow.options import requested


def called(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bits", "doctor", *words]
    return subprocess.run(
        command, cwd=folder, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin"}, capture_output=True, text=True
    )


def test_findings_as_json_and_an_exit_code(tmp_path: Path) -> None:
    (tmp_path / "profiles").symlink_to(ROOT / "profiles")
    done = called(tmp_path, "scale=paper", "--no-slurm", "--json", "site.device=cpu")
    assert done.returncode == 1, done.stderr
    answer = json.loads(done.stdout)
    errors = [(each["subject"], each["found"]) for each in answer["findings"] if each["status"] == "error"]
    assert answer["counts"]["error"] == len(errors)
    assert ("Data", True) in [(subject, "data/imagenet1k does not exist" in found) for subject, found in errors]
    subjects = {each["subject"] for each in answer["findings"]}
    assert subjects == {"Versions", "Device", "Data", "Disk", "DVC", "Slurm"}
    needed = next(each["found"] for each in answer["findings"] if "to come" in each["found"])
    # Without target sets the 16 fine-tunings wait, with what would be made from them.
    assert "weights of 25 runs 18.6 GB" in needed and "features 43 GB" in needed
    warned = [each["found"] for each in answer["findings"] if (each["subject"], each["status"]) == ("Data", "warning")]
    assert len(warned) == 1 and warned[0].startswith("not here: birds525, food101, inat2019, plantnet300k, imagenetv2,")
    waiting = [each["found"] for each in answer["findings"] if "wait for their data would keep" in each["found"]]
    assert waiting == ["exhibits that wait for their data would keep 110 GB more"]
    assert {path.name for path in tmp_path.iterdir()} == {"profiles"}  # nothing was written


def test_a_bad_call_is_told_apart_from_a_bad_finding(tmp_path: Path) -> None:
    assert called(tmp_path, "scale=papr").returncode == 2
    assert called(tmp_path, "optimiser.rate=1").returncode == 2
    assert called(tmp_path, "--quik").returncode == 2


def test_words_are_those_of_the_workflow_and_of_hydra() -> None:
    made = requested(["scale=paper", "data=/images", "seeds=0,1", "site.device=cuda", "schedule.epochs=3"])
    assert made.scale == "paper"
    assert "seeds=[0,1]" in made.overrides and "site.data.imagenet1k='/images'" in made.overrides
    assert made.overrides[-2:] == ("site.device=cuda", "schedule.epochs=3")
    with pytest.raises(BitsError, match="expected word=value"):
        requested(["paper"])


def test_data_that_hang_hang_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(examine, "PLAN_S", 0.2)
    monkeypatch.setattr(examine, "make_plan", lambda _: time.sleep(30))
    plan, (found,) = examine.planned(requested([]))
    assert plan is None and found.status == "error" and "no answer" in found.found


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(Request.of_scale("smoke"))


def test_on_a_cluster_as_many_trainings_run_as_the_profile_allows(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "slurm").mkdir()
    for text, count in (("jobs: 2", 2), ("jobs: unlimited", len(plan.runs)), ("executor: slurm", len(plan.runs))):
        (tmp_path / "slurm" / "config.yaml").write_text(text)
        assert examine.trainings_at_a_time(plan, Options(slurm=True)) == count


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ({"device": "cpu", "threads": 0}, 8),
        ({"device": "cpu", "threads": 2}, 4),
        ({"device": "cpu", "threads": 2, "processes": 3}, 1),
        ({"device": "cpu", "threads": 16}, 1),
        ({"device": "cuda"}, 1),
    ],
)
def test_on_this_machine_as_many_trainings_run_as_it_has_cores_for(
    plan: Plan, values: dict[str, object], count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examine, "hardware", lambda: {"cores": 8})
    here = plan.model_copy(update={"site": plan.site.model_copy(update=values)})
    assert examine.trainings_at_a_time(here, Options(slurm=False)) == count


def test_data_that_cannot_serve_the_plan_are_errors_told_once(plan: Plan, tmp_path: Path) -> None:
    images = Dataset(name="images", title="Images", kind="images", fingerprint="x")
    root = str(tmp_path)  # without splits, which both the look at the data and the plan find
    uses = Uses(role="imagenet1k", runs=[], evaluations=[], shown=[])
    sets, roots = {**plan.datasets, "imagenet1k": images}, {**plan.roots, "imagenet1k": root}
    told = DataRemark(role="imagenet1k", found="1 of 2 val images are copies", remedy="Remove them.")
    values = {"datasets": sets, "roots": roots, "unfit": tuple(examined(images, root, uses).unfit), "remarks": (told,)}
    marked = plan.model_copy(update=values)
    found = examine.data_findings(marked, load_assumptions(CONFIG_DIR), Options(quick=True))
    mine = [(each.status, each.found.partition(". ")[0]) for each in found if "Images: " in each.found]
    assert mine == [("error", f'Images: {root} has no folder "train"'), ("warning", f"Images: {told.found}")]
