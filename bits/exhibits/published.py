"""The published values: one line of published.csv per number, word or curve point of the paper."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bits.config.declared import DeclarationError

OUTCOMES = ("collapse", "diverges")
Key = tuple[str, str, str, str]  # exhibit id, method, setting, column
_FIELDS = ["item", "method", "setting", "column", "value", "note"]


@dataclass(frozen=True)
class PublishedValue:
    """A number in the unit the paper prints (percent, dimensions, ...) or an outcome word, and its note."""

    value: float | str
    note: str


class PublishedValues:
    """Published values by (exhibit, method, setting, column)."""

    def __init__(self, values: dict[Key, PublishedValue], path: Path) -> None:
        self._values = values
        self.path = path

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._values)

    def get(self, key: Key) -> PublishedValue | None:
        return self._values.get(key)

    def points(self, exhibit: str, method: str, setting: str, column: str, x: str) -> dict[Key, tuple[float, float]]:
        """Curve points by increasing x: key -> (x, y) of lines whose setting is `setting`;`x`=<number>."""
        found = {}
        for key, published in self._values.items():
            rest, _, last = key[2].rpartition(";")
            name, _, number = last.partition("=")
            place, value = _number(number), published.value
            wanted = (*key[:2], rest, name, key[3]) == (exhibit, method, setting, x, column)
            if wanted and place is not None and isinstance(value, float):
                found[key] = (place, value)
        return dict(sorted(found.items(), key=lambda item: item[1]))


def load_published(path: Path) -> PublishedValues:
    """Read published.csv; raises DeclarationError with the line of a duplicate or unreadable value."""
    values: dict[Key, PublishedValue] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if reader.fieldnames != _FIELDS:
                raise DeclarationError(f"{path}: expected the columns {','.join(_FIELDS)}, found {reader.fieldnames}")
            for row in reader:
                where = f"{path}: line {reader.line_num}"
                if None in row or None in row.values():
                    raise DeclarationError(f"{where}: expected {len(_FIELDS)} fields; quote a text with commas")
                key = (row["item"], row["method"], row["setting"], row["column"])
                if key in values:
                    raise DeclarationError(f"{where}: {key} is published twice")
                values[key] = PublishedValue(_value(row["value"], where), row["note"])
    except OSError as error:
        raise DeclarationError(f"{path}: cannot be read ({error.strerror}). Expected the published values.") from error
    return PublishedValues(values, path)


def _value(text: str, where: str) -> float | str:
    if text in OUTCOMES:
        return text
    value = _number(text)
    if value is None:
        raise DeclarationError(f"{where}: expected a number or one of {OUTCOMES}, found {text!r}")
    return value


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
