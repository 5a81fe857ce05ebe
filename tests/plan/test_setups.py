"""What lies in a study's folder passes for no other set-up."""

from __future__ import annotations

import json
import shutil

import pytest

from bits.plan import Plan, Request, current_plan, make_plan
from bits.plan.model import PlanError
from bits.plan.setups import SetUp, made_plan, require_made, require_rendered, said, setups, share_setup


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
    with pytest.raises(PlanError, match=r"was made with set=schedule\.epochs=3, and you ask for nothing changed"):
        require_rendered(plan)
    summary.write_text("{half")
    with pytest.raises(PlanError, match="not a report's summary"):
        require_rendered(plan)


EPOCHS = ("schedule.epochs=3",)
PLACES = tuple(f"site.data.{name}='birds set.zip'" for name in ("images", "imagenet1k"))


def kept(*overrides: str, metrics: bool = True, machine: tuple[str, ...] = ()) -> Plan:
    """A plan of scale smoke with these words; something of it was made, at least a run."""
    plan = current_plan(Request.of_scale("smoke", (*machine, *overrides)))
    identity = plan.sources["dino"][0]
    made = [plan.runs[identity].outcome, *(plan.evaluation_files(identity).values() if metrics else ())]
    for path in made:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    return plan


def chosen(*overrides: str) -> tuple[str, ...]:
    return made_plan(Request.of_scale("smoke", overrides)).overrides


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_scale_by_itself_means_the_one_set_up_that_was_made_of_it(folder):
    assert chosen() == ()
    kept(*EPOCHS)
    assert chosen() == EPOCHS
    current_plan(Request.of_scale("smoke", ("optimizer.learning_rate=1e-3",)))  # as a dry run does
    current_plan(Request.of_scale("smoke"))
    assert chosen() == EPOCHS
    assert chosen("seeds=[1]") == ("seeds=[1]",), "who says a set-up means it"
    kept()
    assert chosen() == (), "with nothing changed, too, where that was made"


def test_several_set_ups_are_listed_with_the_words_that_choose(folder):
    kept(*EPOCHS)
    kept("seeds=[0,1]", "optimizer.learning_rate=1e-3", "schedule.epochs=2", machine=("site.cluster.account=me",))
    with pytest.raises(PlanError) as stopped:
        chosen()
    assert str(stopped.value).splitlines() == [
        "results/smoke: several set-ups were made there. Say which:",
        "  scale=smoke set=schedule.epochs=3",
        "  scale=smoke seeds=0,1 'set=optimizer.learning_rate=1e-3 schedule.epochs=2'",
    ]


def test_runs_that_two_set_ups_share_count_for_the_one_that_was_measured(folder):
    another = ("evaluation.knn.temperature=0.5",)
    kept(*another)
    current_plan(Request.of_scale("smoke"))  # the same runs, measured otherwise
    assert chosen() == another


def test_the_machines_own_words_and_the_place_of_the_data(folder):
    plan = kept(*PLACES, machine=("site.device=cpu",))
    assert chosen() == PLACES
    assert said(plan.asked) == "'data=birds set.zip' set=site.device=cpu"
    named = Request("birds", "smoke")
    assert made_plan(named).overrides == (), "a named study is what its file says"


def test_a_clone_which_has_no_plans_knows_the_set_up_without_the_place_of_its_data(folder):
    plan = kept(*PLACES, *EPOCHS)
    share_setup(plan)
    assert setups(plan.folder) == [SetUp((), (*PLACES, *EPOCHS))], "once, here"
    shutil.rmtree(plan.folder / "plans")
    (plan.folder / "plan.json").unlink()
    assert setups(plan.folder) == [SetUp((), EPOCHS)]
    assert chosen() == EPOCHS
    for made in ("runs", "metrics"):
        shutil.rmtree(plan.folder / made)
    assert setups(plan.folder) == [], "nothing of it is here"


def test_only_others_being_there_is_refused_with_their_words(folder):
    plan = kept(*EPOCHS)
    with pytest.raises(PlanError, match=r"none of this set-up \(seeds=1\)(?s:.*)\n  scale=smoke set=schedule.epochs=3"):
        require_made(make_plan(Request.of_scale("smoke", ("seeds=[1]",))))
    require_made(plan)
