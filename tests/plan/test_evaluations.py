"""What is measured of each run: what exhibits show of it, no less and no more."""

from __future__ import annotations

import pytest

from bits.config.evaluation import EVALUATORS
from bits.errors import BitsError
from bits.evaluation.declaration import Tokens, tokens_of

from .conftest import made, measured, settings_of


def test_a_run_is_measured_by_what_exhibits_show_of_it_and_by_no_more(plan):
    assert measured(plan, "bits-clip-2") == measured(plan, "simdino-reset") == {"retrieval"}
    assert measured(plan, "dino") == measured(plan, "chance") == set(EVALUATORS) - {"mlp", "codes"}
    assert measured(plan, "bits-reset") == measured(plan, "bits-fixed") == set(EVALUATORS) - {"mlp"}
    assert measured(plan, "dino", "birds525") == {"knn", "linear", "mlp", "retrieval"}
    assert measured(plan, "dino", "food101") == {"knn", "linear", "retrieval"}, "Figure 6 does not show it"
    clip, dino, chance = (
        plan.metrics[plan.sources[name][0]]["imagenet1k"] for name in ("bits-clip-2", "dino", "chance")
    )
    assert clip.name != dino.name == chance.name, "references are measured once, by all that any exhibit shows of them"
    assert {path.name for path in plan.needs["table-12"]} == {clip.name, chance.name}
    settings = settings_of(made("paper"), "bits-clip-2")
    assert tokens_of(settings, True) == Tokens(blocks=1, train=False), "1.28 million images for nothing"


def test_a_pending_or_missing_data_set_does_not_change_what_is_measured(plan):
    """Else data that come later would make everything be measured anew."""
    paper = made("paper")
    assert "table-14" in paper.left_out
    assert measured(paper, "dino", "birds525") == measured(plan, "dino", "birds525")


def test_an_evaluators_value_changes_the_files_of_what_it_measures(plan):
    other = made("smoke", "evaluation.knn.temperature=0.1")
    changed = {
        (run.name, role)
        for run in plan.runs.values()
        for role, path in plan.metrics[run.id].items()
        if path not in other.metrics[run.id].values()
    }
    assert ("dino", "imagenet1k") in changed
    assert ("bits-clip-2", "imagenet1k") not in changed
    assert len(changed) == 4 + 16 + 16


def test_an_evaluator_that_is_shown_cannot_be_left_out():
    with pytest.raises(BitsError, match=r"the evaluator knn is null, but exhibits show it of bits-fixed"):
        made("smoke", "evaluation.knn=null")


def test_references_of_one_seed_are_measured_in_one_process():
    plan = made("smoke", "seeds=[0,1]")
    jobs = {(job.evaluation, job.seed): job for job in plan.reference_jobs}
    assert len(jobs) == len(plan.reference_jobs)
    assert {seed for _, seed in jobs} == {0, 1}
    for (evaluation, seed), job in jobs.items():
        assert plan.runs[job.run].seed == seed
        assert {plan.references[identity].seed for identity in job.files} == {seed}
        assert {path.stem for path in job.files.values()} == {evaluation}
    files = [path for job in plan.reference_jobs for path in job.files.values()]
    wanted = [path for identity in plan.references for path in plan.metrics[identity].values()]
    assert sorted(files) == sorted(wanted)
