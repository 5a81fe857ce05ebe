"""Embeddings: scatter plots of codes."""

from __future__ import annotations

from bits.exhibits.kinds.base import Exhibit, ExhibitKind, Need


class Embedding(Exhibit):
    """Codes embedded in `dimensions` dimensions, and the projections to two."""

    run: str
    measure: str
    dimensions: int

    def needs(self) -> list[Need]:
        """The one (source, measure) that it shows."""
        return [(self.run, self.measure)]


KIND = ExhibitKind(name="embedding", model=Embedding, shape="embedding")
