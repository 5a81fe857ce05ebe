"""What exhibits refer to by name."""

from __future__ import annotations

from dataclasses import dataclass

from bits.exhibits.measures import Measure
from bits.exhibits.published import PublishedValues


@dataclass(frozen=True)
class Catalogue:
    """Measures by id, published values, labels of references by name, and colours ("#rrggbb") by label of a method."""

    measures: dict[str, Measure]
    published: PublishedValues
    references: dict[str, str]
    colours: dict[str, str]
