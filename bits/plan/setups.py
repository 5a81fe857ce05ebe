"""Whether what lies in a study's folder is of the set-up that is meant.

A scale can be built with data=..., seeds=... and set=...; its folders then hold several set-ups. Whatever packs or
sends results asks here first, so that nothing of one set-up passes for another.
"""

from __future__ import annotations

import json

from bits.plan.model import Plan, PlanError


def require_made(plan: Plan) -> None:
    """Raise PlanError when something was made in the plan's folder, but nothing of the plan."""
    if any(run.outcome.is_file() for run in plan.runs.values()):
        return
    others = sorted(path.parent.name for path in (plan.folder / "runs").glob("*/outcome.json"))
    if others:
        raise PlanError(
            f"{plan.folder}: {len(others)} runs are there, as {others[0]}, but none of this set-up "
            f"({said(plan.asked)}). {HOW_TO_NAME_IT}"
        )


def require_rendered(plan: Plan) -> None:
    """Raise PlanError when the report in the plan's folder shows another set-up; one that is not there shows none."""
    path = plan.reports / "summary.json"
    if not path.is_file():
        return
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
        shown, overrides = summary["report_digest"], summary["overrides"]
    except (ValueError, KeyError, TypeError) as error:
        raise PlanError(f"{path}: not a report's summary ({error!r}). Render it again: snakemake {path}") from error
    if shown != plan.report_digest:
        raise PlanError(
            f"{plan.reports}: the report there was made with {said(overrides)}, and you ask for {said(plan.asked)} "
            f"(or config/ was edited since; snakemake then renders it anew). {HOW_TO_NAME_IT}"
        )


HOW_TO_NAME_IT = (
    "Give the words that it was made with (data=, seeds=, extra=, site=, set=), or a name once and for all: "
    "bits study new NAME --from SCALE ..."
)


def said(overrides: tuple[str, ...] | list[str]) -> str:
    """The overrides of a set-up in words."""
    return " ".join(overrides) or "nothing changed"
