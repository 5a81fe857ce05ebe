"""The metrics files that each exhibit is made from, and the exhibits whose data are missing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from bits.errors import BitsError
from bits.exhibits import Declarations, Measure
from bits.plan.evaluations import Metrics
from bits.plan.imports import applies

NO_DATA = "no data for "


def left_out(
    declarations: Declarations, known: Collection[str], optional: Collection[str], roots: Mapping[str, str]
) -> dict[str, str]:
    """Exhibit -> which of its data are missing, for the computable exhibits that are left out for that reason.

    optional: roles of missing target sets for which the user has given no path; exhibits that need them are left out.
    (If the pretraining set is missing, or a set at a path given by the user, the workflow stops instead.)
    known: roles with a data set.
    """
    without = {*optional, *({measure.dataset for measure in declarations.measures.values()} - set(known))}
    found = {}
    for name in declarations.computable():
        gaps = sorted({measure.dataset for _, measure in _pairs(declarations, name)} & without)
        if gaps:
            places = (roots.get(role) or f"site.data.{role}" for role in gaps)
            found[name] = f"{NO_DATA}{', '.join(gaps)}: nothing at {', '.join(places)}"
    return found


def lost(reason: str) -> list[str]:
    """The data set roles that the reason for leaving an exhibit out names."""
    return reason.partition(":")[0].removeprefix(NO_DATA).split(", ")


def needs(
    declarations: Declarations,
    without: Collection[str],
    sources: Mapping[str, Iterable[str]],
    metrics: Metrics,
    imported: Collection[str] = (),
) -> dict[str, list[Path]]:
    """Exhibit -> the metrics files that it is made from, for all exhibits neither pending nor in `without`.

    imported: names of the sources that were trained elsewhere, of which some measures do not exist.
    Raises BitsError if an exhibit shows something that nothing computes.
    """
    found = {}
    for name in declarations.computable():
        if name not in without:
            files = {
                metrics[identity][_record(name, source, measure, metrics[identity])]
                for source, measure in _pairs(declarations, name)
                for identity in _ids(name, source, sources)
                if source not in imported or applies(measure)
            }
            found[name] = sorted(files)
    return found


def _pairs(declarations: Declarations, name: str) -> list[tuple[str, Measure]]:
    return [(source, declarations.measures[measure]) for source, measure in declarations.exhibits[name].needs()]


def _ids(exhibit: str, source: str, sources: Mapping[str, Iterable[str]]) -> Iterable[str]:
    if source not in sources:
        raise BitsError(f"config: exhibit {exhibit} shows {source!r}, which is not a run or reference of this study")
    return sources[source]


def _record(exhibit: str, source: str, measure: Measure, files: Collection[str]) -> str:
    if measure.record not in files:
        raise BitsError(f"config: exhibit {exhibit} needs {measure.id} of {source!r}, which nothing computes")
    return measure.record
