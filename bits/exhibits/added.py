"""Rows and curves that a user adds to exhibits with `shown` in a run's line, and exhibits made for them alone."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from pathlib import Path
from typing import Any

from bits.config.declared import DeclarationError, validated
from bits.config.near import did_you_mean
from bits.config.published import Published
from bits.exhibits.kinds.base import IDS, Exhibit, Row, is_id

Shown = Mapping[str, Mapping[str, str]]  # run -> exhibit id -> label
Elsewhere = Mapping[str, Published]  # run -> what others published of it
# For curves of runs that have no method's colour; unlike those of config/exhibits, and unlike each other.
COLOURS = ("#7A5195", "#8C564B", "#2A9FB0", "#7F7F1F", "#5B6470", "#B0532A")


def with_added(exhibits: Mapping[str, Exhibit], shown: Shown, elsewhere: Elsewhere, path: Path) -> dict[str, Exhibit]:
    """The exhibits with a row or curve for every entry of `shown`; path: the file that errors name.

    An id "extra-..." that is not declared becomes an exhibit at the end, made after the first that can be copied: a
    table with the columns of Table 1. Raises DeclarationError for an unknown exhibit, one that takes no rows, an empty
    or a repeated label.
    """
    result = dict(exhibits)
    for run, places in shown.items():
        for name, label in places.items():
            key = f"{run}.shown.{name}"
            row = validated(Row, {"run": run, "label": label, "extra": True, **_published(run, elsewhere)}, path, key)
            where = f"{path}: {key}"
            result[name] = (result.get(name) or _new(name, row, exhibits, where)).with_added(row, where)
    return result


def _published(run: str, elsewhere: Elsewhere) -> dict[str, Any]:
    """What a row says of what others published of its run."""
    found = elsewhere.get(run)
    return {"elsewhere": found.values, "elsewhere_in": found.source} if found else {}


def added_colours(exhibits: Mapping[str, Exhibit], colours: Mapping[str, str]) -> dict[str, str]:
    """label -> colour for every added curve without one, the same in every figure."""
    labels = dict.fromkeys(label for exhibit in exhibits.values() for label in exhibit.added_labels())
    return dict(zip((label for label in labels if label not in colours), cycle(COLOURS), strict=False))


def _new(name: str, row: Row, exhibits: Mapping[str, Exhibit], where: str) -> Exhibit:
    if not name.startswith("extra-"):
        guess = did_you_mean(name, exhibits)
        raise DeclarationError(f"{where}: no exhibit {name!r} (a new one is called extra-<words>){guess}")
    if not is_id(name):
        raise DeclarationError(f"{where}: {name!r} cannot be an exhibit's id; expected {IDS}")
    for exhibit in exhibits.values():
        made = exhibit.for_added(name, row)
        if made is not None:
            return made
    raise DeclarationError(f"{where}: no exhibit is a table whose columns {name!r} could have")
