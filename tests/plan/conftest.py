"""The plan of scale smoke, and what tests ask of plans."""

from __future__ import annotations

from functools import cache

import pytest

from bits.config.evaluation import EVALUATORS, EvaluationSettings
from bits.plan import PRETRAINING_ROLE, Plan, Request, Run, make_plan


@cache
def made(scale: str, *overrides: str) -> Plan:
    """The plan of a scale with overrides, made once: that takes seconds."""
    return make_plan(Request.of_scale(scale, overrides))


@pytest.fixture(scope="session")
def plan() -> Plan:
    return made("smoke")


def run_of(plan: Plan, name: str) -> Run:
    """The run of that name, of which there is one seed."""
    (identity,) = plan.sources[name]
    return plan.runs[identity]


def names(plan: Plan, kind: str) -> list[str]:
    """Of the runs that are pretrainings or fine-tunings, one a seed."""
    return [run.name for run in plan.runs.values() if run.kind == kind]


def settings_of(plan: Plan, name: str, role: str = PRETRAINING_ROLE) -> EvaluationSettings:
    """How a run or reference with one seed is measured on a data set."""
    (identity,) = plan.sources[name]
    return plan.of_metrics(plan.metrics[identity][role]).settings


def measured(plan: Plan, name: str, role: str = PRETRAINING_ROLE) -> set[str]:
    """The evaluators that a run or reference gets on a data set."""
    settings = settings_of(plan, name, role)
    return {evaluator for evaluator in EVALUATORS if getattr(settings, evaluator) is not None}
