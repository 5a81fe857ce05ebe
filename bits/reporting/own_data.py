"""Titles of a user's own data where the declarations speak of the paper's.

In a text of an exhibit, "{imagenet1k|ImageNet-1k}" stands for the title of the data set that plays the role, if that is
the user's own, and else for the words of the paper.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bits.exhibits import Declarations
from bits.plan.data import is_own
from bits.plan.model import Plan

PLACE = re.compile(r"\{(?P<role>[a-z0-9]+)\|(?P<paper>[^{}]*)\}")


def with_own_titles(declared: Declarations, plan: Plan) -> Declarations:
    """The declarations with every text as it is to be read."""
    own = {role: dataset.title or dataset.name for role, dataset in plan.datasets.items() if is_own(role, dataset)}
    exhibits = {
        name: type(exhibit).model_validate(_filled(exhibit.model_dump(), own))
        for name, exhibit in declared.exhibits.items()
    }
    return replace(declared, exhibits=exhibits)


def _filled(value: Any, own: Mapping[str, str]) -> Any:
    """A JSON value with its places filled."""
    if isinstance(value, str):
        return PLACE.sub(lambda found: own.get(found["role"], found["paper"]), value)
    if isinstance(value, Mapping):
        return {key: _filled(one, own) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_filled(one, own) for one in value]
    return value
