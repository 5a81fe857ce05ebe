"""Grids: tables of rows x columns, a number in each cell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from pydantic import Field, model_validator

from bits.config.declared import Declared
from bits.config.near import did_you_mean
from bits.exhibits.catalogue import Catalogue
from bits.exhibits.kinds.base import Exhibit, ExhibitKind, Need, Row, beyond_title, with_row
from bits.exhibits.published import Key, PublishedValues

BEYOND = "Beyond the paper"  # section of tables that users add


class ReferenceRow(Declared):
    """A row that the paper does not have: what a trained backbone must beat."""

    reference: str
    label: str = ""

    def source(self, measure: str) -> str:
        """The reference, whatever the measure."""
        return self.reference


class QuotedRow(Declared):
    """Numbers from elsewhere, by column label, in the column's unit. group: of the columns, None for those of any."""

    label: str
    source: str
    values: dict[str, float]
    group: str | None = None

    def value(self, column: Column) -> float | None:
        """What stands in that column."""
        return self.values.get(column.label) if self.group in (None, column.group) else None


class Column(Declared):
    """A column of a grid. An extra one has no published value."""

    label: str
    measure: str
    published: str | None = None
    setting: str = ""
    group: str = ""
    extra: bool = False


class Grid(Exhibit):
    """A table: rows x columns of numbers. bold: whether the best of each column is, where higher or lower is better."""

    # Where to look up published values does not show; the values found there do.
    UNSEEN: ClassVar = {
        "method": True,
        "setting": True,
        "rows": {"__all__": {"method", "setting"}},
        "columns": {"__all__": {"published", "setting"}},
    }

    rows: tuple[Row, ...] = Field(min_length=1)
    columns: tuple[Column, ...] = Field(min_length=1)
    references: tuple[ReferenceRow, ...] = ()
    quoted: tuple[QuotedRow, ...] = ()
    row_title: str = "method"
    bold: bool = True
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

    def needs(self) -> list[Need]:
        """Every (source, measure) that a cell shows, each once."""
        rows: tuple[Row | ReferenceRow, ...] = (*self.rows, *self.references)
        return list(dict.fromkeys((source_of(row, c), c.measure) for row in rows for c in self.columns))

    def published_key(self, row: Row, column: Column) -> Key:
        """Where published.csv holds the cell."""
        setting = row.setting if row.setting is not None else self.setting.replace("{label}", row.label)
        settings = ";".join(part for part in (setting, column.setting) if part)
        return self.id, row.method or self.method or row.label, settings, column.published or column.label

    def published_keys(self, values: PublishedValues) -> Iterator[Key]:
        """Where each cell's published value belongs, there or not; extra rows and columns have none."""
        for row in () if self.beyond else self.rows:
            if not row.extra:
                yield from (self.published_key(row, column) for column in self.columns if not column.extra)

    def worth(self, values: PublishedValues) -> int:
        """The number of cells with a published value."""
        return sum(values.get(key) is not None for key in self.published_keys(values))

    def problems(self, catalogue: Catalogue) -> Iterator[str]:
        for row in self.references:
            if row.reference not in catalogue.references:
                guess = did_you_mean(row.reference, catalogue.references)
                yield f"no reference {row.reference!r} in references.yaml{guess}"
        labels = [column.label for column in self.columns]
        for label in (label for quoted in self.quoted for label in quoted.values):
            if label not in labels:
                yield f"quoted value for {label!r}, which is no column{did_you_mean(label, labels)}"
        for key in self.published_keys(catalogue.published):
            if catalogue.published.get(key) is None:
                candidates = ["/".join(other) for other in catalogue.published if other[0] == self.id]
                name, path = "/".join(key), catalogue.published.path
                guess = did_you_mean(name, candidates)
                yield f"nobody published {name} (exhibit/method/setting/column) in {path}{guess}"

    def facts(self, catalogue: Catalogue) -> dict[str, Any]:
        found = [catalogue.published.get(key) for key in self.published_keys(catalogue.published)]
        unnamed = [row.reference for row in self.references if not row.label]
        return {
            **super().facts(catalogue),
            "published": [[one.value, one.note] if one else None for one in found],
            "colours": {row.label: catalogue.colours[row.label] for row in self.rows if row.label in catalogue.colours},
            "references": {name: catalogue.references[name] for name in unnamed},
        }

    def with_added(self, row: Row, where: str) -> Grid:
        return with_row(self, "rows", row, where)

    def for_added(self, name: str, row: Row) -> Grid:
        """A table with this one's columns, extra ones excepted."""
        columns = (column for column in self.columns if not column.extra)
        return Grid(
            id=name,
            kind=self.kind,
            title=beyond_title(name),
            section=BEYOND,
            caption="Runs that were added to this checkout; the paper has no such rows.",
            row_title="run",
            rows=(row,),
            columns=tuple(Column(label=c.label, measure=c.measure, group=c.group) for c in columns),
        )


def source_of(row: Row | ReferenceRow, column: Column) -> str:
    """The run or reference of a cell; {column} in a row's run stands for the column's label."""
    return row.source(column.measure).replace("{column}", column.label)


def _filled(value: Any, title: str, dataset: str) -> Any:
    return value.replace("{title}", title).replace("{dataset}", dataset) if isinstance(value, str) else value


KIND = ExhibitKind(name="grid", model=Grid, shape="number", formats=("html", "tex", "md", "csv"))
