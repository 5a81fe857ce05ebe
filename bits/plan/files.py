"""The plan as files: made once, kept under a key of everything it was made from, made anew when that changes.

Composing all runs takes seconds, so results/<scale>/plan.json is a cache: it can be old, never stale. Jobs read copies
that nothing overwrites, named by their digests: the plan, the site's settings, the configurations of runs and
evaluations. What is edited or planned while jobs wait or run changes nothing for them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from bits.config.recipe import Dataset, Recipe
from bits.plan.data import SHORT, known_fingerprints
from bits.plan.make import make_plan
from bits.plan.request import Request
from bits.plan.runs import frozen_run
from bits.records.digests import digest
from bits.records.files import write_json, write_text


def current_plan(request: Request) -> dict[str, Any]:
    """The plan for `request`, from its file when that is up to date, else made and written (some seconds).

    Besides what `make_plan` gives, `file` and `site_file` say where the jobs' copies are.
    """
    path = request.folder / "plan.json"
    if path.is_file():
        try:
            kept: dict[str, Any] = json.loads(path.read_text())
        except ValueError:
            kept = {}
        if kept.get("key") == request.key() and _knows_the_data(kept, request.folder):
            if not _complete(kept, request.folder):
                write_plan(kept, request.folder)
            return kept
    made = make_plan(request)
    names = {"file": ("plans", made["digest"], "json"), "site_file": ("sites", digest(made["site"]), "yaml")}
    files = {key: str(request.folder / kind / f"{text[:SHORT]}.{end}") for key, (kind, text, end) in names.items()}
    plan = {"key": request.key(), **files, **made}
    write_plan(plan, request.folder)
    write_json(path, plan)
    return plan


def write_plan(plan: Mapping[str, Any], folder: Path) -> None:
    """Write what jobs read; what is there already stays untouched."""
    for run in plan["runs"].values():
        freeze(Path(run["config"]), frozen_run(run["name"], run["role"], Recipe.model_validate(run["recipe"])))
    for name, spec in plan["evaluations"].items():
        freeze(evaluation_file(folder, name), dict(spec))
    freeze(Path(plan["site_file"]), plan["site"])
    if not Path(plan["file"]).is_file():
        write_json(Path(plan["file"]), plan)


def _complete(plan: Mapping[str, Any], folder: Path) -> bool:
    """Whether nobody has removed a file that jobs read."""
    configs = [run["config"] for run in plan["runs"].values()]
    evaluations = [evaluation_file(folder, name) for name in plan["evaluations"]]
    return all(Path(path).is_file() for path in (plan["file"], plan["site_file"], *configs, *evaluations))


def evaluation_file(folder: Path, name: str) -> Path:
    """The frozen evaluation called <role>-<digest>."""
    return folder / "evaluations" / f"{name}.yaml"


def freeze(path: Path, value: Any) -> None:
    """Write what jobs will read; a file that says the same already keeps its date."""
    text = yaml.safe_dump(value, sort_keys=False)
    if not path.is_file() or path.read_text() != text:
        write_text(path, text)


def _knows_the_data(plan: Mapping[str, Any], folder: Path) -> bool:
    """Whether the data are still those that the plan was made for, and where they were."""
    datasets = {role: Dataset.model_validate(dataset) for role, dataset in plan["datasets"].items()}
    return known_fingerprints(datasets, plan["roots"], folder) == (plan["fingerprints"], plan.get("elsewhere"))
