"""Are the data sets of a study there, complete, and readable?"""

from __future__ import annotations

from collections.abc import Sequence

from bits.config.recipe import Dataset
from bits.costs.assumptions import Images
from bits.data.kind import kind_of
from bits.doctor.finding import Finding
from bits.errors import DatasetError
from bits.plan import Plan

SUBJECT = "Data"


def absent(plan: Plan, role: str) -> list[Finding]:
    """A data set that is needed and not there; of others `left_out` speaks."""
    dataset = plan.datasets[role]
    gaps = [gap for gap in plan.missing if gap.role == role]
    remedy = f"Expected {kind_of(dataset).layout}. Put it there, or say where it lies: {_keys([dataset.name])}."
    return [Finding(SUBJECT, "error", f"{dataset.title}: {' '.join(gap.reason.split())}", remedy) for gap in gaps]


def left_out(plan: Plan) -> list[Finding]:
    """The data sets without which exhibits are left out, all in one warning."""
    needed = [role for role in plan.datasets if any(role in reason for reason in plan.left_out.values())]
    if not needed:
        return []
    layouts = dict.fromkeys(kind_of(plan.datasets[role]).layout for role in needed)
    found = f"not here: {', '.join(needed)}; left out: {', '.join(plan.left_out)}"
    names = [plan.datasets[role].name for role in needed]
    remedy = f"Expected {' or '.join(layouts)}. Put them there, or say where they lie: {_keys(names)}."
    return [Finding(SUBJECT, "warning", found, remedy)]


def _keys(names: Sequence[str]) -> str:
    return f"{', '.join(f'site.data.{name}' for name in names)} (config/site/local.yaml)"


def data_set(dataset: Dataset, root: str, published: Images | None, quick: bool) -> list[Finding]:
    """What the kind of one data set finds there; without counting or decoding images when quick."""
    counts = published.model_dump(include={"train", "val", "classes"}) if published else {}
    try:
        checks = kind_of(dataset).checks(dataset, root, counts, quick)
    except DatasetError as error:
        found, _, remedy = str(error).rpartition("\n")
        return [Finding(SUBJECT, "error", f"{dataset.title}: {' '.join((found or remedy).split())}", remedy)]
    return [Finding(SUBJECT, check.status, f"{dataset.title}: {check.found}", check.remedy) for check in checks]
