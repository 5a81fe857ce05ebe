"""Exhibits, measures, published values and runs held against each other."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from types import MappingProxyType

from bits.config.near import did_you_mean
from bits.exhibits.added import Elsewhere
from bits.exhibits.declarations import Declarations
from bits.exhibits.finetunings import parts_of
from bits.exhibits.kinds.base import exhibit_kinds

_SHOW_IT = (
    'Say where in its line of config/runs.yaml, as in shown: {table-9: "50"} for a row "50" of Table 9, or '
    'shown: {extra-my-ablation: "label"} for a table of its own'
)


def contradictions(
    declared: Declarations, runs: Collection[str] | None, elsewhere: Elsewhere = MappingProxyType({})
) -> list[str]:
    """Every contradiction, one sentence each; empty when all is consistent. runs: None when they are not known."""
    return [
        *_unknown_shapes(declared),
        *_unknown_measures(declared),
        *(f"exhibits.{one.id}: {problem}" for one in declared.exhibits.values() for problem in one.problems(declared)),
        *_unknown_sources(declared, runs),
        *_values_nobody_shows(declared),
        *_values_from_elsewhere(declared, elsewhere),
        *_unknown_pending(declared),
    ]


def _unknown_shapes(declared: Declarations) -> Iterator[str]:
    shapes = {kind.shape for kind in exhibit_kinds().values()}
    for measure in declared.measures.values():
        if measure.shape not in shapes:
            guess = did_you_mean(measure.shape, shapes)
            yield f"measures.yaml: {measure.id}: no kind of exhibit shows the shape {measure.shape!r}{guess}"


def _unknown_measures(declared: Declarations) -> Iterator[str]:
    kinds = exhibit_kinds()
    for exhibit in declared.exhibits.values():
        expected = kinds[exhibit.kind].shape
        for name in dict.fromkeys(measure for _, measure in exhibit.needs()):
            measure = declared.measures.get(name)
            if measure is None:
                yield f"exhibits.{exhibit.id}: no measure {name!r}{did_you_mean(name, declared.measures)}"
            elif measure.shape != expected:
                yield f"exhibits.{exhibit.id}: expected measures of shape {expected}; {name} is a {measure.shape}"


def _unknown_sources(declared: Declarations, runs: Collection[str] | None) -> Iterator[str]:
    roles = declared.roles()
    for exhibit in declared.exhibits.values():
        for source in dict.fromkeys(source for source, _ in exhibit.needs()):
            if source not in declared.references:
                yield from (f"exhibits.{exhibit.id}: {gap}" for gap in _unknown_run(source, runs, roles))
    shown = {source for exhibit in declared.exhibits.values() for source, _ in exhibit.needs()}
    for run in sorted(runs or ()):
        if run in shown:
            continue
        yield from _unknown_run(run, runs, roles)
        where = "Give it a row in config/exhibits" if parts_of(run) else _SHOW_IT
        yield f"run {run!r}: no exhibit shows it. {where}, or take the run away."


def _unknown_run(source: str, runs: Collection[str] | None, roles: Collection[str]) -> Iterator[str]:
    """What is wrong with a run's name; "-on-" is kept for fine-tunings, <run>-on-<data set role>."""
    parts = parts_of(source)
    if parts is None:
        if runs is not None and source not in runs:
            yield f"no run {source!r}{did_you_mean(source, runs)}"
        return
    run, role = parts
    if role not in roles:
        yield f"no run {source!r}: no data set role {role!r}{did_you_mean(role, roles)}"
    if runs is not None and run not in runs:
        yield f"no run {source!r}: no run {run!r}{did_you_mean(run, runs)}"


def _values_nobody_shows(declared: Declarations) -> Iterator[str]:
    exhibits = declared.exhibits.values()
    shown = {key for exhibit in exhibits for key in exhibit.published_keys(declared.published)}
    for key in declared.published:
        if key not in shown:
            name = "/".join(key)
            yield f"{declared.published.path}: no exhibit shows {name} (exhibit/method/setting/column)"


def _values_from_elsewhere(declared: Declarations, elsewhere: Elsewhere) -> Iterator[str]:
    """Numbers that others published of a run, of no measure, or of one that no exhibit shows of that run."""
    shown = {need for exhibit in declared.exhibits.values() for need in exhibit.needs()}
    for run, published in elsewhere.items():
        for measure in published.values:
            if measure not in declared.measures:
                yield f"run {run!r}: published: no measure {measure!r}{did_you_mean(measure, declared.measures)}"
            elif (run, measure) not in shown:
                yield f"run {run!r}: published: no exhibit that shows the run shows {measure}; choose one with it"


def _unknown_pending(declared: Declarations) -> Iterator[str]:
    for name in declared.pending:
        if name not in declared.exhibits:
            yield f"pending.yaml: no exhibit {name!r}{did_you_mean(name, declared.exhibits)}"
