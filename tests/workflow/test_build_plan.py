"""The plan of a build, and what is said when there cannot be one."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bits.plan import read_plan
from bits.records.code import ROOT
from bits.workflow.build_plan import PLAN, load_plan, plan_of_build


def test_images_for_a_scale_that_renders_its_own_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"data=/nowhere: scale smoke renders the images .* Say scale=small"):
        load_plan({"scale": "smoke", "data": "/nowhere"})


def test_a_job_on_another_machine_follows_the_plan_of_the_build_that_submitted_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(PLAN, "of an earlier build")
    plan = plan_of_build({"scale": "smoke"}, remote=False)
    other = plan_of_build({"scale": "smoke", "set": "seed=5"}, remote=False)
    assert other.digest != plan.digest
    monkeypatch.setenv(PLAN, str(tmp_path / plan.file))
    assert plan_of_build({"scale": "smoke", "set": "seed=5"}, remote=True) == plan == read_plan(plan.file)


def test_planning_starts_without_torch():
    modules = "bits.commands.plan, bits.workflow.build_plan, bits.workflow.code, bits.workflow.fork_client"
    modules += ", bits.workflow.locks, bits.workflow.messages, bits.workflow.scheduler, bits.workflow.limits"
    modules += ", bits.workflow.at_work, bits.workflow.outage, bits.workflow.place, bits.workflow.signals"
    program = f"import sys; import {modules}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT, timeout=60)
