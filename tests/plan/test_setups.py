"""What lies in a study's folder passes for no other set-up."""

from __future__ import annotations

import json

import pytest

from bits.plan import Request, make_plan
from bits.plan.model import PlanError
from bits.plan.setups import require_made, require_rendered


@pytest.fixture
def plan(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return make_plan(Request.of_scale("smoke"))


def finished(plan, name: str) -> None:
    folder = plan.folder / "runs" / name
    folder.mkdir(parents=True)
    (folder / "outcome.json").write_text("{}")


def test_nothing_made_and_some_of_it_made_are_fine(plan):
    require_made(plan)
    require_rendered(plan)
    finished(plan, "bits-fixed-00000000")
    finished(plan, plan.sources["dino"][0])
    require_made(plan)


def test_runs_of_another_set_up_alone_are_refused(plan):
    finished(plan, "bits-fixed-00000000")
    with pytest.raises(
        PlanError, match=r"1 runs are there, as bits-fixed-00000000.*\(nothing changed\).*bits study new"
    ):
        require_made(plan)


def test_a_report_of_another_set_up_is_refused_by_what_it_was_made_with(plan):
    plan.reports.mkdir(parents=True)
    summary = plan.reports / "summary.json"
    summary.write_text(json.dumps({"report_digest": plan.report_digest, "overrides": []}))
    require_rendered(plan)
    summary.write_text(json.dumps({"report_digest": "0" * 64, "overrides": ["schedule.epochs=3"]}))
    with pytest.raises(PlanError, match=r"was made with schedule\.epochs=3, and you ask for nothing changed"):
        require_rendered(plan)
    summary.write_text("{half")
    with pytest.raises(PlanError, match="not a report's summary"):
        require_rendered(plan)
