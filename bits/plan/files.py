"""The plan as files: made once, kept under a key of everything it was made from, made anew when that changes.

Composing all runs takes seconds, so results/<scale>/plan.json is a cache: it can be old, never stale. Beside it
lie the frozen configurations that jobs read, named by their digests.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from bits.plan.data import dataset_fingerprint
from bits.plan.make import make_plan
from bits.plan.request import Request
from bits.provenance import write_json, write_text
from bits.recipe import Dataset


def current_plan(request: Request, results: Path = Path("results")) -> dict[str, Any]:
    """The plan for `request`, from its file when that is up to date, else made and written (some seconds)."""
    path = results / request.scale / "plan.json"
    if path.is_file():
        try:
            kept: dict[str, Any] = json.loads(path.read_text())
        except ValueError:
            kept = {}
        if kept.get("key") == request.key() and kept["fingerprints"] == _fingerprints(kept):
            return kept
    plan = {"key": request.key(), **make_plan(request)}
    write_plan(plan, path)
    return plan


def write_plan(plan: Mapping[str, Any], path: Path) -> None:
    """Write the plan and the frozen configurations beside it; what is there already stays untouched."""
    for run in plan["runs"].values():
        freeze(Path(run["config"]), {"name": run["name"], "role": run["role"], "recipe": run["recipe"]})
    for role, spec in plan["evaluations"].items():
        freeze(path.parent / "evaluations" / f"{role}-{spec['id']}.yaml", dict(spec))
    write_text(path.parent / "site.yaml", yaml.safe_dump(plan["site"], sort_keys=False))
    write_json(path, plan)


def freeze(path: Path, value: Any) -> None:
    """Write what jobs will read; a file that says the same already keeps its date."""
    text = yaml.safe_dump(value, sort_keys=False)
    if not path.is_file() or path.read_text() != text:
        write_text(path, text)


def _fingerprints(plan: Mapping[str, Any]) -> dict[str, str | None]:
    datasets = {role: Dataset.model_validate(dataset) for role, dataset in plan["datasets"].items()}
    return {role: dataset_fingerprint(dataset, plan["roots"][role]) for role, dataset in datasets.items()}
