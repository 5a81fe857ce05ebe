"""What a renderer is, and where to find that of a kind of exhibit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bits.config.kinds import Found, declarations
from bits.exhibits import Declarations, Exhibit
from bits.reporting.about import About
from bits.reporting.files import ReportError
from bits.reporting.results import Results

RENDERERS = Path(__file__).parent


class Collected(Protocol):
    """An exhibit with its values, ready to be written in any format."""

    @property
    def about(self) -> About:
        """What it says of itself."""

    def holes(self) -> list[str]:
        """Why each missing seed of a value is missing, each reason once."""

    def outcomes(self) -> list[str]:
        """Which runs collapsed or diverged, and by which criterion, each once."""

    def dead(self) -> list[str]:
        """Which runs are not live, and why, each once."""

    def seeds(self) -> tuple[int, ...]:
        """The numbers of seeds that values expect, each once, increasing."""

    def counts(self) -> tuple[int, int]:
        """(values of which every seed was measured or has an outcome, values)."""


@dataclass(frozen=True)
class Renderer:
    """How exhibits of the kind `name` are rendered.

    collect: fill one with values. contents: its bytes by ending, for every format of the kind but html, which
    <name>.html.j2 makes. counted: what counts() counts, as "cells". in_paper: without what users added, for a kind
    that can stand for a whole report on the front page. plotted: the columns (x, y) of its CSV for `dvc plots`.
    """

    name: str
    collect: Callable[[Any, Declarations, Results], Collected]
    contents: Callable[[Any], Mapping[str, bytes]]
    counted: str
    in_paper: Callable[[Any], Collected] | None = None
    plotted: tuple[str, str] | None = None


def renderer_of(exhibit: Exhibit) -> Renderer:
    """The renderer of an exhibit's kind; raises ReportError if there is none."""
    renderer: Renderer = _found(exhibit.kind, exhibit.id).value
    return renderer


def files_of(kind: str, exhibit: str) -> tuple[Path, ...]:
    """The files that make exhibits of one kind what they are: declaration, renderer, template.

    Raises ReportError, which names the exhibit, for a kind that nothing renders.
    """
    declared = declarations("bits.exhibits.kinds", "KIND")[kind]
    return declared.file, _found(kind, exhibit).file, template_of(kind)


def template_of(kind: str) -> Path:
    """The kind's HTML."""
    return RENDERERS / f"{kind}.html.j2"


def _found(kind: str, exhibit: str) -> Found:
    renderers = declarations("bits.reporting.renderers", "RENDERER")
    if kind not in renderers:
        raise ReportError(
            f"{exhibit}: nothing renders exhibits of kind {kind} yet; there are renderers for {', '.join(renderers)}. "
            f"Add bits/reporting/renderers/{kind}.py, or say in config/pending.yaml what is missing."
        )
    return renderers[kind]
