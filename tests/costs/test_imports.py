"""What importing a backbone costs: a job before its evaluation, and the bytes of the backbone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bits.costs.graph import Graph
from bits.costs.sizes import Sizes
from bits.plan import Plan
from bits.plan.sources import Import
from tests.sharing.plans import imported


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Plan, Import]:
    monkeypatch.chdir(tmp_path)
    return imported()


def test_importing_is_a_job_before_its_evaluation_and_keeps_the_backbone(made: Any) -> None:
    plan, one = made
    works = Graph(plan).works
    assert works[f"import/{one.id}"].done and f"train/{one.id}" not in works
    one.provenance.unlink()
    work = Graph(plan).works[f"import/{one.id}"]
    (evaluating,) = (work for work in Graph(plan).works.values() if work.kind == "evaluation")
    assert not work.done and evaluating.needs[0] == work.id and evaluating.sources == ("theirs",)

    class Counted:
        parameters = 1000

        def backbone(self, *_: Any) -> Counted:
            return self

    assert Sizes(plan, Counted(), {}).footprint(work).kept == 4000
