"""Runs that are one and the same training, because what tells them apart never comes into play."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from bits.config.recipe import Recipe
from bits.plan.changes import differences
from bits.plan.model import Plan
from bits.records.digests import digest


def training_of(plan: Plan, identity: str) -> str:
    """Digest of all that a run's steps depend on: equal for runs that have other names, but the same weights."""
    run = plan.runs[identity]
    start = training_of(plan, run.start) if run.start in plan.runs else None
    return digest({**_steps(run.recipe), "start": start})


def what_differs(plan: Plan, identities: Collection[str]) -> list[str]:
    """The keys in which the configurations of such runs differ, for nothing."""
    first, *others = (plan.runs[identity].recipe for identity in identities)
    said = [phrase for other in others for phrase in differences(_given(first), _given(other))]
    return list(dict.fromkeys(phrase.split(" ")[0] for phrase in said))


def _given(recipe: Recipe) -> dict[str, Any]:
    return recipe.model_dump(mode="json", exclude={"method": True, "start": True, "dataset": {"title"}})


def _steps(recipe: Recipe) -> dict[str, Any]:
    """The recipe without what a schedule of its length does not reach."""
    values, epochs = _given(recipe), recipe.schedule.epochs
    every = recipe.head_reset.every_epochs
    never = every is None or every >= epochs
    values["head_reset"]["every_epochs"] = None if never else every
    if never and not recipe.head_reset.at_start:
        values["head_reset"]["clear_optimizer"] = None
    frozen = recipe.head.freeze_prototypes_epochs if recipe.head.prototypes else 0
    values["head"]["freeze_prototypes_epochs"] = min(frozen, epochs)
    return values
