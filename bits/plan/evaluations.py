"""What is measured of each run and reference, and which files hold the numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bits.config.evaluation import EVALUATORS, Evaluation
from bits.errors import BitsError
from bits.exhibits import Declarations
from bits.plan.data import SHORT
from bits.records.digests import digest


def references(labels: Mapping[str, str], runs: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """References by id, once for each of the runs that they stand beside, which differ in their seeds."""
    found = {}
    for run in runs:
        # What they depend on besides the data and the evaluation, whose digest is in the name of the metrics file.
        basis = digest([run["recipe"][part] for part in ("backbone", "augmentation", "seed")])[:SHORT]
        for name, label in labels.items():
            identity = f"{name}-{basis}"
            found[identity] = {
                "name": name,
                "id": identity,
                "seed": run["seed"],
                "label": label,
                "config": run["config"],
            }
    return found


def evaluations(
    declarations: Declarations, plan: Mapping[str, Any], shared: Mapping[str, Evaluation], folder: Path
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, str]]]:
    """(every evaluation by <role>-<digest>, id -> data set role or "training" -> file of the numbers).

    A source gets the evaluators that exhibits show of it on a data set, whether or not the data are here, and no
    others: a probe of 100 epochs for a run of which a table shows the mAP would cost more than the run.
    """
    found: dict[str, dict[str, Any]] = {}
    metrics: dict[str, dict[str, str]] = {
        identity: {"training": run["curve"]} for identity, run in plan["runs"].items()
    }
    metrics |= {identity: {} for identity in plan["references"]}
    for (source, role), evaluators in sorted(_shown_evaluators(declarations).items()):
        if role not in shared:
            continue
        for evaluator in sorted(evaluators):
            if getattr(shared[role], evaluator) is None:
                raise BitsError(f"config: {role}: the evaluator {evaluator} is null, but exhibits show it of {source}")
        values = shared[role].only(evaluators).model_dump(mode="json")
        spec = {"role": role, "dataset": plan["datasets"][role], "evaluation": values}
        untitled = {key: value for key, value in spec["dataset"].items() if key != "title"}
        name = f"{role}-{digest({**spec, 'dataset': untitled})[:SHORT]}"
        for identity in plan["sources"].get(source, ()):
            found[name] = {"id": name.rpartition("-")[2], **spec}
            metrics[identity][role] = str(folder / "metrics" / identity / f"{name}.json")
    return found, metrics


def _shown_evaluators(declarations: Declarations) -> dict[tuple[str, str], set[str]]:
    """(source, data set role) -> the evaluators of which an exhibit shows something."""
    found: dict[tuple[str, str], set[str]] = {}
    for name in declarations.computable():
        for source, measure in declarations.exhibits[name].needs():
            shown = declarations.measures[measure]
            if shown.evaluator in EVALUATORS:
                found.setdefault((source, shown.dataset), set()).add(shown.evaluator)
    return found


def references_together(plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The jobs that evaluate references: those of one seed to which the same is done, in one process.

    evaluation: its name. config: of the run beside which they stand. files: id of a reference -> its metrics file.
    """
    jobs: dict[tuple[str, int], dict[str, Any]] = {}
    for identity, reference in plan["references"].items():
        for path in plan["metrics"][identity].values():
            name, seed = Path(path).stem, reference["seed"]
            job = {"evaluation": name, "seed": seed, "config": reference["config"], "files": {}}
            jobs.setdefault((name, seed), job)["files"][identity] = path
    return list(jobs.values())
