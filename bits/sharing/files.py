"""Which files of a plan are shared, and whether git or DVC keeps them.

Names are strings, relative to the project, as Snakemake and DVC write them.
"""

from __future__ import annotations

from pathlib import Path

from bits.data.kind import kind_of
from bits.plan.model import REPORTS, RESULTS, WEIGHTS, Plan

BYTES = (".safetensors", ".png", ".pdf", ".svg", ".jsonl")  # kept by DVC; everything else is text, kept by git


def outputs(plan: Plan) -> list[str]:
    """Every file that the rules can make for a plan, whether or not it exists."""
    found = [REPORTS / "index.html", *(plan.reports / name for name in ("index.html", "summary.json", "dvc.yaml"))]
    found += [plan.reports / "metrics" / f"{source}.json" for source in plan.sources]
    found += [plan.reports / "exhibits" / f"{name}.{end}" for name in plan.needs for end in plan.formats[name]]
    found += [path for files in plan.metrics.values() for path in files.values()]
    for run in plan.runs.values():
        found += [run.outcome, run.provenance, *map(run.weights, WEIGHTS)]
    for one in plan.imports.values():
        found += [one.provenance, one.weights]
    return sorted({*map(str, found), *scenes(plan)})


def for_dvc(plan: Plan) -> list[str]:
    """The files that DVC keeps: weights, training logs, figures, rendered scenes."""
    logs = [str(run.log) for run in plan.runs.values()]
    return sorted(name for name in (*outputs(plan), *logs) if name.endswith(BYTES))


def is_weights(name: str) -> bool:
    """Whether a file holds a run's weights; rendered scenes are .safetensors files too."""
    return name.endswith(".safetensors") and Path(name).is_relative_to(RESULTS)


def scenes(plan: Plan) -> list[str]:
    """Data sets inside the project that are made here. A user's own images are never shared."""
    roots = (plan.roots[role] for role, dataset in plan.datasets.items() if kind_of(dataset).prepare)
    return sorted({root for root in roots if not Path(root).is_absolute()})
