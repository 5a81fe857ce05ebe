"""Are the data sets of a study there, complete, and readable?"""

from __future__ import annotations

from collections.abc import Sequence

from bits.config.recipe import Dataset
from bits.costs.assumptions import Images
from bits.costs.units import bytes_text
from bits.data.kind import kind_of
from bits.data.obtain import expected
from bits.data.workers import AHEAD
from bits.doctor.finding import Finding, Status
from bits.doctor.memory import GIB
from bits.errors import DatasetError
from bits.plan import Plan
from bits.plan.model import DataRemark
from bits.plan.needs import lost
from bits.records.provenance import hardware

SUBJECT = "Data"


def absent(plan: Plan, role: str) -> list[Finding]:
    """A data set that is needed and not there; of others `left_out` speaks."""
    dataset = plan.datasets[role]
    gaps = [gap for gap in plan.missing if gap.role == role]
    remedy = f"{expected(dataset)} Put it there, or say where it lies: {_keys([dataset.name])}."
    return [Finding(SUBJECT, "error", f"{dataset.title}: {' '.join(gap.reason.split())}", remedy) for gap in gaps]


def left_out(plan: Plan) -> list[Finding]:
    """The data sets without which exhibits are left out, all in one warning, and what each is expected to be."""
    needed = [role for role in plan.datasets if any(role in lost(reason) for reason in plan.left_out.values())]
    if not needed:
        return []
    datasets = [plan.datasets[role] for role in needed]
    found = f"not here: {', '.join(needed)}; left out: {', '.join(plan.left_out)}"
    keys = _keys([dataset.name for dataset in datasets])
    warning = Finding(SUBJECT, "warning", found, f"Put them there, or say where they lie: {keys}.")
    return [warning, *(Finding(SUBJECT, "skipped", f"{one.title}: {expected(one)}") for one in datasets)]


def unfit(plan: Plan, role: str) -> list[Finding]:
    """Why a data set cannot serve what is planned, and what should be known of it."""
    title = plan.datasets[role].title
    found: dict[Status, tuple[DataRemark, ...]] = {"error": plan.unfit, "warning": plan.remarks}
    return [
        Finding(SUBJECT, status, f"{title}: {each.found}", each.remedy)
        for status, remarks in found.items()
        for each in remarks
        if each.role == role
    ]


def batches(plan: Plan, role: str, slurm: bool) -> list[Finding]:
    """How much memory the largest batch may take, whose images share one canvas.

    slurm: the job gets what the cluster is asked for, else it has the memory of this machine.
    """
    dataset, site = plan.datasets[role], plan.site
    canvas = kind_of(dataset).canvas
    sizes = [
        run.recipe.schedule.batch_size // (site.processes * site.nodes)
        for run in plan.runs.values()
        if run.role == role
    ]
    sizes += [site.feature_batch] if any(one.role == role for one in plan.evaluations.values()) else []
    if canvas is None or not sizes:
        return []
    height, width = canvas(dataset, plan.roots[role])
    held = (AHEAD + 2) * max(sizes) * height * width * 3  # those ahead, the next one, and the one in use
    limit = site.jobs.train.memory_gib if slurm else float(hardware()["memory_gib"])
    found = (
        f"{dataset.title}: a batch of {max(sizes)} images on a canvas of {height} x {width} px; {AHEAD + 2} of them in "
        f"memory take up to {bytes_text(held)}"
    )
    if held <= limit * GIB / 2:
        return [Finding(SUBJECT, "ok", found)]
    remedy = (
        f"That is more than half of {limit:g} GiB. Reduce large images while decoding (dataset.max_side, now "
        f"{dataset.max_side or 'null'}; it changes results), or the batch."
    )
    return [Finding(SUBJECT, "warning", found, remedy)]


def _keys(names: Sequence[str]) -> str:
    return f"{', '.join(f'site.data.{name}' for name in names)} (config/site/local.yaml)"


def data_set(dataset: Dataset, root: str, published: Images | None, quick: bool) -> list[Finding]:
    """What the kind of one data set finds there; without counting or decoding images when quick."""
    counts = published.published if published else {}
    try:
        checks = kind_of(dataset).checks(dataset, root, counts, quick)
    except DatasetError as error:
        found, remedy = error.told()
        return [Finding(SUBJECT, "error", f"{dataset.title}: {found}", remedy)]
    return [Finding(SUBJECT, check.status, f"{dataset.title}: {check.found}", check.remedy) for check in checks]
