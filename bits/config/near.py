"""Suggestions for names that do not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

MOST_LISTED = 40


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of an error message: the known names closest to `name`, or all if none is close and there are few.

    Examples: "; did you mean 'table-1'?", "; known: grid, lines", "".
    """
    names = sorted(known)
    matches = near_matches(name, names)
    if matches:
        return suggestion(matches)
    return f"; known: {', '.join(names)}" if 0 < len(names) <= MOST_LISTED else ""


def near_matches(name: str, known: Iterable[str], cutoff: float = 0.6) -> list[str]:
    """At most three known names, the closest first; `cutoff` is difflib's, from 0 (anything) to 1 (the same)."""
    return difflib.get_close_matches(name, list(known), n=3, cutoff=cutoff)


def suggestion(names: Sequence[str]) -> str:
    return f"; did you mean {' or '.join(map(repr, names))}?"
