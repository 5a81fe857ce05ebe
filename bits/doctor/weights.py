"""Weights that were trained elsewhere: whether the files are there. Whether they fit is found by the first jobs."""

from __future__ import annotations

from collections.abc import Iterator

from bits.costs.units import bytes_text
from bits.doctor.finding import Finding
from bits.plan import Plan
from bits.plan.imports import HOW_TO_SUPPLY
from bits.plan.sources import Import

SUBJECT = "Weights"


def weights(plan: Plan) -> list[Finding]:
    """Of every import: imported already, there, or missing."""
    lacking = {gap.run: gap for gap in plan.missing_weights}
    missing = [
        Finding(SUBJECT, "error", f"{gap.run}: weights = {gap.file}: {gap.reason}", HOW_TO_SUPPLY)
        for gap in lacking.values()
    ]
    return [*missing, *_there(one for one in plan.imports.values() if one.name not in lacking)]


def _there(imports: Iterator[Import]) -> Iterator[Finding]:
    for one in imports:
        if one.provenance.is_file():
            yield Finding(SUBJECT, "ok", f"{one.name}: imported from {one.file}, which nothing needs again")
        else:
            size = bytes_text(one.path.stat().st_size)
            yield Finding(SUBJECT, "ok", f"{one.name}: {one.file}, {size}, sha256 {one.recipe.weights}")
