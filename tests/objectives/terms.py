"""Objectives for tests, by the names of their terms and what differs from these settings."""

from __future__ import annotations

from typing import Any

from bits.config.objective import TERMS
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
    },
}


def objective_of(dimension: int, **terms: dict[str, Any]) -> Objective:
    """Of the named terms, each with the settings above but for the given ones: objective_of(5, bce={"weight": 2})."""
    parts = [(TERMS[name], TERMS[name].settings(**{**SETTINGS[name], **changes})) for name, changes in terms.items()]
    return Objective(parts, dimension)


def with_target(agreement: str, **target: Any) -> dict[str, Any]:
    """`target` for an agreement that sends a code, nothing for others."""
    return target if TERMS[agreement].sends_code else {}
