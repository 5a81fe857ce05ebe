"""Which files of a plan are shared, and by whom."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bits.plan import WEIGHTS

BYTES = (".safetensors", ".png", ".pdf", ".svg", ".jsonl")  # for DVC; all else is text, for git


def outputs(plan: Mapping[str, Any]) -> list[str]:
    """Every file that the rules can make for a plan, relative to the project, whether it is there or not."""
    reports = reports_folder(plan)
    found = ["reports/index.html", *(f"{reports}/{name}" for name in ("index.html", "summary.json", "dvc.yaml"))]
    found += [f"{reports}/metrics/{source}.json" for source in plan["sources"]]
    found += [f"{reports}/exhibits/{name}.{ending}" for name in plan["needs"] for ending in plan["formats"][name]]
    found += [path for files in plan["metrics"].values() for path in files.values()]
    for run in plan["runs"].values():
        found += [run["outcome"], run["provenance"], *weights(run)]
    return sorted({*found, *scenes(plan)})


def for_dvc(plan: Mapping[str, Any]) -> list[str]:
    """What DVC keeps: weights, training logs, pictures, rendered scenes."""
    logs = [run["log"] for run in plan["runs"].values()]
    return sorted(path for path in (*outputs(plan), *logs) if path.endswith(BYTES))


def weights(run: Mapping[str, Any]) -> list[str]:
    """The weights files of a run of the plan."""
    return [f"{run['folder']}/{part}.safetensors" for part in WEIGHTS]


def scenes(plan: Mapping[str, Any]) -> list[str]:
    """Rendered data sets that lie in the project; a user's own images are never shared."""
    roots = (plan["roots"][role] for role, dataset in plan["datasets"].items() if dataset["kind"] == "scenes")
    return sorted({root for root in roots if not Path(root).is_absolute()})


def results_folder(plan: Mapping[str, Any]) -> str:
    return f"results/{plan['scale']['name']}"


def reports_folder(plan: Mapping[str, Any]) -> str:
    return f"reports/{plan['scale']['name']}"
