"""What holds of several things, as lines that fit a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

WIDTH = 100
FEW = 3
_TOGETHER = "\N{NO-BREAK SPACE}"


def listed(subjects: Sequence[str], reason: str) -> Iterator[str]:
    """ "  a, b: reason" on one line; of many subjects, the reason with their number, and they themselves below it."""
    line = f"  {', '.join(subjects)}: {reason}"
    if len(subjects) <= FEW or len(line) <= WIDTH:
        yield line
        return
    yield f"  {len(subjects)}: {reason}"
    indent, between = " " * 6, "; " if any("," in subject for subject in subjects) else ", "
    whole = between.join(subject.replace(" ", _TOGETHER) for subject in subjects)  # no line ends inside a subject
    lines = textwrap.wrap(whole, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
    yield from (line.replace(_TOGETHER, " ") for line in lines)


def by_reason(reasons: Mapping[str, str]) -> Iterator[str]:
    """The same of everything that has a reason, those with the same one together."""
    groups: dict[str, list[str]] = {}
    for subject, reason in reasons.items():
        groups.setdefault(reason, []).append(subject)
    for reason, subjects in groups.items():
        yield from listed(subjects, reason)
