"""Fine-tunings by their names: <run>-on-<data set role>."""

from __future__ import annotations

from collections.abc import Iterable

MARK = "-on-"


def parts_of(source: str) -> tuple[str, str] | None:
    """(run, data set role) of a fine-tuning; None for any other source."""
    run, mark, role = source.rpartition(MARK)
    return (run, role) if mark else None


def pairs_among(sources: Iterable[str]) -> list[tuple[str, str]]:
    """The (run, data set role) of every fine-tuning among the sources, in their order, each once."""
    return list(dict.fromkeys(parts for source in sources if (parts := parts_of(source))))
