"""Suggestions for names that do not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MOST_LISTED = 12


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of an error message: the known names closest to `name`, or all if none is close and there are few.

    Examples: "; did you mean 'table-1'?", "; known: grid, lines", "".
    """
    names = sorted(known)
    matches = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if matches:
        return f"; did you mean {' or '.join(map(repr, matches))}?"
    return f"; known: {', '.join(names)}" if 0 < len(names) <= MOST_LISTED else ""
