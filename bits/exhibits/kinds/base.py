"""What all kinds of exhibit have in common: how a kind declares itself, what exhibits say and can be asked."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from pydantic import Field, model_validator

from bits.config.declared import DeclarationError, Declared
from bits.config.kinds import KindError, declarations
from bits.exhibits.catalogue import Catalogue
from bits.exhibits.published import Key, PublishedValues

Need = tuple[str, str]  # source (a run or a reference), measure id
RECORD = "report.json"  # ending of the file, beside those for readers, that the report is made from
IDS = "table-<n>, figure-<n>, text-<section> or extra-<words of a-z, 0-9 and ->"
_ID = re.compile(r"(table|figure)-[1-9]\d*|text-\d+(\.\d+)*|extra-[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class ExhibitKind:
    """A kind of exhibit.

    model: what the YAML of such an exhibit may say. shape: of the measures that it shows. formats: endings of the files
    that readers get, a page (html) among them. Raises KindError for formats without it.
    """

    name: str
    model: type[Exhibit]
    shape: str
    formats: tuple[str, ...] = ("html",)

    def __post_init__(self) -> None:
        if "html" not in self.formats or RECORD in self.formats:
            raise KindError(f"kind of exhibit {self.name!r}: expected formats with html, without {RECORD}")


def exhibit_kinds() -> dict[str, ExhibitKind]:
    """Every kind of exhibit by name."""
    return {name: found.value for name, found in declarations("bits.exhibits.kinds", "KIND").items()}


def dataset_of(measure: str) -> str:
    """The data set role in a measure's id."""
    return measure.partition(".")[0]


def is_id(name: str) -> bool:
    """Whether an exhibit can be called that."""
    return _ID.fullmatch(name) is not None


class Row(Declared):
    """What one run shows. {dataset} in `run` stands for the data set role of the measure.

    extra: the paper does not have the row, so nobody published its values. here: of the run's recipe, what stands
    behind the label where the scale has another value than the paper, such as head.dimension: "256 (32 here)".
    elsewhere: of a run that the paper does not have, what others published of it, by measure, in the measure's unit;
    elsewhere_in: where.
    """

    run: str
    label: str = Field(pattern=r"\S")
    method: str | None = None
    setting: str | None = None
    group: str = ""
    extra: bool = False
    here: str | None = None
    elsewhere: dict[str, float] = Field(default_factory=dict)
    elsewhere_in: str = ""

    def source(self, measure: str) -> str:
        """The run whose measure this is."""
        return self.run.replace("{dataset}", dataset_of(measure))


class Exhibit(Declared, ABC):
    """A table, figure or group of numbers. Each kind adds its own fields and answers what is asked of it below."""

    UNSEEN: ClassVar[Mapping[str, Any]] = {}  # fields that do not show when it is rendered, as pydantic excludes them

    kind: str
    id: str
    title: str
    caption: str
    section: str
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _id_is_one(self) -> Exhibit:
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
        """Whether the paper does not have it, so that nothing in it was published."""
        return self.id.startswith("extra-")

    @property
    def name(self) -> str:
        """As the paper calls it: "Table 4", "Figure 1", "In text, Section 5.3"; else "Extra my-ablation"."""
        word, _, number = self.id.partition("-")
        return f"In text, Section {number}" if word == "text" else f"{word.capitalize()} {number}"

    @property
    def formats(self) -> tuple[str, ...]:
        """Endings of the files that readers get."""
        return exhibit_kinds()[self.kind].formats

    @property
    def endings(self) -> tuple[str, ...]:
        """Endings of all files that rendering it writes."""
        return (*self.formats, RECORD)

    @abstractmethod
    def needs(self) -> list[Need]:
        """Every (source, measure) that it shows, each once."""

    def published_keys(self, values: PublishedValues) -> Iterator[Key]:
        """Where published.csv holds what stands beside the measured values."""
        yield from ()

    def worth(self, values: PublishedValues) -> int:
        """How many values of the paper it is held against; a picture counts as one."""
        return 1

    def problems(self, catalogue: Catalogue) -> Iterator[str]:
        """What it refers to that is not in the catalogue, and what else cannot be right, a sentence each."""
        yield from ()

    def facts(self, catalogue: Catalogue) -> dict[str, Any]:
        """All that is declared and shows when it is rendered, and nothing else, as JSON values.

        A kind that shows published values, colours or references adds those.
        """
        measures = dict.fromkeys(measure for _, measure in self.needs())
        return {
            "exhibit": self.model_dump(mode="json", exclude=dict(self.UNSEEN)),
            "name": self.name,
            "measures": {name: catalogue.measures[name].model_dump(mode="json") for name in measures},
        }

    def with_added(self, row: Row, where: str) -> Exhibit:
        """Itself with a row that a user adds; raises DeclarationError, which names `where`, if it has none."""
        raise DeclarationError(f"{where}: {self.name} shows a single run; rows can be added to tables and curves")

    def for_added(self, name: str, row: Row) -> Exhibit | None:
        """A new exhibit called `name` with this row alone that shows what this one shows, where the kind has such."""
        return None

    def added_labels(self) -> list[str]:
        """Labels of added rows that are told apart by colour."""
        return []


AnyExhibit = TypeVar("AnyExhibit", bound=Exhibit)


def with_row(exhibit: AnyExhibit, field: str, row: Row, where: str) -> AnyExhibit:
    """The exhibit with one more row at the end of `field`; raises DeclarationError when the label is taken."""
    rows: tuple[Row, ...] = getattr(exhibit, field)
    if row in rows:  # the one that the exhibit was made with
        return exhibit
    if row.label in [other.label for other in rows]:
        raise DeclarationError(f"{where}: {exhibit.name} has a row {row.label!r} already; choose another label")
    return exhibit.model_copy(update={field: (*rows, row)})


def beyond_title(name: str) -> str:
    """A title made of an id: "extra-my-ablation" gives "My ablation"."""
    words = name.removeprefix("extra-").replace("-", " ")
    return words[0].upper() + words[1:]
