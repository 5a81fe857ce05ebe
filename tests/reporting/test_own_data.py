"""A user's own images are called by their own title, and rendered ones by what they stand in for."""

from __future__ import annotations

import pytest

from bits.config.declared import CONFIG_DIR
from bits.exhibits import load_declarations
from bits.plan import Plan, Request, make_plan
from bits.plan.data import called, is_own
from bits.reporting.about import about
from bits.reporting.own_data import with_own_titles


@pytest.fixture(scope="module", params=["small", "smoke"])
def plan(request: pytest.FixtureRequest) -> Plan:
    return make_plan(Request.of_scale(request.param))


def test_titles_are_those_of_the_users_data_and_else_the_papers(plan: Plan) -> None:
    declared = with_own_titles(load_declarations(CONFIG_DIR, shown=plan.shown), plan)
    own = plan.scale.name == "small"
    first, tuned = declared.exhibit("table-1"), declared.exhibit("table-14")
    assert first.title == ("your images" if own else "ImageNet-1k")
    assert tuned.rows[0].group == f"Frozen {first.title} weights"
    assert not any("|" in str(one.model_dump()) for one in declared.exhibits.values()), "a place that was not filled"
    caption = about(first, plan).caption
    assert ("in place of imagenet1k" in caption) == (not own)
    assert "ImageNet" not in caption


def test_files_are_called_by_the_users_data_as_well(plan: Plan) -> None:
    own = plan.scale.name == "small"
    (data,) = {one.data for one in plan.evaluations.values() if one.role == "imagenet1k"}
    assert data == ("images" if own else "imagenet1k")
    assert all(
        path.name.startswith(f"{data}-")
        for files in plan.metrics.values()
        for role, path in files.items()
        if role == "imagenet1k"
    )
    for role, dataset in plan.datasets.items():
        assert is_own(role, dataset) == (own and role == "imagenet1k")
        assert called(role, dataset) == ("images" if is_own(role, dataset) else role)
