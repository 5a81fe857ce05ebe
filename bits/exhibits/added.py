"""Rows and curves that a user adds to exhibits with `shown` in a run's line, and tables made for them alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import cycle
from pathlib import Path

from bits.config.declared import DeclarationError, near, validated
from bits.exhibits.kinds import IDS, Column, Exhibit, Grid, Lines, Row, is_id

Shown = Mapping[str, Mapping[str, str]]  # run -> exhibit id -> label
SECTION = "Beyond the paper"
# For curves of runs that no method's colour stands for; apart from those of config/exhibits and from each other.
COLOURS = ("#7A5195", "#8C564B", "#2A9FB0", "#7F7F1F", "#5B6470", "#B0532A")


def with_added(exhibits: Mapping[str, Exhibit], shown: Shown, path: Path) -> dict[str, Exhibit]:
    """The exhibits with a row or curve for every entry of `shown`; path: the file that errors name.

    An id "extra-..." that is not declared becomes a grid with the columns of the first one, at the end.
    Raises DeclarationError for an unknown exhibit, one without rows, an empty or a repeated label.
    """
    result = dict(exhibits)
    for run, places in shown.items():
        for name, label in places.items():
            key = f"{run}.shown.{name}"
            row = validated(Row, {"run": run, "label": label, "extra": True}, path, key)
            where = f"{path}: {key}"
            result[name] = _with_row(result.get(name) or _new(name, row, exhibits, where), row, where)
    return result


def added_colours(exhibits: Mapping[str, Exhibit], colours: Mapping[str, str]) -> dict[str, str]:
    """label -> colour for every added curve without one, the same in every figure."""
    lines = [exhibit for exhibit in exhibits.values() if isinstance(exhibit, Lines)]
    labels = dict.fromkeys(row.label for exhibit in lines for row in exhibit.series if row.extra)
    return dict(zip((label for label in labels if label not in colours), cycle(COLOURS), strict=False))


def _with_row(exhibit: Exhibit, row: Row, where: str) -> Exhibit:
    if not isinstance(exhibit, Grid | Lines):
        raise DeclarationError(f"{where}: {exhibit.name} shows pictures of one run; rows go to tables and curves")
    rows = exhibit.rows if isinstance(exhibit, Grid) else exhibit.series
    if row in rows:  # the one that the exhibit was made with
        return exhibit
    if row.label in [other.label for other in rows]:
        raise DeclarationError(f"{where}: {exhibit.name} has a row {row.label!r} already; choose another label")
    return exhibit.model_copy(update={"rows" if isinstance(exhibit, Grid) else "series": (*rows, row)})


def _new(name: str, row: Row, exhibits: Mapping[str, Exhibit], where: str) -> Grid:
    if not name.startswith("extra-"):
        raise DeclarationError(f"{where}: no exhibit {name!r}{near(name, exhibits)}. A new one is called extra-<words>")
    if not is_id(name):
        raise DeclarationError(f"{where}: {name!r} cannot be an exhibit's id; expected {IDS}")
    words = name.removeprefix("extra-").replace("-", " ")
    return Grid(
        id=name,
        kind="grid",
        title=words[0].upper() + words[1:],
        section=SECTION,
        caption="Runs that were added to this checkout; the paper has no such rows.",
        row_title="run",
        rows=(row,),
        columns=tuple(_standard_columns(exhibits)),
    )


def _standard_columns(exhibits: Mapping[str, Exhibit]) -> Iterator[Column]:
    """What the paper's first table measures."""
    first = next(exhibit for exhibit in exhibits.values() if isinstance(exhibit, Grid))
    for column in first.columns:
        if not column.extra:
            yield Column(label=column.label, measure=column.measure, group=column.group)
