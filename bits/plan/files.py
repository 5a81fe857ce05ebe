"""The plan as files: cached under a key of everything that it was made from, and remade when that changes.

Composing all runs takes seconds, so results/<study>/plan.json is a cache, which is never used when out of date. Jobs
read copies that are named by their digests and never overwritten: the plan, the site settings, the configurations of
runs and evaluations. Editing or planning while jobs are queued or running changes nothing for them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from bits.plan.data import images_seen, known_fingerprints
from bits.plan.imports import frozen_import, missing_weights, weights_digest
from bits.plan.make import make_plan
from bits.plan.model import Evaluation, Plan, PlanError, read_plan
from bits.plan.request import Request
from bits.plan.runs import frozen_run
from bits.records.files import write_text


def current_plan(request: Request) -> Plan:
    """The plan for `request`: read from its file if that is up to date, else made and written (a few seconds)."""
    path = request.folder / "plan.json"
    kept = kept_plan(request)
    if kept is not None:
        if not _complete(kept):
            write_plan(kept)
        return kept
    plan = make_plan(request).model_copy(update={"key": request.key()})
    write_plan(plan)
    plan.write(path)
    return plan


def kept_plan(request: Request) -> Plan | None:
    """The plan in its file, if that is up to date; nothing is made or written."""
    kept = _kept(request.folder / "plan.json")
    # Data that were unfit may be put right by what has no part in their identity, such as removing an empty folder.
    if kept is None or kept.key != request.key() or kept.unfit:
        return None
    if kept.seen != images_seen(kept.datasets, kept.roots):
        return None  # by now more may be known to be broken
    return kept if _knows_the_data(kept) and _knows_the_weights(kept) else None


def _kept(path: Path) -> Plan | None:
    try:
        return read_plan(path)
    except PlanError:  # no file yet, one of another version, or one that was edited
        return None


def write_plan(plan: Plan) -> None:
    """Write the files that jobs read; files that exist with the same content are left untouched."""
    for run in plan.runs.values():
        freeze(run.config, frozen_run(run.name, run.role, run.recipe))
    for one in plan.imports.values():
        freeze(one.config, frozen_import(one))
    for evaluation in plan.evaluations.values():
        freeze(plan.evaluation_file(evaluation.name), frozen_evaluation(evaluation))
    freeze(plan.site_file, plan.site.model_dump(mode="json"))
    if _kept(plan.file) is None:  # not there, or of a version that cannot be read now
        plan.write(plan.file)


def frozen_evaluation(evaluation: Evaluation) -> dict[str, Any]:
    """The content of an evaluation's file, without the data set's title, which may change."""
    return evaluation.model_dump(mode="json", exclude={"dataset": {"title"}})


def _complete(plan: Plan) -> bool:
    """Whether all the files that jobs read are there."""
    configs = [run.config for run in plan.runs.values()] + [one.config for one in plan.imports.values()]
    evaluations = [plan.evaluation_file(name) for name in plan.evaluations]
    return all(path.is_file() for path in (plan.file, plan.site_file, *configs, *evaluations))


def freeze(path: Path, value: Any) -> None:
    """Write a YAML file for jobs; a file with the same content keeps its modification time."""
    text = yaml.dump(value, Dumper=yaml.CSafeDumper, sort_keys=False)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)


def _knows_the_data(plan: Plan) -> bool:
    """Whether the data are still those that the plan was made for, and in the same places."""
    planned = {role: dataset.fingerprint for role, dataset in plan.datasets.items()}
    return known_fingerprints(plan.datasets, plan.roots, plan.folder) == (planned, list(plan.elsewhere))


def _knows_the_weights(plan: Plan) -> bool:
    """Whether files of weights are still those that the plan was made for; one that was imported may have gone."""
    here = {one.recipe.weights: weights_digest(one.path) for one in plan.imports.values()}
    changed = any(found not in (None, planned) for planned, found in here.items())
    return not changed and missing_weights(plan.imports.values()) == plan.missing_weights
