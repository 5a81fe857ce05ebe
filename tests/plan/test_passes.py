"""Which runs share a pass over augmented images: those whose probes would see the same crops."""

from __future__ import annotations

from pathlib import Path

import pytest

from bits.plan import Plan, Request, current_plan
from bits.plan.passes import passing, shared_passes


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def planned(scale: str, *words: str) -> Plan:
    return current_plan(Request.of_scale(scale, words))


def names(plan: Plan, role: str) -> list[list[str]]:
    return [
        sorted(plan.source(identity).name for identity in one.files)
        for one in shared_passes(plan).values()
        if one.role == role
    ]


def test_at_paper_scale_the_methods_and_a_random_start_are_probed_on_the_same_crops() -> None:
    plan = planned("paper")
    assert names(plan, "imagenet1k") == [["bits-fixed", "bits-reset", "dino", "random-init", "simdino"]]
    (birds,) = names(plan, "birds525")
    assert {"bits-reset", "bits-reset-on-birds525", "random-init"} <= set(birds)
    assert not {"chance", "pixels"} & set(birds), "nothing passes through a backbone that is not there"
    (shared,) = (one for one in shared_passes(plan).values() if one.role == "birds525")
    asked = {passing(plan.of_metrics(path).settings) for path in shared.files.values()}
    assert asked == {("linear",), ("linear", "mlp")}, "Figure 6 shows the four methods alone"


def test_probes_of_any_kind_share_equal_crops_and_no_others() -> None:
    other = planned("paper", "target_evaluation.mlp.batch_size=128")
    apart = [len(one.files) for one in shared_passes(other).values() if one.role == "birds525"]
    assert min(apart) == 4 and len(apart) == 2, "the four methods, and those without an MLP probe"


def test_where_nothing_is_augmented_nothing_is_shared() -> None:
    assert shared_passes(planned("smoke", "evaluation.linear.augment=false")) == {}


def test_other_seeds_see_other_crops() -> None:
    one = names(planned("smoke", "evaluation.linear.augment=true"), "imagenet1k")
    assert names(planned("smoke", "evaluation.linear.augment=true", "seeds=[0,1]"), "imagenet1k") == 2 * one
