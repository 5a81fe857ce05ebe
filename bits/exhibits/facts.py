"""What of the declarations one rendered exhibit shows, so that it is rendered anew when that changes, not oftener."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bits.exhibits.kinds import Exhibit, Grid, Lines

if TYPE_CHECKING:
    from bits.exhibits.declarations import Declarations

# Where to look up published values is no part of an exhibit's looks; the values found there are.
_KEYS: dict[str, Any] = {
    "method": True,
    "setting": True,
    "rows": {"__all__": {"method", "setting"}},
    "series": {"__all__": {"method", "setting"}},
    "columns": {"__all__": {"published", "setting"}},
    "panels": {"__all__": {"published", "setting"}},
    "x": {"key"},
}


def facts_of(exhibit: Exhibit, declared: Declarations) -> dict[str, Any]:
    """JSON values: the exhibit, its measures, published values by place, colours and labels of references."""
    measures = dict.fromkeys(measure for _, measure in exhibit.needs())
    keys = {name: what for name, what in _KEYS.items() if name in type(exhibit).model_fields}
    return {
        "exhibit": exhibit.model_dump(mode="json", exclude=keys),
        "name": exhibit.name,
        "measures": {name: declared.measures[name].model_dump(mode="json") for name in measures},
        "published": _published(exhibit, declared),
        **_looks(exhibit, declared),
    }


def _published(exhibit: Exhibit, declared: Declarations) -> list[Any]:
    if isinstance(exhibit, Grid):
        found = [declared.published.get(key) for key in exhibit.published_keys()]
        return [[one.value, one.note] if one else None for one in found]
    if isinstance(exhibit, Lines):
        curves = (exhibit.published_points(*curve, declared.published) for curve in exhibit.curves())
        return [[list(point) for point in points.values()] for points in curves]
    return []


def _looks(exhibit: Exhibit, declared: Declarations) -> dict[str, dict[str, str]]:
    if isinstance(exhibit, Grid):
        labels = [row.label for row in exhibit.rows]
        references = {row.reference: declared.references[row.reference] for row in exhibit.references if not row.label}
    else:
        labels = [row.label for row in exhibit.series] if isinstance(exhibit, Lines) else []
        references = {}
    return {
        "colours": {label: declared.colours[label] for label in labels if label in declared.colours},
        "references": references,
    }
