"""Where a data set that is not there is to be had. Never imports torch."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import yaml

from bits.config.declared import CONFIG_DIR
from bits.config.section import Section
from bits.data.kind import kind_of

if TYPE_CHECKING:
    from bits.config.recipe import Dataset


class Origin(Section):
    """See config/obtain.yaml."""

    page: str
    files: tuple[str, ...]
    place: str
    fetched: bool = False

    @property
    def told(self) -> str:
        """What to get by hand, and how to lay it out."""
        *others, last = self.files
        files = f"{', '.join(others)} and {last}" if others else last
        return f"Get {files} from {self.page}; to lie in its place: {self.place}."


@cache
def origins() -> dict[str, Origin]:
    """Of every data set of which config/obtain.yaml says one, by name."""
    declared = yaml.safe_load((CONFIG_DIR / "obtain.yaml").read_text(encoding="utf-8"))
    return {name: Origin.model_validate(values) for name, values in declared.items()}


def expected(dataset: Dataset) -> str:
    """What has to lie in its place, and where that is to be had, in whole sentences."""
    origin = origins().get(dataset.name)
    said = [f"Expected {kind_of(dataset).layout}."]
    if origin and origin.fetched:
        said.append(f"snakemake data/{dataset.name} fetches it.")
    if origin:
        said.append(origin.told)
    return " ".join(said)
