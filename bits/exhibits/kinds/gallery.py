"""Galleries: images on either side of one bit."""

from __future__ import annotations

from collections.abc import Iterator

from bits.exhibits.catalogue import Catalogue
from bits.exhibits.kinds.base import Exhibit, ExhibitKind, Need


class Gallery(Exhibit):
    """Images of several classes on either side of the bit that ranks `rank`-th by the declared statistic."""

    run: str
    measure: str
    rank: int
    classes: int
    paper_bit: int

    def needs(self) -> list[Need]:
        """The one (source, measure) that it shows."""
        return [(self.run, self.measure)]

    def problems(self, catalogue: Catalogue) -> Iterator[str]:
        if self.rank < 1:
            yield f"rank {self.rank}; expected 1 for the first bit, 2, ..."


KIND = ExhibitKind(name="gallery", model=Gallery, shape="gallery")
