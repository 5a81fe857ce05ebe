"""HTML pages: templates filled with everything escaped, links relative to the page."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bits.reporting.cells import Table
from bits.reporting.curves import Chart
from bits.reporting.keys import bold_said, seeds_said

TEMPLATES = Path(__file__).parent / "templates"


def page(template: str, out: Path, root: Path, **values: Any) -> bytes:
    """A template as a page to be written at `out`; in it href(path) links to a path relative to root."""
    return _environment().get_template(template).render(href=link_from(out, root), **values).encode("utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": duration, "moment": moment, "bold_said": bold_said, "seeds_said": seeds_said}
    return environment


def link_from(out: Path, root: Path) -> Callable[[str | Path], str]:
    """href(path): the URL, relative to the page `out`, of a file given relative to root."""

    def href(path: str | Path) -> str:
        relative = Path(os.path.relpath((root / path).resolve(), out.resolve().parent)).as_posix()
        return quote(relative if relative.startswith("..") else f"./{relative}")

    return href


def exhibit_page(collected: Table | Chart, out: Path, root: Path, formats: dict[str, Path]) -> bytes:
    """The page of one exhibit; formats: the same exhibit in other formats, by their ending."""
    kind = "grid" if isinstance(collected, Table) else "lines"
    links = {ending: os.path.relpath(path.resolve(), root.resolve()) for ending, path in formats.items()}
    return page("exhibit.html.j2", out, root, exhibit=collected, kind=kind, formats=links)


def moment(time: str) -> str:
    """An ISO 8601 time in UTC to the minute, as "2026-03-01 10:02 UTC"; what is none stays as it is."""
    try:
        return datetime.fromisoformat(time).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return time


def duration(seconds: float | None) -> str:
    """Seconds as "42 s", "3 min 20 s" or "5 h 12 min"; nothing for None."""
    if seconds is None:
        return ""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
