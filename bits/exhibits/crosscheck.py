"""Exhibits, measures, published values and runs held against each other."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from bits.config.declared import near
from bits.exhibits.finetunings import parts_of
from bits.exhibits.kinds import Gallery, Grid, Lines
from bits.exhibits.published import Key

if TYPE_CHECKING:
    from bits.exhibits.declarations import Declarations

_SHAPES = {"grid": "number", "lines": "series", "gallery": "gallery", "embedding": "embedding"}


def contradictions(declared: Declarations, runs: Collection[str] | None) -> list[str]:
    """Every contradiction, one sentence each; empty when all is consistent."""
    return [
        *_unknown_measures(declared),
        *_unknown_sources(declared, runs),
        *_unpublished_cells(declared),
        *_values_nobody_shows(declared),
        *_unknown_names(declared),
    ]


def _unknown_measures(declared: Declarations) -> Iterator[str]:
    for exhibit in declared.exhibits.values():
        for measure in dict.fromkeys(measure for _, measure in exhibit.needs()):
            if measure not in declared.measures:
                yield f"exhibits.{exhibit.id}: no measure {measure!r}{near(measure, declared.measures)}"
            elif declared.measures[measure].shape != _SHAPES[exhibit.kind]:
                shape = declared.measures[measure].shape
                expected = _SHAPES[exhibit.kind]
                yield f"exhibits.{exhibit.id}: expected measures of shape {expected}; {measure} is a {shape}"


def _unknown_sources(declared: Declarations, runs: Collection[str] | None) -> Iterator[str]:
    roles = declared.roles()
    for exhibit in declared.exhibits.values():
        for row in exhibit.references if isinstance(exhibit, Grid) else ():
            if row.reference not in declared.references:
                guess = near(row.reference, declared.references)
                yield f"exhibits.{exhibit.id}: no reference {row.reference!r} in references.yaml{guess}"
        for source in dict.fromkeys(source for source, _ in exhibit.needs()):
            yield from (f"exhibits.{exhibit.id}: {gap}" for gap in _unknown_run(source, declared, runs, roles))
    shown = {source for exhibit in declared.exhibits.values() for source, _ in exhibit.needs()}
    for run in sorted(runs or ()):
        if run in shown:
            continue
        yield from _unknown_run(run, declared, runs, roles)
        where = "Give it a row in config/exhibits" if parts_of(run) else _SHOW_IT
        yield f"run {run!r}: no exhibit shows it. {where}, or take the run away."


_SHOW_IT = (
    'Say where in its line of config/runs.yaml, as in shown: {table-9: "50"} for a row "50" of Table 9, or '
    'shown: {extra-my-ablation: "label"} for a table of its own'
)


def _unknown_run(
    source: str, declared: Declarations, runs: Collection[str] | None, roles: Collection[str]
) -> Iterator[str]:
    """What is wrong with a source's name; "-on-" is kept for fine-tunings, <run>-on-<data set role>."""
    parts = parts_of(source)
    if parts is None:
        if runs is not None and source not in runs and source not in declared.references:
            yield f"no run {source!r}{near(source, runs)}"
        return
    run, role = parts
    if role not in roles:
        yield f"no run {source!r}: no data set role {role!r}{near(role, roles)}"
    if runs is not None and run not in runs:
        yield f"no run {source!r}: no run {run!r}{near(run, runs)}"


def _unpublished_cells(declared: Declarations) -> Iterator[str]:
    for exhibit in declared.exhibits.values():
        if isinstance(exhibit, Grid):
            for key in exhibit.published_keys():
                if declared.published.get(key) is None:
                    candidates = ["/".join(other) for other in declared.published if other[0] == exhibit.id]
                    name = "/".join(key)
                    yield (
                        f"exhibits.{exhibit.id}: nobody published {name} (exhibit/method/setting/column) in "
                        f"{declared.published.path}{near(name, candidates)}"
                    )
        elif isinstance(exhibit, Lines):
            for panel, row in exhibit.published_curves():
                if not exhibit.published_points(panel, row, declared.published):
                    yield (
                        f"exhibits.{exhibit.id}: nobody published a point of {row.method or row.label} for "
                        f"column {panel.published!r}, setting {panel.setting!r}, {exhibit.x.key}=<number>"
                    )


def _values_nobody_shows(declared: Declarations) -> Iterator[str]:
    shown: set[Key] = set()
    for exhibit in declared.exhibits.values():
        if isinstance(exhibit, Grid):
            shown.update(exhibit.published_keys())
        elif isinstance(exhibit, Lines):
            for panel, row in exhibit.curves():
                shown.update(exhibit.published_points(panel, row, declared.published))
    for key in declared.published:
        if key not in shown:
            name = "/".join(key)
            yield f"{declared.published.path}: no exhibit shows {name} (exhibit/method/setting/column)"


def _unknown_names(declared: Declarations) -> Iterator[str]:
    for name in declared.pending:
        if name not in declared.exhibits:
            yield f"pending.yaml: no exhibit {name!r}{near(name, declared.exhibits)}"
    for exhibit in declared.exhibits.values():
        if isinstance(exhibit, Lines):
            missing = [row.label for row in exhibit.series if row.label not in declared.colours]
            yield from (f"exhibits.{exhibit.id}: no colour for {label!r} among the colours" for label in missing)
        elif isinstance(exhibit, Grid):
            labels = [column.label for column in exhibit.columns]
            for column in (column for row in exhibit.quoted for column in row.values):
                if column not in labels:
                    guess = near(column, labels)
                    yield f"exhibits.{exhibit.id}: quoted value for {column!r}, which is no column{guess}"
        elif isinstance(exhibit, Gallery) and exhibit.rank < 1:
            yield f"exhibits.{exhibit.id}: rank {exhibit.rank}; expected 1 for the first bit, 2, ..."
