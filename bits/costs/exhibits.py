"""What each exhibit is made from, whether or not its data are here."""

from __future__ import annotations

import json
from pathlib import Path

from bits.exhibits import Declarations, Exhibit
from bits.exhibits.kinds.base import RECORD
from bits.plan import Plan
from bits.plan.imports import applies


def files_of(exhibit: Exhibit, declared: Declarations, plan: Plan) -> list[Path] | None:
    """The metrics files that it would be made from, were all data here; None where no data set plays a role of it."""
    files = set()
    for source, name in exhibit.needs():
        imported = set(plan.sources.get(source, ())) & plan.imports.keys()
        if imported and not applies(declared.measures[name]):
            continue
        record = declared.measures[name].record
        for identity in plan.sources.get(source, [""]):
            path = plan.metrics.get(identity, {}).get(record)
            if path is None:
                return None
            files.add(path)
    return sorted(files)


def files_shown(declared: Declarations, plan: Plan) -> set[Path]:
    """The metrics files of all exhibits that can be computed, those that wait for their data included."""
    found = (files_of(declared.exhibits[name], declared, plan) for name in declared.computable())
    return {path for files in found for path in files or ()}


def is_rendered(name: str, plan: Plan) -> bool:
    """Whether all files of an exhibit are there, and made from what the plan says."""
    folder, endings = plan.reports / "exhibits", plan.formats.get(name, ())
    if not endings or not all((folder / f"{name}.{ending}").is_file() for ending in endings):
        return False
    try:
        record = json.loads((folder / f"{name}.{RECORD}").read_text(encoding="utf-8"))
        return bool(record["made_from"] == plan.exhibit_digest(name))
    except (OSError, ValueError, KeyError, TypeError):  # of another version, which the workflow renders again
        return False
