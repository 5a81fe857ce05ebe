"""The files of one exhibit, and what of it the report reads instead of collecting it again."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from bits.exhibits import Declarations, Exhibit
from bits.exhibits.kinds.base import RECORD
from bits.reporting.files import ReportError, read_json
from bits.reporting.pages import fragment, page
from bits.reporting.renderers.base import Collected, Renderer, renderer_of
from bits.reporting.results import Results


class ExhibitRecord(BaseModel):
    """What the report reads of a rendered exhibit. Links in its HTML are relative to the exhibit's page.

    made_from: the plan's digest of what it was made from. have, of: counts() of what is counted, as "cells". content:
    its HTML, for a page of many exhibits. headlines: whether it can stand for a whole report on the front page;
    without_added: its HTML there, "" if the same. plotted: the columns (x, y) of its CSV that `dvc plots` shows.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    exhibit: str
    made_from: str
    counted: str
    have: int
    of: int
    content: str
    dead: tuple[str, ...]
    outcomes: tuple[str, ...]
    holes: tuple[str, ...]
    headlines: bool = False
    without_added: str = ""
    plotted: tuple[str, str] | None = None

    @property
    def headline(self) -> str:
        """Its HTML for the front page, or nothing."""
        return (self.without_added or self.content) if self.headlines else ""


def exhibit_files(
    exhibit: Exhibit, declared: Declarations, results: Results, folder: Path, strict: bool = False
) -> dict[Path, bytes]:
    """One exhibit in every format, and its record, by path in `folder`.

    Raises ReportError for a kind that nothing renders, a format that its renderer does not make, and, if strict, holes.
    """
    renderer = renderer_of(exhibit)
    collected = renderer.collect(exhibit, declared, results)
    if strict:
        require_complete(collected)
    paths = {ending: folder / f"{exhibit.id}.{ending}" for ending in exhibit.endings}
    record = _record(exhibit, renderer, collected, paths, results)
    made = {
        **renderer.contents(collected),
        "html": _page(exhibit, collected, paths, results.root),
        RECORD: (record.model_dump_json(indent=1) + "\n").encode(),
    }
    lacking = sorted(set(paths) - set(made))
    if lacking:
        raise ReportError(f"{exhibit.id}: kind {exhibit.kind} has the formats {lacking}, which its renderer lacks")
    return {path: made[ending] for ending, path in paths.items()}


def require_complete(collected: Collected) -> None:
    """Raise ReportError that lists the holes, if there are any."""
    holes = collected.holes()
    if holes:
        raise ReportError("\n".join([f"{collected.about.name} has holes:", *holes]))


def read_exhibit_record(exhibit: Exhibit, folder: Path) -> ExhibitRecord:
    """The record of a rendered exhibit; raises ReportError when one of its files is missing or it cannot be read."""
    again = f"Render the exhibit: python -m bits.commands.render exhibit --exhibit {exhibit.id} --out-dir {folder}"
    paths = {ending: folder / f"{exhibit.id}.{ending}" for ending in exhibit.endings}
    for path in paths.values():
        if not path.is_file():
            raise ReportError(f"{path} does not exist. {again}")
    path = paths[RECORD]
    try:
        return ExhibitRecord.model_validate(read_json(path, "the record of an exhibit"))
    except ValidationError as error:
        raise ReportError(f"{path}: not the record of an exhibit ({error.error_count()} errors). {again}") from error


def _content(exhibit: Exhibit, collected: Collected, paths: dict[str, Path], root: Path, unfolded: bool) -> str:
    formats = {ending: _from_root(path, root) for ending, path in paths.items()}
    return fragment(exhibit.kind, paths["html"], root, exhibit=collected, formats=formats, open=unfolded)


def _page(exhibit: Exhibit, collected: Collected, paths: dict[str, Path], root: Path) -> bytes:
    others = {ending: _from_root(paths[ending], root) for ending in exhibit.formats if ending != "html"}
    content = _content(exhibit, collected, paths, root, unfolded=True)
    return page("exhibit.html.j2", paths["html"], root, exhibit=collected, content=content, formats=others)


def _record(
    exhibit: Exhibit, renderer: Renderer, collected: Collected, paths: dict[str, Path], results: Results
) -> ExhibitRecord:
    root, (have, of) = results.root, collected.counts()
    content = _content(exhibit, collected, paths, root, unfolded=False)
    own = renderer.in_paper(collected) if renderer.in_paper else collected
    return ExhibitRecord(
        exhibit=exhibit.id,
        made_from=results.plan.exhibit_digest(exhibit.id),
        counted=renderer.counted,
        have=have,
        of=of,
        content=content,
        dead=tuple(collected.dead()),
        outcomes=tuple(collected.outcomes()),
        holes=tuple(collected.holes()),
        headlines=renderer.in_paper is not None,
        without_added="" if own == collected else _content(exhibit, own, paths, root, unfolded=False),
        plotted=renderer.plotted,
    )


def _from_root(path: Path, root: Path) -> str:
    return os.path.relpath(path.resolve(), root.resolve())
