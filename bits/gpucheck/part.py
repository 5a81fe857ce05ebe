"""A part of the check: what it is given, what it says of itself, how it ends other than well."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bits.errors import BitsError

Found = Iterator[tuple[str, Any]]


class CheckError(BitsError):
    """A measurement outside its stated tolerance, or a test that failed."""


class Skipped(BitsError):  # noqa: N818 - not an error
    """A part that could not be run here, and why; it counts as no failure."""


@dataclass(frozen=True)
class Bench:
    """What a part works with.

    device: as in site.device. quick: sizes of a rehearsal, seconds on a CPU. folder: the report's, for further files.
    scratch: for files that nobody keeps; shared by all parts. until: when to be done (time.monotonic).
    """

    device: str
    quick: bool
    folder: Path
    scratch: Path
    until: float

    @property
    def cpu(self) -> bool:
        return self.device == "cpu"

    @property
    def scale(self) -> str:
        """Of small trainings."""
        return "smoke" if self.quick else "demo"

    @property
    def site(self) -> dict[str, Any]:
        """Values of the site: one thread on a CPU, so that it repeats itself; beside a GPU as many as torch chooses."""
        return {"device": self.device, "threads": int(self.cpu)}

    def left(self) -> float:
        """Seconds to the end of the part's time; negative after it."""
        return self.until - time.monotonic()


@dataclass(frozen=True)
class Part:
    """share: of the whole time; None: all that is left.

    run: yields what it finds, name by name, so that what was found before a failure is kept; values are JSON-like, and
    a later value of a name replaces the earlier. text: what was found, all or a part of it, as Markdown.
    """

    name: str
    title: str
    share: float | None
    run: Callable[[Bench], Found]
    text: Callable[[Mapping[str, Any]], str]


def in_time(bench: Bench, works: Iterable[tuple[str, Callable[[], Any]]]) -> Found:
    """What each work returns, by its name; {"skipped": why} once less time is left than the longest one took."""
    longest = 0.0
    for name, work in works:
        left, started = bench.left(), time.monotonic()
        if left < longest:
            yield name, {"skipped": f"{left:.0f} s were left, the longest before took {longest:.0f} s"}
        else:
            yield name, work()
            longest = max(longest, time.monotonic() - started)
