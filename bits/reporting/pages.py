"""HTML pages: templates filled with everything escaped, links relative to the page."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined
from markupsafe import Markup

from bits.reporting.keys import bold_said, dead_said, intervals_said, seeds_said
from bits.reporting.renderers.base import RENDERERS, template_of

TEMPLATES = Path(__file__).parent / "templates"
# In what a template made: text has no plain quotation marks, and links inside a page or into the web have no dot first.
_LINK = re.compile(r'\b(href|src)="(\.[^"]*)"')


def page(template: str, out: Path, root: Path, **values: Any) -> bytes:
    """A template as a page to be written at `out`; in it href(path) links to a path relative to root."""
    return _environment().get_template(template).render(href=link_from(out, root), **values).encode("utf-8")


def fragment(kind: str, out: Path, root: Path, **values: Any) -> Markup:
    """The HTML of an exhibit of one kind, for a page at `out`."""
    template = _environment().get_template(f"kinds/{template_of(kind).name}")
    return Markup(template.render(href=link_from(out, root), **values))  # escaped by the template


def moved(html: str, origin: Path, out: Path) -> Markup:
    """Part of a page at `origin` for a page at `out`: its relative links lead where they led."""
    way = quote(Path(os.path.relpath(origin.resolve().parent, out.resolve().parent)).as_posix())

    def link(found: re.Match[str]) -> str:
        return f'{found[1]}="{_relative(posixpath.normpath(posixpath.join(way, found[2])))}"'

    return Markup(_LINK.sub(link, html))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=ChoiceLoader([FileSystemLoader(TEMPLATES), PrefixLoader({"kinds": FileSystemLoader(RENDERERS)})]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    said = {"bold_said": bold_said, "seeds_said": seeds_said, "dead_said": dead_said, "intervals_said": intervals_said}
    environment.filters |= {"duration": duration, "moment": moment, **said}
    return environment


def link_from(out: Path, root: Path) -> Callable[[str | Path], str]:
    """href(path): the URL, relative to the page `out`, of a file given relative to root."""

    def href(path: str | Path) -> str:
        return quote(_relative(Path(os.path.relpath((root / path).resolve(), out.resolve().parent)).as_posix()))

    return href


def _relative(path: str) -> str:
    """A relative URL that no browser takes for one with a scheme ("javascript:")."""
    return path if path.startswith("..") else f"./{path}"


def moment(time: str) -> str:
    """An ISO 8601 time in UTC to the minute, as "2026-03-01 10:02 UTC"; what is not a time stays as it is."""
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
