"""Are the data sets of a study there, complete, and readable?"""

from __future__ import annotations

from bits.config.recipe import Dataset
from bits.costs.assumptions import Images
from bits.data.kind import kind_of
from bits.doctor.finding import Finding
from bits.errors import DatasetError
from bits.plan import Plan

SUBJECT = "Data"


def absent(plan: Plan, role: str) -> list[Finding]:
    """A data set that is not there: missing, or left out with its exhibits."""
    dataset, root = plan.datasets[role], plan.roots[role]
    remedy = (
        f"Expected {kind_of(dataset).layout}. Put it there, or say where it lies: site.data.{dataset.name} "
        "(config/site/local.yaml)."
    )
    gap = next((gap for gap in plan.missing if gap.role == role), None)
    if gap:
        return [Finding(SUBJECT, "error", f"{dataset.title}: {' '.join(gap.reason.split())}", remedy)]
    lost = [name for name, reason in plan.left_out.items() if role in reason]
    found = f"{dataset.title}: nothing at {root or 'any place'}; left out: {', '.join(lost) or 'nothing'}"
    return [Finding(SUBJECT, "warning", found, remedy)]


def data_set(dataset: Dataset, root: str, published: Images | None, quick: bool) -> list[Finding]:
    """What the kind of one data set finds there; without counting or decoding images when quick."""
    counts = published.model_dump(include={"train", "val", "classes"}) if published else {}
    try:
        checks = kind_of(dataset).checks(dataset, root, counts, quick)
    except DatasetError as error:
        found, _, remedy = str(error).rpartition("\n")
        return [Finding(SUBJECT, "error", f"{dataset.title}: {' '.join((found or remedy).split())}", remedy)]
    return [Finding(SUBJECT, check.status, f"{dataset.title}: {check.found}", check.remedy) for check in checks]
