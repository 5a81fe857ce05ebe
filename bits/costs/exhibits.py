"""What each exhibit needs and what it is worth, those whose data are not here included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bits.exhibits import Declarations, Exhibit, Grid, Lines


def files_of(exhibit: Exhibit, declared: Declarations, plan: Mapping[str, Any]) -> list[str] | None:
    """The metrics files that it would be made from, were all data here; None when no data set plays a role of it."""
    files = []
    for source, name in exhibit.needs():
        measure = declared.measures[name]
        for identity in plan["sources"].get(source, [""]):
            path = plan["metrics"].get(identity, {}).get(measure.record)
            if path is None:
                return None
            files.append(path)
    return sorted(set(files))


def published_values(exhibit: Exhibit, declared: Declarations) -> int:
    """How many values of the paper it is held against: a cell counts one, and so does a whole curve."""
    if isinstance(exhibit, Grid):
        return sum(declared.published.get(key) is not None for key in exhibit.published_keys())
    if isinstance(exhibit, Lines):
        points = (exhibit.published_points(*curve, declared.published) for curve in exhibit.published_curves())
        return sum(bool(found) for found in points)
    return 1
