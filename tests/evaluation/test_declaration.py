"""What evaluators declare holds: their needs, metrics and files."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bits.config.evaluation import EVALUATORS
from bits.evaluation.declaration import Tokens, Workload, evaluator_files, evaluators, tokens_of, weights_read
from bits.evaluation.intervals import values_of
from bits.exhibits.metrics import metric_called
from bits.plan import Plan, Request, make_plan

from .conftest import FakeSubject


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(Request.of_scale("smoke"))


def test_they_are_found_by_name() -> None:
    assert set(evaluators()) == set(EVALUATORS) >= {"knn", "linear", "retrieval", "variance"}
    files = [path.name for path in evaluator_files(["variance", "knn"])]
    assert files == ["knn.py", "variance.py"]


def test_every_number_has_a_declared_metric(subject: FakeSubject, plan: Plan) -> None:
    """Of its shape: a series is a curve, a number is none."""
    seen = set()
    for evaluation in plan.evaluations.values():
        for name, settings in evaluation.settings.evaluators().items():
            for metric, value in values_of(evaluators()[name].measure(subject, settings)).items():
                declared = metric_called(metric, evaluators()[name].metrics)
                assert declared is not None, f"{name}.{metric}"
                assert declared.shape == ("series" if isinstance(value, (dict, list)) else "number")
                seen.add(name)
    assert seen == set(EVALUATORS)


def test_features_hold_the_tokens_of_all_that_are_asked_for(plan: Plan) -> None:
    (whole,) = {tokens_of(one.settings, True) for one in plan.evaluations.values() if one.role == "birds525"}
    assert whole == Tokens(4, False, True)
    shared = next(
        one.settings for one in plan.evaluations.values() if one.settings.evaluators().keys() == {"retrieval"}
    )
    assert tokens_of(shared, True) == Tokens(1, False, False)
    assert tokens_of(shared.only([]), True) == Tokens()
    assert weights_read(shared) == ("teacher",)


def test_the_width_of_features_stops_at_the_blocks_that_there_are() -> None:
    load = Workload(train=1, val=1, classes=1, width=8, blocks=3, bare=False)
    assert [load.width_of(tokens) for tokens in (Tokens(), Tokens(2), Tokens(4), Tokens(1, True))] == [8, 16, 24, 16]


def test_declarations_are_read_without_torch() -> None:
    code = "import sys; from bits.evaluation import declaration as d; d.evaluators(); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
