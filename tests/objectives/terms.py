"""Objectives for tests, given the names of their terms and the settings that differ from the ones here."""

from __future__ import annotations

from typing import Any

from bits.config.objective import TERMS
from bits.objectives.channel import BITS
from bits.objectives.objective import Objective

AGREEMENTS = ("bce", "code_cosine", "cosine", "cross_entropy")
SETTINGS: dict[str, dict[str, Any]] = {
    "bce": {"weight": 1.0, "target": "hard", "target_temperature": 1.0, "reduction": "mean"},
    "code_cosine": {"weight": 1.0, "target": "hard", "target_temperature": 1.0},
    "cosine": {"weight": 1.0},
    "cross_entropy": {
        "weight": 1.0,
        "student_temperature": 0.1,
        "teacher_temperature": 0.04,
        "centre_momentum": 0.9,
    },
    "coding_rate": {
        "weight": 0.1,
        "eps": 0.05,
        "rows": "student",
        "normalise": True,
        "centred": False,
        "virtual_ranks": 1,
        "gamma": True,
    },
}


def objective_of(dimension: int, **terms: dict[str, Any]) -> Objective:
    """The objective with the named terms, whose settings replace those above: objective_of(5, bce={"weight": 2})."""
    parts = [(TERMS[name], TERMS[name].settings(**{**SETTINGS[name], **changes})) for name, changes in terms.items()]
    return Objective(parts, dimension)


def with_target(agreement: str, **target: Any) -> dict[str, Any]:
    """The setting `target` for an agreement that sends a code, no settings for others."""
    return target if TERMS[agreement].channel is BITS else {}
