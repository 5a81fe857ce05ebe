"""What `dvc metrics` and `dvc plots` show: a file a run, and the dvc.yaml that declares them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from bits.exhibits import Declarations, Exhibit
from bits.reporting.cells import Cell
from bits.reporting.csv_text import not_live
from bits.reporting.rendered import ExhibitRecord
from bits.reporting.results import Results
from bits.reporting.seeds import Seeds

NOT_LIVE = "not_live"
HEAD = "# Written with the report: what `dvc metrics` and `dvc plots` show of this scale.\n"


def dvc_files(declared: Declarations, results: Results, records: Mapping[str, ExhibitRecord]) -> dict[str, str]:
    """Content by path relative to the report's folder. Runs go by name, so that another recipe is a difference."""
    files = {}
    for source, found in numbers_by_source(declared, results, records).items():
        facts = {"scale": results.plan.scale.name, "stamp": results.plan.scale.stamp}
        seeds = len(results.plan.sources[source])
        files[f"metrics/{source}.json"] = json.dumps({**facts, "seeds": seeds, **found}, indent=1) + "\n"
    plots = [_plot(declared.exhibits[name], *one.plotted) for name, one in records.items() if one.plotted]
    return {**files, "dvc.yaml": HEAD + yaml.safe_dump({"metrics": list(files), "plots": plots}, sort_keys=False)}


def numbers_by_source(
    declared: Declarations, results: Results, exhibits: Iterable[str]
) -> dict[str, dict[str, float | str]]:
    """Run or reference -> measure -> value in its unit, the mean of its seeds; what has not run is left out.

    A number only when every seed was measured. Else what tables show, as "collapse" or "20.33 (2 of 3, 1 failed)": no
    mean of some seeds, and none of a run that broke down, is compared as if it were one. Of a run that is not live, the
    reason stands under `NOT_LIVE`. exhibits: those whose numbers are wanted.
    """
    found: dict[str, dict[str, float | str]] = {source: {} for source in results.plan.sources}
    for name in exhibits:
        for source, identity in declared.exhibits[name].needs():
            measure = declared.measures[identity]
            if measure.shape == "number" and source in found:
                cell = Cell(Seeds(results.readings(source, measure)), decimals=measure.decimals)
                if cell.status not in ("not run", "does not apply"):
                    complete = cell.value if cell.seeds.complete else None
                    found[source][identity] = cell.text if complete is None else complete
                    if cell.mark:
                        found[source][NOT_LIVE] = not_live(cell.seeds)
    return {source: dict(sorted(values.items())) for source, values in found.items()}


def _plot(exhibit: Exhibit, x: str, y: str) -> dict[str, Any]:
    title = f"{exhibit.name}: {exhibit.title}"
    return {f"exhibits/{exhibit.id}.csv": {"x": x, "y": y, "template": "series", "title": title}}
