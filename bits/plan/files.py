"""The plan as files: made once, kept under a key of everything it was made from, made anew when that changes.

Composing all runs takes seconds, so results/<scale>/plan.json is a cache: it can be old, never stale. Beside it
lie the frozen configurations that jobs read, named by their digests.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bits.compose import CONFIG_DIR
from bits.plan.data import dataset_fingerprint
from bits.plan.make import make_plan
from bits.provenance import digest, tree_digest, write_json, write_text
from bits.recipe import Dataset

PLAN_FORMAT = 2


@dataclass(frozen=True)
class Request:
    """What the user asks for: a scale, Hydra overrides for every run, and where the data are."""

    scale: str = "demo"
    overrides: tuple[str, ...] = ()
    config_dir: Path = CONFIG_DIR

    def key(self) -> str:
        """Changes with anything the plan is made from, except the data themselves."""
        config = tree_digest(self.config_dir, ["*.yaml", "*.csv", "*/*.yaml"])
        return digest([PLAN_FORMAT, self.scale, list(self.overrides), config])


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
    plan = make_plan(request.scale, request.overrides, request.config_dir)
    plan = {"key": request.key(), **plan}
    write_plan(plan, path)
    return plan


def write_plan(plan: Mapping[str, Any], path: Path) -> None:
    """Write the plan and the frozen configurations beside it; what is there already stays untouched."""
    for run in plan["runs"].values():
        freeze(Path(run["config"]), {"name": run["name"], "recipe": run["recipe"]})
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
