"""The kinds of exhibit: grid, lines, gallery, embedding. Instances are declared in config/exhibits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field, model_validator

from bits.config.declared import Declared
from bits.exhibits.published import Key, PublishedValues

Need = tuple[str, str]  # source (a run or a reference), measure id
_ID = re.compile(r"(table|figure)-[1-9]\d*|text-\d+(\.\d+)*|extra-[a-z0-9]+(-[a-z0-9]+)*")
IDS = "table-<n>, figure-<n>, text-<section> or extra-<words of a-z, 0-9 and ->"


def dataset_of(measure: str) -> str:
    """The data set role in a measure's id."""
    return measure.partition(".")[0]


def is_id(name: str) -> bool:
    """Whether an exhibit can be called that."""
    return _ID.fullmatch(name) is not None


class _Exhibit(Declared):
    id: str
    title: str
    caption: str
    section: str
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _id_is_one(self) -> _Exhibit:
        if not is_id(self.id):
            raise ValueError(f"id {self.id!r}: expected {IDS}")
        return self

    @property
    def number(self) -> int | None:
        """The paper's number; None for numbers given in its text, and for what the paper does not have."""
        word, _, number = self.id.partition("-")
        return int(number) if word in ("table", "figure") else None

    @property
    def beyond(self) -> bool:
        """Whether it is none of the paper's, so that nothing in it was published."""
        return self.id.startswith("extra-")

    @property
    def name(self) -> str:
        """As the paper calls it: "Table 4", "Figure 1", "In text, Section 5.3"; else "Extra my-ablation"."""
        word, _, number = self.id.partition("-")
        return f"In text, Section {number}" if word == "text" else f"{word.capitalize()} {number}"


class Row(Declared):
    """A row of a grid, or with {dataset} in `run` one whose run depends on the column's data set.

    extra: the paper does not have it, nobody published its values.
    """

    run: str
    label: str = Field(pattern=r"\S")
    method: str | None = None
    setting: str | None = None
    group: str = ""
    extra: bool = False

    def source(self, measure: str) -> str:
        return self.run.replace("{dataset}", dataset_of(measure))


class ReferenceRow(Declared):
    """A row that the paper does not have: what a trained backbone must beat."""

    reference: str
    label: str = ""

    def source(self, measure: str) -> str:
        return self.reference


class QuotedRow(Declared):
    """Numbers from elsewhere, by column label, in the column's unit."""

    label: str
    source: str
    values: dict[str, float]


class Column(Declared):
    """A column of a grid. An extra one has no published value."""

    label: str
    measure: str
    published: str | None = None
    setting: str = ""
    group: str = ""
    extra: bool = False


class Grid(_Exhibit):
    """A table: rows x columns of numbers."""

    kind: Literal["grid"]
    rows: tuple[Row, ...] = Field(min_length=1)
    columns: tuple[Column, ...] = Field(min_length=1)
    references: tuple[ReferenceRow, ...] = ()
    quoted: tuple[QuotedRow, ...] = ()
    row_title: str = "method"
    method: str | None = None
    setting: str = ""

    @model_validator(mode="before")
    @classmethod
    def _columns_across_data_sets(cls, content: Any) -> Any:
        """Repeat the columns for every entry (title: data set role) of `across`."""
        if not isinstance(content, dict) or "across" not in content:
            return content
        content = dict(content)
        repeated = []
        for title, dataset in content.pop("across").items():
            for column in content["columns"]:
                names = {key: _filled(value, title, dataset) for key, value in column.items()}
                repeated.append({"group": title, **names})
        return {**content, "columns": repeated}

    def published_key(self, row: Row, column: Column) -> Key:
        """Where published.csv holds the cell."""
        setting = row.setting if row.setting is not None else self.setting.replace("{label}", row.label)
        settings = ";".join(part for part in (setting, column.setting) if part)
        return self.id, row.method or self.method or row.label, settings, column.published or column.label

    def published_keys(self) -> Iterator[Key]:
        """Where published.csv holds each cell; extra rows and columns have no place there."""
        for row in () if self.beyond else self.rows:
            if not row.extra:
                yield from (self.published_key(row, column) for column in self.columns if not column.extra)

    def needs(self) -> list[Need]:
        """Every (source, measure) that a cell shows, each once."""
        rows: tuple[Row | ReferenceRow, ...] = (*self.rows, *self.references)
        return list(dict.fromkeys((row.source(c.measure), c.measure) for row in rows for c in self.columns))


def _filled(value: Any, title: str, dataset: str) -> Any:
    return value.replace("{title}", title).replace("{dataset}", dataset) if isinstance(value, str) else value


class Axis(Declared):
    """The horizontal axis; `key` names x in published settings, `span` the published number of dimensions."""

    label: str
    key: str
    span: int | None = None


class Panel(Declared):
    """One set of axes: a measure that is a series."""

    measure: str
    published: str = ""
    title: str = ""
    setting: str = ""


class Lines(_Exhibit):
    """Curves: panels x series."""

    kind: Literal["lines"]
    x: Axis
    series: tuple[Row, ...] = Field(min_length=1)
    panels: tuple[Panel, ...] = Field(min_length=1)

    def curves(self) -> Iterator[tuple[Panel, Row]]:
        return ((panel, row) for panel in self.panels for row in self.series)

    def published_curves(self) -> Iterator[tuple[Panel, Row]]:
        """The curves that the paper has."""
        return ((panel, row) for panel, row in self.curves() if not (row.extra or self.beyond))

    def published_points(self, panel: Panel, row: Row, values: PublishedValues) -> dict[Key, tuple[float, float]]:
        """The published points of one curve, key -> (x, y), by increasing x; none of one that is not the paper's."""
        if row.extra or self.beyond:
            return {}
        return values.points(self.id, row.method or row.label, panel.setting, panel.published, self.x.key)

    def needs(self) -> list[Need]:
        """Every (source, measure) that a curve shows, each once."""
        return list(dict.fromkeys((row.source(panel.measure), panel.measure) for panel, row in self.curves()))


class _Picture(_Exhibit):
    run: str
    measure: str

    def needs(self) -> list[Need]:
        """The one (source, measure) that the picture shows."""
        return [(self.run, self.measure)]


class Embedding(_Picture):
    """A scatter of embedded codes: `dimensions`-D and its 2-D projections."""

    kind: Literal["embedding"]
    dimensions: int


class Gallery(_Picture):
    """Images on either side of the bit that ranks `rank`-th by the declared statistic."""

    kind: Literal["gallery"]
    rank: int
    classes: int
    paper_bit: int


Exhibit = Grid | Lines | Gallery | Embedding
KINDS: dict[str, type[Exhibit]] = {"grid": Grid, "lines": Lines, "gallery": Gallery, "embedding": Embedding}
