"""Lines: figures of panels x curves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from pydantic import Field

from bits.config.declared import Declared
from bits.exhibits.catalogue import Catalogue
from bits.exhibits.kinds.base import Exhibit, ExhibitKind, Need, Row, with_row
from bits.exhibits.published import Key, PublishedValues


class Axis(Declared):
    """The horizontal axis; `key` names x in published settings, `span` the published number of dimensions."""

    label: str
    key: str
    span: int | None = None


class Panel(Declared):
    """One set of axes: a measure that is a series."""

    measure: str
    published: str = ""
    title: str = ""
    setting: str = ""


class Lines(Exhibit):
    """Curves: panels x series."""

    # Where to look up published points does not show; the points found there do.
    UNSEEN: ClassVar = {
        "series": {"__all__": {"method", "setting"}},
        "panels": {"__all__": {"published", "setting"}},
        "x": {"key"},
    }

    x: Axis
    series: tuple[Row, ...] = Field(min_length=1)
    panels: tuple[Panel, ...] = Field(min_length=1)

    def needs(self) -> list[Need]:
        """Every (source, measure) that a curve shows, each once."""
        return list(dict.fromkeys((row.source(panel.measure), panel.measure) for panel, row in self.curves()))

    def curves(self) -> Iterator[tuple[Panel, Row]]:
        """Every curve, panel by panel."""
        return ((panel, row) for panel in self.panels for row in self.series)

    def published_curves(self) -> Iterator[tuple[Panel, Row]]:
        """The curves that the paper has."""
        return ((panel, row) for panel, row in self.curves() if not (row.extra or self.beyond))

    def published_points(self, panel: Panel, row: Row, values: PublishedValues) -> dict[Key, tuple[float, float]]:
        """The published points of a curve, key -> (x, y), by increasing x; none of one that the paper does not have."""
        if row.extra or self.beyond:
            return {}
        return values.points(self.id, row.method or row.label, panel.setting, panel.published, self.x.key)

    def published_keys(self, values: PublishedValues) -> Iterator[Key]:
        """Where published.csv holds the points of every curve."""
        for panel, row in self.curves():
            yield from self.published_points(panel, row, values)

    def worth(self, values: PublishedValues) -> int:
        """The number of curves with published points: those read off one plot are not worth more than a cell."""
        return sum(bool(self.published_points(panel, row, values)) for panel, row in self.published_curves())

    def problems(self, catalogue: Catalogue) -> Iterator[str]:
        for row in self.series:
            if row.label not in catalogue.colours:
                yield f"no colour for {row.label!r} among the colours"
        for panel, row in self.published_curves():
            if not self.published_points(panel, row, catalogue.published):
                yield (
                    f"nobody published a point of {row.method or row.label} for column {panel.published!r}, "
                    f"setting {panel.setting!r}, {self.x.key}=<number>"
                )

    def facts(self, catalogue: Catalogue) -> dict[str, Any]:
        points = (self.published_points(panel, row, catalogue.published) for panel, row in self.curves())
        return {
            **super().facts(catalogue),
            "published": [[list(point) for point in found.values()] for found in points],
            "colours": {row.label: catalogue.colours[row.label] for row in self.series},
        }

    def with_added(self, row: Row, where: str) -> Lines:
        return with_row(self, "series", row, where)

    def added_labels(self) -> list[str]:
        return [row.label for row in self.series if row.extra]


KIND = ExhibitKind(name="lines", model=Lines, shape="series", formats=("html", "png", "pdf", "svg", "csv"))
